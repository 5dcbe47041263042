// The hidden-state viewer: every unit of a trained recurrent network while it reads, and what it says after each letter.
// Python runs the network; this file draws, and sends back the text, the letter and the unit that were chosen.

function render({ model, el }) {
  const root = frame(el, "Hidden-state viewer", "hidden");
  const state = { width: 0 };
  const letter = (c) => (c === " " ? "␣" : c === "\n" ? "↵" : c);

  // --- controls ---------------------------------------------------------------------------------------------------

  const network = h(
    "select",
    { class: "dls-select", "aria-label": "trained on" },
    ...model.get("networks").map(([key, title]) => h("option", { value: key }, title)),
  );
  network.addEventListener("change", () => {
    const start = model.get("networks").find(([key]) => key === network.value)[2];
    text.value = start;
    send(model, { network: network.value, text: start, at: start.length - 1, unit: 0 });
  });
  const text = h("input", {
    type: "text",
    class: "dls-grow",
    maxlength: "40",
    "aria-label": "text to read",
    spellcheck: "false",
    autocomplete: "off",
  });
  text.addEventListener("input", () => send(model, { text: text.value, at: Math.max(0, text.value.length - 1) }));
  const go = (at) => {
    send(model, { at: Math.max(0, Math.min(model.get("report").letters.length - 1, at)) });
    draw();
  };
  const pick = (unit) => {
    send(model, { unit: Math.max(0, Math.min(model.get("report").units - 1, unit)) });
    draw();
  };
  const back = button("◀ Letter", { onclick: () => go(model.get("at") - 1) });
  const forth = button("Letter ▶", { class: "dls-button dls-main", onclick: () => go(model.get("at") + 1) });
  const unit = h("input", { type: "number", min: "0", step: "1", "aria-label": "unit" });
  unit.addEventListener("change", () => {
    if (unit.value !== "") pick(Math.round(Number(unit.value)));
  });

  const line = h("div", { class: "line", role: "img" });
  const map = h("div", { class: "map" });
  const bars = h("div", { class: "bars" });
  const words = h("p", { class: "dls-words", "aria-live": "polite" });
  root.append(
    h("div", { class: "dls-row" }, h("label", { class: "setting" }, "trained on ", network), text),
    h("div", { class: "dls-row" }, back, forth, h("label", { class: "setting" }, "follow unit ", unit)),
    line,
    h("div", { class: "stage" }, map, bars),
    words,
  );

  const mixed = (v, most) =>
    `color-mix(in srgb, var(${v < 0 ? "--dls-blue" : "--dls-orange"}) ${Math.round(Math.abs(v) * most)}%, var(--dls-bg))`;
  const colour = (v) => mixed(v, 85);
  const behind = (v) => mixed(v, 45); // letters stay readable on it
  const signed = (v) => v.toFixed(2).replace("-", "−");

  // --- the picture ------------------------------------------------------------------------------------------------

  // The text, each letter on the colour that the chosen unit has after it.
  function drawLine({ letters, states }, at, chosen) {
    line.setAttribute(
      "aria-label",
      `Unit ${chosen} over the text: ${letters.map((c, t) => `${letter(c)} ${signed(states[t][chosen])}`).join(", ")}`,
    );
    line.replaceChildren(
      ...letters.map((c, t) => {
        const klass = `letter${t === at ? " now" : ""}`;
        return h(
          "span",
          { class: klass, style: `background:${behind(states[t][chosen])}`, onclick: () => go(t) },
          letter(c),
        );
      }),
    );
  }

  function drawMap({ letters, states, units }, at, chosen) {
    const n = letters.length;
    const room = Math.min(state.width > 600 ? state.width * 0.6 : state.width, 620);
    const wide = Math.max(8, Math.min(24, Math.floor((room - 34) / Math.max(n, 1))));
    const high = units > 100 ? 3 : 4;
    const [left, top] = [30, 20];
    const svg = s("svg", {
      viewBox: `0 0 ${left + n * wide + 4} ${top + units * high + 4}`,
      width: left + n * wide + 4,
      height: top + units * high + 4,
      tabindex: "0",
      role: "application",
      "aria-label": `${units} units after each of ${n} letters. Left and right move along the text, up and down from unit to unit`,
    });
    letters.forEach((c, t) =>
      svg.append(
        s("text", {
          class: `dls-mono${t === at ? " chosen" : ""}`,
          x: left + (t + 0.5) * wide,
          y: 13,
          "text-anchor": "middle",
          "font-size": Math.min(13, wide * 1.1),
          text: letter(c),
        }),
      ),
    );
    for (const u of [0, Math.floor(units / 2), units - 1])
      svg.append(
        s("text", { x: left - 5, y: top + u * high + 6, "text-anchor": "end", "font-size": 11, text: String(u) }),
      );
    const cells = s("g", {});
    states.forEach((row, t) =>
      row.forEach((v, u) => {
        const cell = s("rect", { x: left + t * wide, y: top + u * high, width: wide - 1, height: high });
        cell.style.fill = colour(v);
        cells.append(cell);
      }),
    );
    svg.append(cells);
    if (n) {
      svg.append(
        s("rect", { class: "column", x: left + at * wide - 1, y: top - 1, width: wide + 1, height: units * high + 2 }),
      );
      svg.append(
        s("rect", { class: "row", x: left - 1, y: top + chosen * high - 1, width: n * wide + 1, height: high + 2 }),
      );
    }
    svg.addEventListener("click", (event) => {
      const box = svg.getBoundingClientRect();
      const ratio = (left + n * wide + 4) / box.width;
      const [t, u] = [
        Math.floor(((event.clientX - box.left) * ratio - left) / wide),
        Math.floor(((event.clientY - box.top) * ratio - top) / high),
      ];
      if (t >= 0 && t < n && u >= 0 && u < units) {
        send(model, { at: t, unit: u });
        draw();
      }
    });
    svg.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (by) go(model.get("at") + by);
      else if (step) pick(model.get("unit") + step);
      else if (event.key === "Home") go(0);
      else if (event.key === "End") go(n - 1);
      else return;
      event.preventDefault();
    });
    const focused = map.querySelector("svg")?.matches(":focus");
    map.replaceChildren(h("div", { class: "title" }, "each row a unit, each column the state after that letter"), svg);
    if (focused) svg.focus({ preventScroll: true });
  }

  function drawBars({ guesses, asks, letters }, at) {
    const guess = guesses[at] || [];
    const best = Math.max(0, ...guess.map(([, p]) => p));
    bars.replaceChildren(
      h(
        "div",
        { class: "title" },
        letters.length
          ? `after “${letters
              .slice(0, at + 1)
              .map(letter)
              .join("")
              .slice(-12)}”: ${asks}`
          : asks,
      ),
      ...guess.map(([label, p]) =>
        h(
          "div",
          { class: `bar${p === best ? " best" : ""}` },
          h("span", { class: "label" }, letter(label)),
          h("span", { class: "rail" }, h("span", { class: "fill", style: `width:${(100 * p).toFixed(1)}%` })),
          h("span", { class: "percent" }, `${(100 * p).toFixed(p < 0.0995 ? 1 : 0)} %`),
        ),
      ),
    );
  }

  function sentence({ letters, unknown, states, guesses, asks }, at, chosen) {
    if (!letters.length) return ["Type something: the network reads it letter by letter."];
    const [label, p] = guesses[at].reduce((one, other) => (other[1] > one[1] ? other : one));
    const before = at ? ` It was ${signed(states[at - 1][chosen])} a letter ago.` : "";
    const lines = [
      `After ${at + 1} of ${letters.length} letters its best guess at ${asks} is “${letter(label)}”, ${Math.round(100 * p)} %. Unit ${chosen} stands at ${signed(states[at][chosen])}.${before}`,
    ];
    if (unknown.length)
      lines.push(
        `It has never seen ${[...new Set(unknown.map((t) => `“${letters[t]}”`))].join(", ")}, and takes it for nothing.`,
      );
    return lines;
  }

  function draw() {
    const report = model.get("report");
    if (!state.width || !report.letters) return;
    const at = Math.max(0, Math.min(model.get("at"), report.letters.length - 1));
    const chosen = Math.min(model.get("unit"), report.units - 1);
    network.value = model.get("network");
    const focus = text.getRootNode().activeElement;
    if (text !== focus) text.value = model.get("text");
    if (unit !== focus) unit.value = String(chosen);
    unit.max = String(report.units - 1);
    back.disabled = at === 0;
    forth.disabled = at >= report.letters.length - 1;
    drawLine(report, at, chosen);
    drawMap(report, at, chosen);
    drawBars(report, at);
    words.replaceChildren(...sentence(report, at, chosen).map((one) => h("span", {}, one)));
  }

  const unfollow = follow(model, ["report", "at", "unit", "network"], draw);
  const unwatch = watchWidth(root, (width) => {
    if (Math.abs(width - state.width) > 1) {
      state.width = width;
      draw();
    }
  });
  return () => {
    unfollow();
    unwatch();
  };
}

export default { render };
