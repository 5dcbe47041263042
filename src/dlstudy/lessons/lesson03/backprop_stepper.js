// The backprop stepper. Python sends every number of the two passes with what it is made of (see backprop.py); this file
// shows those that are known by now, and lights up where a number comes from.

// Where each table stands, as [names, grid area]: weights above and between the values that they link, gradients below.
const SHEET = [
  [["W1", "b1"], "1 / 1 / 2 / 3"],
  [["W2", "b2"], "1 / 3 / 2 / 5"],
  [["x"], "2 / 1"],
  [["z"], "2 / 2"],
  [["h"], "2 / 3"],
  [["s"], "2 / 4"],
  [["p"], "2 / 5"],
  [["g_z"], "3 / 2"],
  [["g_h"], "3 / 3"],
  [["g_s"], "3 / 4"],
  [["L"], "3 / 5"],
  [["g_W1", "g_b1"], "4 / 1 / 5 / 3"],
  [["g_W2", "g_b2"], "4 / 3 / 5 / 5"],
];
const GIVEN = new Set(["x", "W1", "b1", "W2", "b2"]);

function buildTable(name, table) {
  const body = h("table", { class: "dls-table", "aria-label": `${name}, ${table.shape}` });
  let place = 0;
  for (const row of table.rows) {
    const line = h("tr");
    for (const text of row) {
      line.append(h("td", { "data-table": name, "data-place": place, text }));
      place += 1;
    }
    body.append(line);
  }
  const kind = GIVEN.has(name) ? "given" : name.startsWith("g_") ? "grads" : "values";
  return h(
    "figure",
    { class: kind, "data-figure": name },
    h("figcaption", {}, h("b", { class: "dls-mono" }, name), `  ${table.shape}`),
    body,
  );
}

