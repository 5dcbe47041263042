// The decision-boundary playground. Python trains and computes the maps (see playground.py); this file draws them.

const mixed = (one, other, share) => one.map((value, i) => Math.round(value + (other[i] - value) * share));

// The colours of 0 to 255: `low` below the middle, `high` above it, `ground` between; each as one number, as canvases have it.
function palette(low, high, ground, strength) {
  return Uint32Array.from({ length: 256 }, (_, i) => {
    const signed = (i - 127.5) / 127.5;
    const [r, g, b] = mixed(ground, signed < 0 ? low : high, Math.min(1, Math.abs(signed)) * strength);
    return (255 << 24) | (b << 16) | (g << 8) | r;
  });
}

// A canvas with one pixel for each number; the stylesheet makes it larger and smooth.
function pixelCanvas(side) {
  const canvas = h("canvas", { width: side, height: side, role: "img" });
  const context = canvas.getContext("2d");
  const image = context.createImageData(side, side);
  const words = new Uint32Array(image.data.buffer);
  const fill = (bytes, offset, colours) => {
    for (let i = 0; i < words.length; i += 1) words[i] = colours[bytes[offset + i]];
    context.putImageData(image, 0, 0);
  };
  return { canvas, fill };
}

// Where the map passes the middle: straight bits between the pixels' centres, drawn on `context`.
function drawBoundary(context, bytes, side, colour) {
  const size = context.canvas.width / side;
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  context.strokeStyle = colour;
  context.lineWidth = context.canvas.width / 150;
  context.lineCap = "round";
  context.beginPath();
  for (let row = 0; row + 1 < side; row += 1) {
    for (let column = 0; column + 1 < side; column += 1) {
      const i = row * side + column;
      const a = bytes[i] > 127;
      const b = bytes[i + 1] > 127;
      const c = bytes[i + side + 1] > 127;
      const d = bytes[i + side] > 127;
      if (a === b && b === c && c === d) continue;
      const cut = [];
      const edge = (p, q, x1, y1, x2, y2) => {
        if (p > 127 === q > 127) return;
        const t = (p - 127.5) / (p - q);
        cut.push([(x1 + t * (x2 - x1) + 0.5) * size, (y1 + t * (y2 - y1) + 0.5) * size]);
      };
      edge(bytes[i], bytes[i + 1], column, row, column + 1, row);
      edge(bytes[i + 1], bytes[i + side + 1], column + 1, row, column + 1, row + 1);
      edge(bytes[i + side + 1], bytes[i + side], column + 1, row + 1, column, row + 1);
      edge(bytes[i + side], bytes[i], column, row + 1, column, row);
      for (let k = 0; k + 1 < cut.length; k += 2) {
        context.moveTo(...cut[k]);
        context.lineTo(...cut[k + 1]);
      }
    }
  }
  context.stroke();
}

function drawPoints(context, points, reach, colours, paper) {
  const { width, height } = context.canvas;
  const size = width / 90;
  context.clearRect(0, 0, width, height);
  context.lineWidth = size / 3.2;
  context.strokeStyle = paper;
  for (const [x, y, kind] of points) {
    const left = ((x + reach) / (2 * reach)) * width;
    const top = ((reach - y) / (2 * reach)) * height;
    context.fillStyle = colours[kind];
    context.beginPath();
    if (kind) context.arc(left, top, size, 0, 7);
    else context.rect(left - size * 0.9, top - size * 0.9, size * 1.8, size * 1.8);
    context.fill();
    context.stroke();
  }
}

