// The broadcasting visualiser. Python judges the shapes (see broadcasting.py); this file draws arrays as cells.

const GAP = 8; // between the slices of a three-dimensional array

// The element of an array of `shape` that stands at `index` of the result: axes align from the right, and a 1 serves all.
function source(index, shape) {
  const skip = index.length - shape.length;
  return shape.map((size, axis) => (size === 1 ? 0 : index[skip + axis]));
}

const written = (name, index) => (index.length ? `${name}[${index.join(", ")}]` : name);

// --- one array as cells -------------------------------------------------------------------------------------------

// Every array is drawn at the result's shape, its copies as ghosts; where nothing fits, as it is stored.
function gridSize(shape, cell) {
  const [columns, rows, slices] = [shape.at(-1) ?? 1, shape.at(-2) ?? 1, shape.at(-3) ?? 1];
  return { width: columns * cell, height: slices * rows * cell + (slices - 1) * GAP };
}

// Going back, what was stretched gets one number for each of its copies, drawn in the result's shape, and beside or below
// them their sums in the array's own shape: on the right where rows are summed, so that each sum ends its row.
function sumsOf(array, result) {
  if (count(array.shape) === count(result)) return null;
  const own = [...result.map(() => 1).slice(0, result.length - array.shape.length), ...array.shape];
  const summed = result.map((size, axis) => axis).filter((axis) => own[axis] !== result[axis]);
  return { own, right: summed.length === 1 && summed[0] === result.length - 1 };
}

const SIDE = 38; // between terms and the sums on their right
const BELOW = 30; // and those below

function blockSize(drawn, cell, sums) {
  const size = gridSize(drawn, cell);
  if (!sums) return size;
  const own = gridSize(sums.own, cell);
  return sums.right
    ? { width: size.width + SIDE + own.width, height: size.height }
    : { width: size.width, height: size.height + BELOW + own.height };
}

const labelWidth = (text) => text.length * 8.6;

// "grad of a (3, 1)" in two lines where the array is narrower than that.
function labelLines(label, width) {
  const cut = label.indexOf(" (");
  return labelWidth(label) > width + 30 ? [label.slice(0, cut), label.slice(cut + 1)] : [label];
}

function drawArray({ name, label, shape, drawn, values, sums, cell, offset, kind, state, onpoint }) {
  const { width, height } = gridSize(drawn, cell);
  const group = s("g", {
    class: "array",
    transform: `translate(${offset[0]} ${offset[1]})`,
    tabindex: "0",
    role: "group",
    "aria-label": `${label}; arrow keys move from element to element`,
    "data-array": name,
  });
  const lines = labelLines(label, width);
  lines.forEach((text, i) =>
    group.append(
      s("text", {
        class: `title ${kind} dls-mono`,
        x: width / 2,
        y: -12 - 16 * (lines.length - 1 - i),
        "font-size": 14,
        "text-anchor": "middle",
        text,
      }),
    ),
  );
  const put = (index, size, { x, y }, text, look, data, target) => {
    const [column, row, slice] = [index.at(-1) ?? 0, index.at(-2) ?? 0, index.at(-3) ?? 0];
    const at = [x + column * cell, y + ((size.at(-2) ?? 1) * slice + row) * cell + slice * GAP];
    const node = s(
      "g",
      { class: `cell ${kind}${look}`, transform: `translate(${at[0]} ${at[1]})`, ...data },
      s("rect", { x: 1.5, y: 1.5, width: cell - 3, height: cell - 3, rx: 4 }),
      s("text", {
        x: cell / 2,
        y: cell / 2 + 4.5,
        "font-size": Math.min(13, (cell - 6) / (String(text).length * 0.58)),
        "text-anchor": "middle",
        text,
      }),
    );
    node.addEventListener("pointerenter", () => onpoint(name, target));
    node.addEventListener("click", () => onpoint(name, target));
    group.append(node);
  };
  const total = count(drawn);
  for (let place = 0; place < total; place += 1) {
    const index = unravel(place, drawn);
    const own = source(index, shape);
    const skip = index.length - own.length;
    const ghost = sums !== null || index.some((i, axis) => (axis < skip ? i > 0 : own[axis - skip] !== i));
    put(index, drawn, { x: 0, y: 0 }, values(index, own, ghost), ghost ? " ghost" : "", { "data-place": place }, index);
  }
  if (sums) {
    const corner = sums.right ? { x: width + SIDE, y: 0 } : { x: 0, y: height + BELOW };
    const sign = sums.right
      ? { x: width + SIDE / 2, y: height / 2 + 5, text: "Σ →" }
      : { x: width / 2, y: height + BELOW / 2 + 5, text: "Σ ↓" };
    group.append(s("text", { class: "sum-sign", "text-anchor": "middle", ...sign }));
    for (let place = 0; place < count(sums.own); place += 1) {
      const index = unravel(place, sums.own);
      put(index, sums.own, corner, sums.values[place], " sum", { "data-sum": place }, index);
    }
  }
  group.addEventListener("focus", () => {
    if (!state.at || state.at.name !== name)
      onpoint(
        name,
        drawn.map(() => 0),
      );
  });
  group.addEventListener("keydown", (event) => {
    const index = stepIndex(event.key, state.at && state.at.name === name ? state.at.index : null, drawn);
    if (!index) return;
    event.preventDefault();
    onpoint(name, index);
  });
  return group;
}