function render({ model, el }) {
  const root = frame(el, "Backprop stepper", "stepper");
  const select = h(
    "select",
    { class: "dls-select", "aria-label": "Start" },
    ...model.get("presets").map((one) => h("option", { value: one.id }, one.title)),
  );
  select.addEventListener("change", () => send(model, { preset: select.value }));
  const canvas = h("div", { class: "dls-canvas" });
  const words = h("p", { class: "dls-words", "aria-live": "polite" });
  const said = h("span");
  const answer = h("span", { class: "dls-ask" });
  words.append(said, answer);
  const losses = h("p", { class: "dls-losses-line", "aria-live": "polite" });
  const last = () => model.get("shown").steps.length - 1;
  const go = (step) => send(model, { step: Math.min(Math.max(step, 0), last()) });
  const back = button("◀ Back", { onclick: () => go(model.get("step") - 1) });
  const next = button("Step ▶", { class: "dls-button dls-main", onclick: () => go(model.get("step") + 1) });
  const time = h("input", { type: "range", min: 0, step: 1, "aria-label": "Step" });
  time.addEventListener("input", () => go(Number(time.value)));
  const rate = h("input", { type: "number", step: "any", min: 0, "aria-label": "learning rate" });
  rate.addEventListener("change", () => {
    if (rate.value !== "" && Number(rate.value) >= 0) send(model, { rate: Number(rate.value) });
  });
  const down = button("Take the step downhill", {
    onclick: () => send(model, { descents: model.get("descents") + 1, step: last() }),
  });
  const reset = button("From the start", { onclick: () => send(model, { descents: 0 }) });

  root.append(
    h("div", { class: "dls-row" }, h("label", {}, "start"), select),
    canvas,
    h("div", { class: "dls-row" }, back, next, h("div", { class: "dls-time" }, time)),
    words,
    h("div", { class: "dls-row" }, h("label", { class: "dls-rate" }, "learning rate ", rate), down, reset),
    losses,
    h(
      "p",
      { class: "dls-legend" },
      h("b", { class: "value" }, "Blue"),
      " values, ",
      h("b", { class: "grad" }, "orange"),
      " gradients. Point at a number, or go there with Tab and the arrow keys, to see what it is made of. Under p the right class is underlined.",
    ),
  );

  let cells = new Map(); // "z/3" -> td
  let asked = null; // the number that was asked for, as "z/3"
  let built = null;

  const known = () => {
    const names = new Set();
    model
      .get("shown")
      .steps.slice(0, model.get("step") + 1)
      .forEach((one) => one.known.forEach((name) => names.add(name)));
    return names;
  };

  function light() {
    for (const cell of cells.values()) cell.classList.remove("lit", "asked");
    const cell = asked && cells.get(asked);
    if (!cell || cell.classList.contains("unknown")) {
      say(answer, "");
      return;
    }
    const { table, place } = cell.dataset;
    const facts = model.get("shown").tables[table];
    for (const [name, spot] of facts.from[Number(place)]) cells.get(`${name}/${spot}`)?.classList.add("lit");
    cell.classList.add("asked");
    say(answer, facts.words[Number(place)]);
  }
  const ask = (key) => {
    if (asked !== key) {
      asked = key;
      light();
    }
  };

  canvas.addEventListener("pointerover", (event) => {
    const cell = event.target.closest?.("td");
    if (cell) ask(`${cell.dataset.table}/${cell.dataset.place}`);
  });
  canvas.addEventListener("focusin", (event) => {
    if (event.target.dataset?.table) ask(`${event.target.dataset.table}/${event.target.dataset.place}`);
  });
  canvas.addEventListener("pointerdown", (event) => event.target.closest?.("td")?.focus());
  canvas.addEventListener("keydown", (event) => {
    const cell = event.target;
    if (!cell.dataset?.table) return;
    const { rows } = model.get("shown").tables[cell.dataset.table];
    const shape = [rows.length, rows[0].length];
    const to = stepIndex(event.key, unravel(Number(cell.dataset.place), shape), shape);
    if (!to) return;
    event.preventDefault();
    const target = cells.get(`${cell.dataset.table}/${ravel(to, shape)}`);
    for (const other of cell.closest("table").querySelectorAll("td")) other.tabIndex = other === target ? 0 : -1;
    target.focus();
  });

  // A grid of tables, built once and filled anew: focus stays where it is.
  function build(tables) {
    const sheet = h("div", { class: "dls-sheet" });
    for (const [names, area] of SHEET) {
      sheet.append(
        h(
          "div",
          { class: "pair", style: `grid-area: ${area}` },
          ...names.map((name) => buildTable(name, tables[name])),
        ),
      );
    }
    canvas.replaceChildren(sheet);
    cells = new Map(
      [...canvas.querySelectorAll("td")].map((cell) => [`${cell.dataset.table}/${cell.dataset.place}`, cell]),
    );
  }

  const draw = () => {
    const shown = model.get("shown");
    if (!shown.steps) return;
    if (built === null) {
      built = true;
      build(shown.tables);
    }
    const step = shown.steps[model.get("step")];
    const names = known();
    for (const [name, table] of Object.entries(shown.tables)) {
      const holder = canvas.querySelector(`[data-figure="${name}"]`);
      holder.classList.toggle("future", !names.has(name));
      holder.classList.toggle("now", step.known.includes(name));
      const texts = table.rows.flat();
      texts.forEach((text, place) => {
        const cell = cells.get(`${name}/${place}`);
        cell.textContent = names.has(name) ? text : "·";
        cell.classList.toggle("unknown", !names.has(name));
        const current = cell.closest("table").querySelector('td[tabindex="0"]');
        if (!names.has(name)) cell.removeAttribute("tabindex");
        else if (!cell.hasAttribute("tabindex")) cell.tabIndex = current ? -1 : 0;
        cell.classList.toggle(
          "right",
          name === "p" && table.right[Math.floor(place / table.rows[0].length)] === place % table.rows[0].length,
        );
      });
    }
    // Keep what is new in sight where the sheet is wider than its frame.
    const fresh = canvas.querySelector(".now");
    if (model.get("step") === 0) canvas.scrollLeft = 0;
    else if (fresh && canvas.scrollWidth > canvas.clientWidth) {
      canvas.scrollLeft += fresh.getBoundingClientRect().left - canvas.getBoundingClientRect().left - 40;
    }
    select.value = model.get("preset");
    time.max = last();
    time.value = model.get("step");
    time.setAttribute("aria-valuetext", `${step.phase}, step ${model.get("step")} of ${last()}`);
    back.disabled = model.get("step") === 0;
    next.disabled = model.get("step") === last();
    if (rate !== rate.getRootNode().activeElement) rate.value = model.get("rate");
    reset.disabled = model.get("descents") === 0;
    say(said, `${step.phase === "forward" ? "Forward. " : "Backward. "}${step.words}`);
    const seen = model
      .get("losses")
      .slice(-8)
      .map((loss) => loss.toPrecision(4));
    say(
      losses,
      model.get("losses").length > 1 ? `Loss: ${model.get("losses").length > 8 ? "… " : ""}${seen.join(" → ")}` : "",
    );
    light();
  };
  const unfollow = follow(model, ["shown", "step", "preset", "rate", "losses", "descents"], draw);
  draw();
  return unfollow;
}

export default { render };