function render({ model, el }) {
  const root = frame(el, "Decision-boundary playground", "playground");
  const menus = model.get("menus");
  const number = (name) => `dls-${name}-${Math.random().toString(36).slice(2)}`;

  // --- the settings
  function setting(text, name, options) {
    const id = number(name);
    const select = h(
      "select",
      { class: "dls-select", id },
      ...options.map(([value, title]) => h("option", { value: String(value) }, title)),
    );
    select.addEventListener("change", () =>
      send(model, { [name]: typeof model.get(name) === "number" ? Number(select.value) : select.value }),
    );
    return {
      box: h("div", { class: "setting" }, h("label", { for: id }, text), select),
      update: () => {
        select.value = String(model.get(name));
      },
    };
  }
  const settings = [
    setting("points", "data", menus.data),
    setting(
      "hidden layers",
      "depth",
      [0, 1, 2, 3, 4].map((n) => [n, String(n)]),
    ),
    setting(
      "units in each",
      "width",
      [1, 2, 3, 4, 5, 6, 7, 8].map((n) => [n, String(n)]),
    ),
    setting("activation", "bend", menus.bend),
    setting(
      "learning rate",
      "rate",
      menus.rate.map((rate) => [rate, String(rate)]),
    ),
  ];
  const reseed = button("Other weights and points", { onclick: () => send(model, { seed: model.get("seed") + 1 }) });

  // --- the pictures
  const map = pixelCanvas(menus.side);
  const lines = h("canvas", { width: 600, height: 600, "aria-hidden": "true" });
  const dots = h("canvas", { width: 800, height: 800, "aria-hidden": "true" });
  const units = h("div", { class: "units" });
  const error = h("p", { class: "dls-error", role: "alert" });
  const [steps, numbers, right, fresh] = ["steps", "count", "right", "fresh"].map((name) => h("b", { class: name }));
  const facts = h(
    "p",
    { class: "facts" },
    steps,
    " steps, ",
    numbers,
    " numbers to learn",
    h("br"),
    "right: ",
    right,
    " of these points, ",
    fresh,
    " of new ones",
  );
  let layers = [];
  let drawn = null; // the points that are on the canvas
  let colours = null;

  function learnColours() {
    const [ground, blue, orange, ink] = ["--dls-bg", "--dls-blue", "--dls-orange", "--dls-fg"].map((token) =>
      rgb(root, token),
    );
    const css = (colour) => `rgb(${colour})`;
    colours = {
      map: palette(blue, orange, ground, 0.55),
      unit: palette(blue, orange, ground, 0.9),
      kinds: [css(blue), css(orange)],
      ink: css(ink),
      ground: css(ground),
    };
    drawn = null;
  }

  function layOut() {
    const depth = model.get("depth");
    const width = model.get("width");
    if (units.childElementCount && layers.length === depth && (!depth || layers[0].length === width)) return;
    layers = Array.from({ length: depth }, () => Array.from({ length: width }, () => pixelCanvas(menus.unitSide)));
    units.replaceChildren(
      ...(depth
        ? layers.map((layer, i) =>
            h(
              "div",
              { class: "layer", role: "group", "aria-label": `hidden layer ${i + 1}` },
              h("span", {}, String(i + 1)),
              ...layer.map((unit) => unit.canvas),
            ),
          )
        : [h("p", { class: "none" }, "No hidden layer: the two coordinates go straight into the scores.")]),
    );
  }

  function draw() {
    for (const one of settings) one.update();
    layOut();
    if (!colours) learnColours();
    const picture = model.get("picture");
    const view = model.get("pixels");
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    map.fill(bytes, 0, colours.map);
    drawBoundary(lines.getContext("2d"), bytes, menus.side, colours.ink);
    const key = JSON.stringify(picture.points);
    if (drawn !== key) {
      drawn = key;
      drawPoints(dots.getContext("2d"), picture.points, menus.reach, colours.kinds, colours.ground);
    }
    let offset = menus.side ** 2;
    layers.forEach((layer, i) =>
      layer.forEach(({ canvas, fill }, k) => {
        fill(bytes, offset, colours.unit);
        offset += menus.unitSide ** 2;
        const silent = Boolean(picture.dead[i]?.[k]);
        if (canvas.dataset.silent === String(silent)) return;
        canvas.dataset.silent = String(silent);
        canvas.classList.toggle("dead", silent);
        canvas.setAttribute("aria-label", `layer ${i + 1}, unit ${k + 1}${silent ? ": silent everywhere" : ""}`);
        canvas.title = silent ? "This unit says 0 everywhere: it is dead." : "";
      }),
    );
    const percent = (share) => `${Math.round(100 * share)} %`;
    steps.textContent = model.get("step").toLocaleString("en");
    numbers.textContent = String(picture.numbers);
    right.textContent = percent(picture.right);
    fresh.textContent = percent(picture.fresh);
    map.canvas.setAttribute(
      "aria-label",
      `Map of what the network says: ${percent(picture.right)} of the points right`,
    );
    live.drawCurve();
    say(error, model.get("problem"));
  }

  const live = liveTraining(model, root, draw);
  root.append(
    h("div", { class: "dls-row settings" }, ...settings.map((one) => one.box), reseed),
    live.bar,
    error,
    h(
      "div",
      { class: "stage" },
      h("figure", { class: "inside" }, h("figcaption", {}, "what each hidden unit says, layer by layer"), units),
      h(
        "figure",
        { class: "outside" },
        h(
          "figcaption",
          {},
          "what the network says: ",
          h("span", { class: "one" }, "■"),
          " or ",
          h("span", { class: "two" }, "●"),
        ),
        h("div", { class: "map" }, map.canvas, lines, dots),
      ),
      h("div", { class: "numbers" }, live.curve, facts),
    ),
  );
  const unfollow = follow(model, ["rate"], () => settings.forEach((one) => one.update()));
  const unwatch = watchTheme(() =>
    requestAnimationFrame(() => {
      learnColours();
      draw();
    }),
  );
  draw();
  return () => {
    live.close();
    unfollow();
    unwatch();
  };
}

export default { render };