function render({ model, el }) {
  const root = frame(el, "Broadcasting visualiser", "broadcast");
  const error = h("p", { class: "dls-error", role: "alert" });
  const table = h("div", { class: "table-holder" });
  const modes = h("span");
  const canvas = h("div", { class: "dls-canvas" });
  const words = h("p", { class: "dls-words", "aria-live": "polite" });
  const state = { at: null };
  let width = 0;

  const put = (i, shape) => send(model, { shapes: model.get("shapes").map((old, j) => (i === j ? shape : old)) });
  const examples = picker(
    "Examples",
    model.get("examples").map((one) => one.title),
    (i) => {
      send(model, { shapes: model.get("examples")[i].shapes });
    },
  );
  const third = button("", {
    onclick: () => {
      const shapes = model.get("shapes");
      send(model, { shapes: shapes.length === 2 ? [...shapes, [1]] : shapes.slice(0, 2) });
    },
  });
  root.append(h("div", { class: "dls-row" }, modes, third, examples), error, table, canvas, words);

  // --- the alignment table ----------------------------------------------------------------------------------------

  function drawTable(report, shapes) {
    const focus = root.getRootNode().activeElement?.getAttribute("data-key");
    const head = h(
      "tr",
      {},
      h("td"),
      ...report.axes.map((axis) => h("th", { scope: "col" }, `axis ${axis.position}`.replace("-", "−"))),
      h("td"),
    );
    const rows = shapes.map((shape, i) => {
      const name = report.arrays[i].name;
      const cells = report.axes.map((axis, j) => {
        const size = axis.sizes[i];
        const own = j - (report.axes.length - shape.length);
        const stretched = axis.result !== null && axis.result !== 1 && (size === 1 || size === null);
        const clash = axis.verdict === "clash" && size !== null && size !== 1;
        const kind = clash ? "clash" : stretched ? "stretch" : "";
        if (size === null) {
          return h(
            "td",
            { class: `size missing ${kind}` },
            "none",
            stretched ? h("span", { class: "grow" }, ` → ${axis.result}`) : null,
          );
        }
        const change = (by) =>
          put(
            i,
            shape.map((old, k) => (k === own ? old + by : old)),
          );
        const less = h(
          "button",
          {
            type: "button",
            "aria-label": `${name}, axis ${axis.position}: smaller`,
            "data-key": `${i},${axis.position},less`,
            disabled: size <= 1,
            onclick: () => change(-1),
          },
          "−",
        );
        const more = h(
          "button",
          {
            type: "button",
            "aria-label": `${name}, axis ${axis.position}: larger`,
            "data-key": `${i},${axis.position},more`,
            disabled: size >= 5,
            onclick: () => change(1),
          },
          "+",
        );
        return h(
          "td",
          { class: `size ${kind}` },
          h("span", { class: "stepper" }, less, h("b", {}, String(size)), more),
          stretched ? h("span", { class: "grow" }, `→ ${axis.result}`) : null,
        );
      });
      const input = h("input", {
        type: "text",
        class: "shape-input",
        "aria-label": `shape of ${name}`,
        value: shape.join(", "),
        "data-key": `${i},text`,
        spellcheck: "false",
        placeholder: "number",
      });
      input.addEventListener("change", () => put(i, input.value));
      const add = button("+ axis", {
        class: "dls-button small",
        "aria-label": `add an axis to ${name}`,
        "data-key": `${i},add`,
        disabled: shape.length >= 3,
        onclick: () => put(i, [1, ...shape]),
      });
      const drop = button("− axis", {
        class: "dls-button small",
        "aria-label": `remove the first axis of ${name}`,
        "data-key": `${i},drop`,
        disabled: shape.length === 0,
        onclick: () => put(i, shape.slice(1)),
      });
      return h(
        "tr",
        {},
        h("th", { scope: "row" }, h("b", { class: "dls-mono" }, `${name} `), input),
        ...cells,
        h("td", {}, h("span", { class: "axes" }, add, drop)),
      );
    });
    const signs = { equal: "equal", stretch: "stretch", clash: "✗ clash" };
    const why = h(
      "tr",
      {},
      h("td", {}),
      ...report.axes.map((axis) => h("td", { class: `why ${axis.verdict}`, title: axis.words }, signs[axis.verdict])),
      h("td", {}),
    );
    const result = h(
      "tr",
      { class: "result" },
      h("th", { scope: "row" }, h("b", {}, "result")),
      ...report.axes.map((axis) =>
        h(
          "td",
          { class: `size ${axis.verdict === "clash" ? "clash" : ""}` },
          axis.result === null ? "✗" : String(axis.result),
        ),
      ),
      h(
        "td",
        { class: "dls-mono" },
        report.result ? `(${report.result.join(", ")}${report.result.length === 1 ? "," : ""})` : "",
      ),
    );
    table.replaceChildren(h("table", {}, h("thead", {}, head), h("tbody", {}, ...rows, why, result)));
    if (focus) table.querySelector(`[data-key="${focus}"]`)?.focus();
  }

  // --- the cells --------------------------------------------------------------------------------------------------

  function drawCells(report, backward) {
    const shown = report.ok ? report.arrays.map(() => report.result) : report.arrays.map((array) => array.shape);
    const all = [...shown, ...(report.ok ? [report.result] : [])];
    const slices = Math.max(...all.map((shape) => (shape.at(-3) ?? 1) * (shape.at(-2) ?? 1)));
    const space = Math.min(width, 900);
    const between = width < 480 ? 26 : 40;
    const back = report.arrays.map((array) => {
      const sums = backward ? sumsOf(array, report.result) : null;
      return sums && { ...sums, values: array.grad };
    });
    const aside = back.filter((sums) => sums?.right).length;
    const needed = (shapes) => shapes.reduce((sum, shape) => sum + Math.max(shape.at(-1) ?? 1, 2), aside);
    const roomy = (space - between * (all.length - 1) - SIDE * aside - 24) / needed(all);
    const wraps = roomy < 25 && report.ok; // then the result goes below
    const first = wraps ? shown : all;
    const wanted = (space - between * (first.length - 1) - SIDE * aside - 24) / needed(first);
    const cell = Math.max(22, Math.min(42, Math.floor(wanted), Math.max(27, Math.floor(200 / slices))));

    const blocks = report.arrays.map((array, i) => ({
      name: array.name,
      kind: array.name,
      shape: array.shape,
      drawn: shown[i],
      sums: back[i],
      label: `${backward ? `grad of ${array.name}` : array.name} (${array.shape.join(", ")}${array.shape.length === 1 ? "," : ""})`,
      values: (index, own, ghost) => {
        if (backward && ghost) return report.upstream[ravel(index, report.result)];
        if (backward) return array.grad[ravel(own, array.shape)];
        return array.values[ravel(own, array.shape)];
      },
    }));
    if (report.ok) {
      blocks.push({
        name: "result",
        kind: "result",
        shape: report.result,
        drawn: report.result,
        sums: null,
        label: `${backward ? "grad of result" : "result"} (${report.result.join(", ")}${report.result.length === 1 ? "," : ""})`,
        values: (index) => (backward ? report.upstream : report.total)[ravel(index, report.result)],
      });
    }
    let x = 12;
    let y = 42;
    let lowest = 0;
    let right = 0;
    const parts = [];
    blocks.forEach((block, i) => {
      const size = blockSize(block.drawn, cell, block.sums);
      const room = Math.max(size.width, ...labelLines(block.label, size.width).map(labelWidth));
      if (block.name === "result" && wraps) {
        x = 12;
        y = lowest + 52;
      }
      if (i > 0 && report.ok) {
        const sign = block.name === "result" ? (backward ? "←" : "=") : backward ? "" : "+";
        const at =
          block.name === "result" && wraps
            ? [x + 4, y - 14]
            : [x - between / 2, y + gridSize(block.drawn, cell).height / 2 + 7];
        if (!(wraps && block.name === "result"))
          parts.push(s("text", { class: "sign", x: at[0], y: at[1], "text-anchor": "middle", text: sign }));
      }
      parts.push(drawArray({ ...block, cell, offset: [x + (room - size.width) / 2, y], state, onpoint: point }));
      x += room + between;
      right = Math.max(right, x - between);
      lowest = Math.max(lowest, y + size.height);
    });
    const [fullWidth, fullHeight] = [right + 12, lowest + 8];
    const svg = s(
      "svg",
      {
        viewBox: `0 0 ${fullWidth} ${fullHeight}`,
        width: fullWidth,
        height: fullHeight,
        class: backward ? "backward" : "",
        role: "group",
        "aria-label": report.words,
      },
      ...parts,
    );
    svg.addEventListener("pointerleave", () => {
      if (!svg.contains(svg.getRootNode().activeElement)) {
        state.at = null;
        light();
      }
    });
    const focus = root.getRootNode().activeElement?.getAttribute?.("data-array");
    canvas.replaceChildren(svg);
    if (focus) canvas.querySelector(`[data-array="${focus}"]`)?.focus();
  }

  function point(name, index) {
    state.at = { name, index };
    light();
  }

  // Light the cell pointed at and all that it came from or went to, and say the sum.
  function light() {
    const report = model.get("report");
    const backward = model.get("mode") === "backward" && report.ok;
    for (const node of canvas.querySelectorAll(".lit")) node.classList.remove("lit");
    const lines = [report.words];
    if (report.ok) {
      lines.push(
        backward
          ? report.arrays.map((array) => array.words).join(" ")
          : report.axes.map((axis) => axis.words).join(" "),
      );
    } else if (report.advice) lines.push(report.advice);
    if (
      state.at &&
      report.ok &&
      state.at.index.length === report.result.length &&
      state.at.index.every((i, axis) => i < report.result[axis])
    ) {
      const { name, index } = state.at;
      const lit = (array, place, what = "place") =>
        canvas.querySelector(`[data-array="${array}"] [data-${what}="${place}"]`)?.classList.add("lit");
      if (name === "result") {
        const place = ravel(index, report.result);
        lit("result", place);
        const from = report.arrays.map((array) => {
          lit(array.name, place);
          const own = source(index, array.shape);
          const stored = [...report.result.map(() => 0).slice(0, report.result.length - own.length), ...own];
          if (backward) lit(array.name, ravel(own, array.shape), "sum");
          else lit(array.name, ravel(stored, report.result));
          return { text: written(array.name, own), value: array.values[ravel(own, array.shape)] };
        });
        lines[1] = backward
          ? `The gradient at ${written("result", index)} is ${report.upstream[place]}. It goes to ${from.map((one) => one.text).join(" and to ")}.`
          : `${written("result", index)} = ${from.map((one) => one.text).join(" + ")} = ${from.map((one) => one.value).join(" + ")} = ${report.total[place]}.`;
      } else {
        const array = report.arrays.find((one) => one.name === name);
        const own = source(index, array.shape);
        const used = [];
        lit(name, ravel(own, array.shape), "sum");
        for (let place = 0; place < count(report.result); place += 1) {
          if (source(unravel(place, report.result), array.shape).join() === own.join()) {
            used.push(place);
            lit("result", place);
            lit(name, place);
          }
        }
        const element = written(name, own);
        if (!backward)
          lines[1] = `${element} = ${array.values[ravel(own, array.shape)]} is used ${used.length === 1 ? "once" : `${used.length} times`} in the result.`;
        else {
          const parts = used.map((place) => report.upstream[place]);
          const listed = parts.length > 12 ? `${parts.slice(0, 12).join(" + ")} + …` : parts.join(" + ");
          lines[1] = `The gradient of ${element} is ${listed}${parts.length > 1 ? ` = ${array.grad[ravel(own, array.shape)]}: the sum over its ${parts.length} copies.` : ": it was used once."}`;
        }
      }
    }
    const text = lines.filter(Boolean).join("\n");
    if (words.dataset.text !== text) {
      words.dataset.text = text;
      words.replaceChildren(...text.split("\n").map((line) => h("span", {}, line)));
    }
  }

  function draw() {
    const report = model.get("report");
    if (!report.axes) return;
    const shapes = report.arrays.map((array) => array.shape);
    const backward = model.get("mode") === "backward";
    say(error, model.get("error"));
    third.textContent = shapes.length === 2 ? "Add a third array" : "Two arrays";
    modes.replaceChildren(
      choice(
        "Direction",
        [
          ["forward", "Forward"],
          ["backward", "Backward"],
        ],
        model.get("mode"),
        (mode) => send(model, { mode }),
      ),
    );
    drawTable(report, shapes);
    if (width > 0) drawCells(report, backward && report.ok);
    light();
  }

  const unfollow = follow(model, ["report", "mode", "error"], draw);
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
