// Draw a digit, see what a network makes of it. Python prepares the picture and asks the network (see canvas.py).

function render({ model, el }) {
  const root = frame(el, "Draw your own digit", "digit");
  const side = model.get("side");
  let pixels = [...model.get("pixels")];
  let erasing = false;
  let waiting = null;

  // Ink is black with more or less of it; the stylesheet turns it white in the dark theme.
  const sheet = (label, attributes) =>
    h("canvas", { width: side, height: side, class: "ink", "aria-label": label, ...attributes });
  const paper = sheet(
    "Paper, 28 by 28 pixels. Draw with mouse or finger; or move with the arrow keys, Space puts the pen down or lifts it, Delete clears",
    { tabindex: "0", role: "application" },
  );
  const seen = sheet("What the network sees", { role: "img" });
  const cursor = h("span", { class: "cursor", hidden: true });
  const bars = h("div", { class: "bars", role: "img" });
  const words = h("p", { class: "dls-words", "aria-live": "polite" });

  const rows = Array.from({ length: 10 }, (_, digit) => {
    const bar = h("i");
    const number = h("span", { class: "number" });
    bars.append(h("span", { class: "name" }, String(digit)), h("span", { class: "track" }, bar), number);
    return { bar, number };
  });

  function ink(canvas, values) {
    const context = canvas.getContext("2d");
    const image = context.createImageData(side, side);
    values.forEach((value, i) => {
      image.data[4 * i + 3] = value;
    });
    context.putImageData(image, 0, 0);
  }

  // A soft round pen, about as wide as the strokes of the data set.
  function paint(y, x) {
    const reach = erasing ? 2.2 : 1.65;
    for (let r = Math.max(0, Math.floor(y - 3)); r < Math.min(side, y + 3); r += 1) {
      for (let c = Math.max(0, Math.floor(x - 3)); c < Math.min(side, x + 3); c += 1) {
        const strength = Math.round(255 * Math.min(1, Math.max(0, reach - Math.hypot(r + 0.5 - y, c + 0.5 - x))));
        const i = r * side + c;
        pixels[i] = erasing ? Math.min(pixels[i], 255 - strength) : Math.max(pixels[i], strength);
      }
    }
    changed();
  }

  function changed() {
    ink(paper, pixels);
    if (waiting !== null) return;
    waiting = setTimeout(() => {
      waiting = null;
      send(model, { pixels: [...pixels] });
    }, 60);
  }

  function put(values) {
    pixels = [...values];
    changed();
  }

  function move(down, right) {
    const moved = pixels.map((_, i) => {
      const r = Math.floor(i / side) - down;
      const c = (i % side) - right;
      return r < 0 || c < 0 || r >= side || c >= side ? 0 : pixels[r * side + c];
    });
    put(moved);
  }

  const hand = drawable(paper, {
    rows: side,
    columns: side,
    paint,
    moved: (at, down) => {
      cursor.hidden = !at;
      cursor.classList.toggle("down", down);
      if (at)
        cursor.style.cssText = `left:${(at[1] / side) * 100}%;top:${(at[0] / side) * 100}%;width:${100 / side}%;height:${100 / side}%`;
    },
    key: (event) => {
      if (event.key === "Delete" || event.key === "Backspace") clear();
      else if (event.key.toLowerCase() === "e") toggle();
      else return false;
      return true;
    },
  });

  const pen = button("Erase", { "aria-pressed": "false", onclick: () => toggle() });
  function toggle() {
    erasing = !erasing;
    pen.setAttribute("aria-pressed", String(erasing));
  }
  function clear() {
    hand.lift();
    put(pixels.map(() => 0));
  }
  const examples = model.get("examples");
  const menu = picker(
    "A digit of the data set",
    examples.map(([title]) => title),
    (i) => put(examples[i][1]),
  );
  const centred = h("input", { type: "checkbox", id: `centred-${Math.random().toString(36).slice(2)}` });
  centred.addEventListener("change", () => send(model, { centred: centred.checked }));
  const arrow = (text, label, down, right) =>
    button(text, { "aria-label": label, title: label, onclick: () => move(down, right) });

  root.append(
    h(
      "div",
      { class: "dls-row" },
      button("Clear", { onclick: clear }),
      pen,
      menu,
      h(
        "span",
        { class: "moves", role: "group", "aria-label": "Move the drawing" },
        arrow("←", "Move left", 0, -1),
        arrow("→", "Move right", 0, 1),
        arrow("↑", "Move up", -1, 0),
        arrow("↓", "Move down", 1, 0),
      ),
    ),
    h(
      "div",
      { class: "sheets" },
      h("figure", {}, h("div", { class: "paper" }, paper, cursor), h("figcaption", {}, "Draw a digit here")),
      h(
        "figure",
        { class: "seen" },
        seen,
        h("figcaption", {}, "what the network sees"),
        h("label", { for: centred.id }, centred, " centred and scaled as the data set is"),
      ),
      bars,
    ),
    words,
  );

  function draw() {
    const { scores, seen: image, words: text } = model.get("report");
    centred.checked = model.get("centred");
    ink(seen, image ?? []);
    const best = scores.indexOf(Math.max(...scores));
    rows.forEach(({ bar, number }, digit) => {
      bar.style.width = `${100 * (scores[digit] ?? 0)}%`;
      bar.classList.toggle("best", digit === best);
      number.textContent = scores.length ? `${(100 * scores[digit]).toFixed(1)} %` : "";
    });
    bars.setAttribute("aria-label", text);
    say(words, text);
  }

  const unfollow = follow(model, ["report", "centred"], draw);
  const unpixels = follow(model, ["pixels"], () => {
    if (waiting !== null) return; // the pen is ahead of what comes back
    pixels = [...model.get("pixels")];
    ink(paper, pixels);
  });
  ink(paper, pixels);
  draw();
  return () => {
    unfollow();
    unpixels();
    clearTimeout(waiting);
  };
}

export default { render };
