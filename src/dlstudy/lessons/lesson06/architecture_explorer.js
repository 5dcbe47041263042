// The architecture explorer: the stages of a model as boxes, and a table of what each of them costs. All numbers come
// from Python; a change of model, size or batch is sent there and comes back as new rows.

function render({ model, el }) {
  const root = frame(el, "Architecture explorer", "architecture");
  const titles = new Map(model.get("models").map(([name, title]) => [name, title]));
  const COSTS = { parameters: "Parameters", multiply_adds: "Multiply-adds", activation_bytes: "Memory" };
  const COLOURS = { parameters: "--dls-blue", multiply_adds: "--dls-orange", activation_bytes: "--dls-green" };

  // --- numbers in words -------------------------------------------------------------------------------------------

  // Three figures and a unit: 25.6 M, 4.09 G, 326 MiB.
  function short(number, unit) {
    const [base, names] =
      unit === "activation_bytes"
        ? [1024, [" B", " KiB", " MiB", " GiB", " TiB"]]
        : [1000, ["", " k", " M", " G", " T"]];
    let power = 0;
    let value = number;
    while (value >= 999.5 && power < names.length - 1) {
      value /= base;
      power += 1;
    }
    const digits = power === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    return `${value.toFixed(digits)}${names[power]}`;
  }
  const share = (part, whole) => (whole ? part / whole : 0);
  const percent = (part, whole) => {
    const value = 100 * share(part, whole);
    return value > 0 && value < 1 ? "less than 1 %" : `${Math.round(value)} %`;
  };

  // --- the controls -----------------------------------------------------------------------------------------------

  function models(label, name, none) {
    const select = h(
      "select",
      { class: "dls-select", "aria-label": label },
      none ? h("option", { value: "" }, none) : null,
      ...model.get("models").map(([value, title]) => h("option", { value }, title)),
    );
    select.addEventListener("change", () => send(model, { [name]: select.value }));
    return select;
  }
  const chosen = models("Model", "model");
  const beside = models("Compare with", "beside", "nothing beside");
  const own = button("", { onclick: () => send(model, { size: ownSize() }) });
  const ownSize = () => model.get("models").find(([name]) => name === model.get("model"))[2];
  const [least, most, step] = model.get("limits");
  const slider = h("input", {
    type: "range",
    min: String(least),
    max: String(most),
    step: String(step),
    class: "dls-grow",
    "aria-label": "Side of the image in pixels",
  });
  slider.addEventListener("input", () => send(model, { size: Number(slider.value) }));
  const sizeText = h("output", { class: "number" });
  const batch = h(
    "select",
    { class: "dls-select small", "aria-label": "Images in a batch" },
    ...[1, 8, 32, 64, 128, 256].map((n) => h("option", { value: String(n) }, String(n))),
  );
  batch.addEventListener("change", () => send(model, { batch: Number(batch.value) }));

  const bars = h("div", { class: "dls-choice", role: "group", "aria-label": "Bars show" });
  for (const [name, title] of Object.entries(COSTS)) {
    bars.append(button(title, { "data-cost": name, onclick: () => send(model, { shown: name }) }));
  }

  const picture = h("div", { class: "dls-canvas boxes" });
  const table = h("div", { class: "costs" });
  const totals = h("p", { class: "totals" });
  const words = h("p", { class: "dls-words", "aria-live": "polite" });
  const error = h("p", { class: "dls-error", role: "alert" });
  root.append(
    h("div", { class: "dls-row" }, h("label", {}, "model ", chosen), h("label", {}, "beside ", beside)),
    h(
      "div",
      { class: "dls-row" },
      h("label", { class: "setting" }, "image ", sizeText),
      slider,
      own,
      h("label", { class: "setting" }, "batch ", batch),
    ),
    error,
    picture,
    h("div", { class: "dls-row" }, h("span", { class: "caption" }, "bars show"), bars),
    table,
    totals,
    words,
  );

  // --- the picture: one box for each stage, as high as its maps and as wide as it has channels -------------------------

  const SVG_HEIGHT = 150;
  function drawBoxes(rows, shown, now) {
    const size = model.get("size");
    const high = (row) => Math.max(3, (row.height / size) ** 0.6 * 118);
    const wide = (row) => 5 + Math.sqrt(row.channels) * 1.55;
    const image = { name: "image", height: size, channels: 3 };
    const all = [image, ...rows];
    const gap = 26;
    const width = all.reduce((sum, row) => sum + wide(row) + gap, gap);
    const total = model.get("totals")[shown];
    let x = gap;
    const boxes = all.map((row, n) => {
      const [w, ht] = [wide(row), high(row)];
      const node = s(
        "g",
        { class: `box${n === 0 ? " input" : ""}${n === now + 1 ? " now" : ""}`, "data-n": n - 1 },
        s("rect", { x, y: (124 - ht) / 2, width: w, height: ht, rx: 2 }),
        s("text", {
          x: x + w / 2,
          y: 142,
          "text-anchor": "middle",
          text: n === 0 ? "image" : row.name.replace("stage ", ""),
        }),
      );
      if (n > 0) {
        const part = Math.round(12 + 78 * share(row[shown], total));
        node.firstChild.style.fill = `color-mix(in srgb, var(${COLOURS[shown]}) ${part}%, var(--dls-bg))`;
        node.append(
          s("title", { text: `${row.name}: ${percent(row[shown], total)} of the ${COSTS[shown].toLowerCase()}` }),
        );
        node.append(s("rect", { class: "hit", x: x - gap / 2, y: 0, width: w + gap, height: SVG_HEIGHT }));
        node.addEventListener("click", () => send(model, { stage: n - 1 }));
      }
      x += w + gap;
      return node;
    });
    picture.replaceChildren(
      s(
        "svg",
        {
          viewBox: `0 0 ${width} ${SVG_HEIGHT}`,
          width,
          height: SVG_HEIGHT,
          role: "img",
          "aria-label": `The stages of ${titles.get(model.get("model"))} as boxes, from left to right: as high as their maps, as wide as they have channels, the darker the larger their share of the ${COSTS[shown].toLowerCase()}`,
        },
        ...boxes,
      ),
    );
  }

  // --- the table ----------------------------------------------------------------------------------------------------

  const shape = (row) => (row.height > 1 ? `${row.channels} × ${row.height} × ${row.height}` : `${row.channels}`);
  const seen = (row) => (row.sees === 0 || row.sees >= model.get("size") ? "all of it" : `${row.sees} × ${row.sees}`);

  function drawTable(rows, shown, now) {
    const focused = table.contains(root.getRootNode().activeElement);
    const sum = model.get("totals");
    const cell = (row, name) => {
      const td = h("td", { class: `num${name === shown ? " shown" : ""}` }, h("span", {}, short(row[name], name)));
      if (name === shown)
        td.style.setProperty("--share", `${100 * share(row[name], Math.max(...rows.map((one) => one[name])))}%`);
      return td;
    };
    const body = rows.map((row, n) =>
      h(
        "tr",
        { class: n === now ? "now" : "", "data-n": n, "aria-selected": String(n === now) },
        h("th", { scope: "row" }, row.name),
        h("td", { class: "blocks" }, row.blocks),
        h("td", { class: "num" }, shape(row)),
        ...Object.keys(COSTS).map((name) => cell(row, name)),
        h("td", { class: "num" }, seen(row)),
      ),
    );
    body.forEach((tr, n) => tr.addEventListener("click", () => send(model, { stage: n })));
    const foot = h(
      "tr",
      { class: "sum" },
      h("th", { scope: "row" }, "together"),
      h("td", { class: "blocks" }),
      h("td"),
      ...Object.keys(COSTS).map((name) => h("td", { class: "num" }, short(sum[name], name))),
      h("td"),
    );
    const grid = h(
      "table",
      { tabindex: "0", role: "grid", "aria-label": "Stages; the arrow keys choose one" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          ...["stage", "made of", "makes", "parameters", "multiply-adds", "memory", "sees"].map((text, n) =>
            h("th", { scope: "col", class: n === 1 ? "blocks" : n > 1 ? "num" : "" }, text),
          ),
        ),
      ),
      h("tbody", {}, ...body, foot),
    );
    grid.style.setProperty("--bar", `var(${COLOURS[shown]})`);
    grid.addEventListener("keydown", (event) => {
      const at = Math.min(model.get("stage"), rows.length - 1);
      const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      send(model, { stage: Math.max(0, Math.min(rows.length - 1, to)) });
    });
    const scrolled = table.scrollLeft;
    table.replaceChildren(grid);
    table.scrollLeft = scrolled;
    if (focused) grid.focus({ preventScroll: true });
  }

  function sentences(rows, now) {
    const row = rows[now];
    const sum = model.get("totals");
    const size = model.get("size");
    const makes = row.height > 1 ? `${row.channels} maps of ${row.height} × ${row.height}` : `${row.channels} numbers`;
    const sees =
      row.sees === 0
        ? "Each number of it has seen the whole image, whatever its size."
        : row.sees >= size
          ? `A number of it depends on ${row.sees} × ${row.sees} pixels, so on everything: the image has ${size} × ${size}.`
          : `A number of it depends on ${row.sees} × ${row.sees} of the ${size} × ${size} pixels.`;
    const made = row.blocks ? ` (${row.blocks})` : "";
    return [
      `${row.name[0].toUpperCase()}${row.name.slice(1)}${made} makes ${makes}. It holds ${percent(row.parameters, sum.parameters)} of the parameters, does ${percent(row.multiply_adds, sum.multiply_adds)} of the multiply-adds and keeps ${percent(row.activation_bytes, sum.activation_bytes)} of the memory.`,
      sees,
    ];
  }

  function compared() {
    const other = model.get("other");
    if (!model.get("beside") || !Object.keys(other).length) return "";
    const sum = model.get("totals");
    const parts = Object.entries(COSTS).map(([name, title]) => {
      const times = sum[name] / other[name];
      const factor = times >= 1 ? times : 1 / times;
      const text =
        factor < 1.005
          ? "as much"
          : `${factor.toFixed(factor < 9.95 ? 2 : 0)} times ${times >= 1 ? "as much" : "less"}`;
      return `${title.toLowerCase()} ${short(other[name], name)} (here ${text})`;
    });
    return `${titles.get(model.get("beside"))} on the same images: ${parts.join(", ")}.`;
  }

  function draw() {
    const rows = model.get("rows");
    say(error, model.get("problem"));
    if (!rows.length) return;
    const shown = model.get("shown");
    const now = Math.min(model.get("stage"), rows.length - 1);
    chosen.value = model.get("model");
    beside.value = model.get("beside");
    slider.value = String(model.get("size"));
    sizeText.textContent = `${model.get("size")} × ${model.get("size")}`;
    own.textContent = `its own: ${ownSize()}`;
    own.disabled = model.get("size") === ownSize();
    if (![...batch.options].some((option) => option.value === String(model.get("batch")))) {
      batch.append(h("option", { value: String(model.get("batch")) }, String(model.get("batch"))));
    }
    batch.value = String(model.get("batch"));
    for (const node of bars.children) node.setAttribute("aria-pressed", String(node.dataset.cost === shown));
    drawBoxes(rows, shown, now);
    drawTable(rows, shown, now);
    say(totals, compared());
    words.replaceChildren(...sentences(rows, now).map((text) => h("span", {}, `${text} `)));
  }

  draw();
  return follow(
    model,
    ["rows", "totals", "other", "shown", "stage", "problem", "size", "batch", "model", "beside"],
    draw,
  );
}

export default { render };
