// The strides viewer: memory as one strip above, the tensor that reads it below. Python follows the chain (see strided.py).

function render({ model, el }) {
  const root = frame(el, "Strides viewer", "strides");
  const error = h("p", { class: "dls-error", role: "alert" });
  const input = h("input", {
    type: "text",
    class: "dls-grow",
    spellcheck: "false",
    autocomplete: "off",
    autocapitalize: "off",
    "aria-label": "Chain of views on x",
  });
  input.addEventListener("change", () => send(model, { chain: input.value }));
  const chainTo = (chain) => {
    input.value = chain;
    send(model, { chain });
  };
  const undo = button("Undo", {
    onclick: () => {
      const { stages } = model.get("report");
      if (model.get("error")) chainTo(stages.at(-1).chain);
      else if (stages.length > 1) chainTo(stages.at(-2).chain);
    },
  });
  const reset = button("Back to x", { onclick: () => chainTo("x") });
  const presets = h(
    "select",
    { class: "dls-select", "aria-label": "Tensor" },
    ...model.get("presets").map(([key, title]) => h("option", { value: key }, title)),
  );
  presets.addEventListener("change", () => send(model, { preset: presets.value }));
  const buttons = h(
    "div",
    { class: "dls-row", role: "group", "aria-label": "Append to the chain" },
    ...model.get("buttons").map((code) =>
      button(code, {
        class: "dls-button dls-mono small",
        onclick: () => chainTo(model.get("report").stages.at(-1).chain + code),
      }),
    ),
  );
  const table = h("div", { class: "table-holder" });
  const canvas = h("div", { class: "dls-canvas" });
  const words = h("p", { class: "dls-words", "aria-live": "polite" });
  root.append(h("div", { class: "dls-row" }, presets, input, undo, reset), buttons, error, canvas, words, table);

  const state = { index: null };
  let width = 0;
  let parts = null;

  const tuple = (sizes) => `(${sizes.join(", ")}${sizes.length === 1 ? "," : ""})`;

  function drawTable(report) {
    const rows = report.stages.map((stage, i) =>
      h(
        "tr",
        {},
        h("td", { class: "dls-mono" }, stage.code),
        h("td", { class: "dls-mono" }, tuple(stage.shape)),
        h(
          "td",
          { class: "dls-mono" },
          "(",
          ...stage.strides.flatMap((stride, axis) => [
            h("b", { class: `axis${axis}` }, String(stride)),
            axis < stage.strides.length - 1 ? ", " : stage.strides.length === 1 ? "," : "",
          ]),
          ")",
        ),
        h("td", { class: "dls-mono" }, String(stage.offset)),
        h(
          "td",
          { class: stage.copied ? "copied" : "" },
          i === 0 ? "a strip of its own" : stage.copied ? "copied to a new strip" : "the same strip",
        ),
      ),
    );
    table.replaceChildren(
      h(
        "table",
        {},
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            ...["link", "shape", "strides", "offset", "memory"].map((name) => h("th", { scope: "col" }, name)),
          ),
        ),
        h("tbody", {}, ...rows),
      ),
    );
  }

  function cell(x, y, size, text, level, extra) {
    const shade = level === null ? null : Math.round(level * 100);
    const node = s(
      "g",
      { class: `cell ${extra}${shade > 52 ? " inverse" : ""}`, transform: `translate(${x} ${y})` },
      s("rect", { x: 1, y: 1, width: size - 2, height: size - 2, rx: size > 22 ? 4 : 2 }),
      s("text", {
        x: size / 2,
        y: size / 2 + size * 0.16 + 0.5,
        "text-anchor": "middle",
        text,
        "font-size": Math.min(13, size * 0.48),
      }),
    );
    if (shade !== null) node.firstChild.style.fill = `color-mix(in srgb, var(--dls-fg) ${shade}%, var(--dls-bg))`;
    return node;
  }

  function drawCells(report) {
    const stage = report.stages.at(-1);
    const { shape, strides } = stage;
    const n = report.strip.length;
    const space = Math.min(width, 860) - 12;
    const level = (place) => (report.picture ? report.level[place] : null);

    // The strip, folded into lines of equal length where the page is too narrow.
    const small = n > 24;
    const stripCell = small
      ? Math.max(16, Math.min(20, Math.floor((space - 40) / 32)))
      : Math.max(24, Math.min(34, Math.floor((space - 12) / n)));
    let perLine = n;
    if (n * stripCell + 40 > space) {
      perLine = Math.max(4, Math.floor((space - 40) / stripCell));
      for (const nice of n === 64 ? [64, 32, 16, 8] : [24, 16, 12, 8, 6, 4])
        if (nice <= perLine) {
          perLine = nice;
          break;
        }
    }
    const left = 34;
    const used = new Set(report.places);
    const strip = [];
    const group = s("g", { class: "strip" });
    const title = stage.copied || report.copies ? "Memory: a new strip, a copy" : "Memory: one strip";
    group.append(
      s("text", { class: "caption strong", x: 6, y: 16, text: perLine < n ? `${title}, folded to fit` : title }),
    );
    const lineHeight = stripCell + (small ? 4 : 18);
    for (let place = 0; place < n; place += 1) {
      const x = left + (place % perLine) * stripCell;
      const y = 26 + Math.floor(place / perLine) * lineHeight;
      const node = cell(x, y, stripCell, report.strip[place], level(place), used.has(place) ? "" : "unused");
      node.addEventListener("pointerenter", () => pointPlace(place));
      node.addEventListener("click", () => pointPlace(place));
      if (!small)
        node.append(
          s("text", {
            class: "caption",
            x: stripCell / 2,
            y: stripCell + 13,
            "font-size": 11,
            "text-anchor": "middle",
            text: place,
          }),
        );
      else if (place % perLine === 0)
        node.append(s("text", { class: "caption", x: -6, y: stripCell / 2 + 4, "text-anchor": "end", text: place }));
      strip.push({ node, x: x + stripCell / 2, y });
      group.append(node);
    }
    const stripBottom = 26 + Math.ceil(n / perLine) * lineHeight + (small ? 4 : 0);

    // The tensor: the last two dimensions as a grid, slices beside each other, more dimensions below.
    const [columns, rows] = [shape.at(-1) ?? 1, shape.at(-2) ?? 1];
    const slices = shape.slice(0, -2);
    const [across, down] = [slices.at(-1) ?? 1, count(slices.slice(0, -1))];
    const wide = across * columns;
    const size = Math.max(15, Math.min(report.picture ? 26 : 36, Math.floor((space - 60 - (across - 1) * 18) / wide)));
    const top = stripBottom + 62;
    const block = columns * size + 18;
    const total = across * block - 18;
    const start = Math.max(46, (Math.max(space, 300) - total) / 2);
    const tensor = s("g", {
      class: "tensor",
      tabindex: "0",
      role: "group",
      "aria-label": `Tensor of shape ${tuple(shape)}; arrow keys move from element to element`,
    });
    tensor.append(
      s("text", {
        class: "caption strong dls-mono",
        x: start,
        y: top - 28,
        text: `${stage.chain.length > 34 ? "result" : stage.chain}  ${tuple(shape)}`,
      }),
    );
    const cells = report.places.map((place, i) => {
      const index = unravel(i, shape);
      const slice = index.slice(0, -2);
      const x = start + (slice.at(-1) ?? 0) * block + (index.at(-1) ?? 0) * size;
      const y = top + ravel(slice.slice(0, -1), slices.slice(0, -1)) * (rows * size + 16) + (index.at(-2) ?? 0) * size;
      const node = cell(x, y, size, report.strip[place], level(place), "");
      node.addEventListener("pointerenter", () => pointIndex(index));
      node.addEventListener("click", () => pointIndex(index));
      tensor.append(node);
      return { node, x: x + size / 2, y };
    });
    // What one step along a dimension costs, in places of the strip.
    const last = shape.length - 1;
    const step = (axis, text) =>
      s("text", { class: `axis${axis} dls-mono`, "font-size": 13, text, "text-anchor": "start" });
    if (last >= 0) {
      const label = step(last, `→ ${strides[last]}`);
      setAttributes(label, { x: start, y: top - 8 });
      tensor.append(label);
    }
    if (last >= 1) {
      const label = step(last - 1, `↓ ${strides[last - 1]}`);
      setAttributes(label, { x: start - 8, y: top + size / 2 + 5, "text-anchor": "end" });
      tensor.append(label);
    }
    if (last >= 2) {
      const label = step(last - 2, `next block ${strides[last - 2]}`);
      setAttributes(label, { x: start + (across > 1 ? block : 0), y: top - 8 });
      if (across > 1) tensor.append(label);
    }
    tensor.addEventListener("focus", () => {
      if (!state.index) pointIndex(shape.map(() => 0));
    });
    tensor.addEventListener("keydown", (event) => {
      const index = stepIndex(event.key, state.index, shape);
      if (!index) return;
      event.preventDefault();
      pointIndex(index);
    });
    const height = top + down * (rows * size + 16);
    const full = Math.max(left + perLine * stripCell + 6, start + total + 12, 280);
    const link = s("path", { class: "link" });
    const svg = s(
      "svg",
      {
        viewBox: `0 0 ${full} ${height}`,
        width: full,
        height,
        role: "group",
        "aria-label": "Memory above, tensor below",
      },
      group,
      tensor,
      link,
    );
    svg.addEventListener("pointerleave", () => {
      if (!tensor.matches(":focus")) {
        state.index = null;
        light();
      }
    });
    const focused = parts && parts.tensor.matches(":focus");
    parts = { tensor, strip, cells, link, stripCell, size };
    canvas.replaceChildren(svg);
    if (focused) tensor.focus();
  }

  function pointIndex(index) {
    state.index = index;
    state.place = null;
    light();
  }
  function pointPlace(place) {
    const report = model.get("report");
    const i = report.places.indexOf(place);
    state.index = i < 0 ? null : unravel(i, report.stages.at(-1).shape);
    state.place = place;
    light();
  }

  // Light an element and its place in memory, mark where one step along each dimension leads, and spell out the sum.
  function light() {
    const report = model.get("report");
    const stage = report.stages.at(-1);
    for (const node of canvas.querySelectorAll(".lit, .near"))
      node.classList.remove("lit", "near", "axis0", "axis1", "axis2", "axis3");
    parts?.link.removeAttribute("d");
    const lines = [h("span", {}, `${stage.code === "x" ? "x" : stage.code}: ${stage.words}`)];
    const { index } = state;
    const valid = index && index.length === stage.shape.length && index.every((i, axis) => i < stage.shape[axis]);
    if (valid && parts) {
      const i = ravel(index, stage.shape);
      const place = report.places[i];
      index.forEach((at, axis) => {
        if (at + 1 >= stage.shape[axis]) return;
        const next = [...index];
        next[axis] += 1;
        parts.strip[report.places[ravel(next, stage.shape)]].node.classList.add("near", `axis${axis}`);
      });
      parts.strip[place].node.classList.remove("near", "axis0", "axis1", "axis2", "axis3");
      parts.strip[place].node.classList.add("lit");
      report.places.forEach((other, j) => {
        if (other === place) parts.cells[j].node.classList.add("lit");
      });
      const from = parts.cells[i];
      const to = parts.strip[place];
      const y = to.y + parts.stripCell;
      parts.link.setAttribute(
        "d",
        `M ${from.x} ${from.y} C ${from.x} ${from.y - 40}, ${to.x} ${y + 40}, ${to.x} ${y + 1}`,
      );
      const terms = index.flatMap((at, axis) => [
        " + ",
        h("b", { class: `axis${axis}` }, `${at}·${stage.strides[axis]}`),
      ]);
      const shared = report.places.filter((other) => other === place).length;
      lines.push(
        h(
          "span",
          {},
          `Element [${index.join(", ")}] lies at ${stage.offset}`,
          ...terms,
          ` = place ${place}, which holds ${report.strip[place]}.`,
          shared > 1 ? ` ${shared} elements share this number.` : "",
        ),
      );
    } else if (state.place !== null && state.place !== undefined && parts) {
      parts.strip[state.place]?.node.classList.add("lit");
      lines.push(
        h("span", {}, `Place ${state.place} holds ${report.strip[state.place]}; no element of this tensor reads it.`),
      );
    } else {
      lines.push(h("span", {}, "Point at an element, or move with the arrow keys, to see the place that it reads."));
    }
    words.replaceChildren(...lines);
  }

  function draw() {
    const report = model.get("report");
    if (!report.stages) return;
    if (!model.get("error") && input !== input.getRootNode().activeElement) input.value = model.get("chain");
    presets.value = model.get("preset");
    say(error, model.get("error"));
    undo.disabled = report.stages.length < 2 && !model.get("error");
    reset.disabled = undo.disabled;
    drawTable(report);
    if (width > 0) drawCells(report);
    light();
  }

  const unfollow = follow(model, ["report", "error", "chain"], () => {
    state.place = null;
    draw();
  });
  const unwatch = watchWidth(canvas, (now) => {
    if (Math.abs(now - width) > 1) {
      width = now;
      draw();
    }
  });
  draw();
  return () => {
    unfollow();
    unwatch();
  };
}

export default { render };
