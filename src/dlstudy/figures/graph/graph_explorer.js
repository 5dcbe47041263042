// The graph explorer. Python sends the finished steps (see graph.py); this file draws one of them and moves between them.

const LINE = 17;
const SYMBOLS = { "*": "×", "-": "−", neg: "−", "/": "÷", "**": "xⁿ" };

// The width of a text as the page will draw it: fonts differ between systems.
const pencil = document.createElement("canvas").getContext("2d");
function widthOf(text, size = 13) {
  pencil.font = `600 ${size}px ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace`;
  return pencil.measureText(text).width;
}
const widest = (lines, size) => Math.max(0, ...lines.map((line) => widthOf(line, size)));

function badgeWidth(label) {
  const text = SYMBOLS[label] || label;
  return text.length > 1 ? widthOf(text) + 16 : 26;
}

// --- what a node's card says --------------------------------------------------------------------------------------

function gradientLines(graph, place, step) {
  const grad = step.grads[place];
  if (!grad) return null;
  const matrix = grad.total.length > 1 || grad.total[0].length > 1;
  if (!matrix) {
    const total = grad.total[0][0];
    if (grad.terms.length === 1) return [total];
    const parts = grad.terms.length <= 2 ? grad.terms : [grad.held, grad.terms[grad.terms.length - 1]];
    return [`${parts.join(" + ")} = ${total}`];
  }
  const lines = matrixLines(grad.total, graph.nodes[place].shape);
  return grad.terms.length > 1 ? [...lines, `sum of ${grad.terms.length} parts`] : lines;
}

function matrixLines(rows, shape) {
  if (shape.length === 0) return [rows[0][0]];
  const width = Math.max(...rows.flat().map((text) => text.length));
  return rows.map((row) =>
    shape.length === 1 ? `[${row.join(", ")}]` : `[${row.map((t) => t.padStart(width)).join(" ")}]`,
  );
}

// The size of a card is the largest it needs in any step, so that nothing jumps.
function measure(graph, narrow) {
  return graph.nodes.map((node, place) => {
    const value = matrixLines(node.value, node.shape);
    const empty = node.differentiable ? ["None"] : [];
    let gradWidth = widthOf("None");
    let lines = empty.length;
    for (const step of graph.steps) {
      const grad = gradientLines(graph, place, step) || empty;
      lines = Math.max(lines, grad.length);
      gradWidth = Math.max(gradWidth, widest(grad));
    }
    const head = node.kind === "operation" ? badgeWidth(node.label) + 7 : widthOf(node.label, 15) + 12;
    const width =
      node.kind === "constant"
        ? Math.max(46, widest(value) + 24)
        : Math.max(narrow ? 72 : 92, head + widest(value) + (narrow ? 18 : 24), gradWidth + (narrow ? 34 : 66));
    const height = node.kind === "constant" ? 34 : 18 + LINE * (value.length + lines) + 5;
    return { width, height, value, valueHeight: LINE * value.length };
  });
}

// A pill sits on an edge: upstream × local derivative, and what comes of it.
function pillLines(graph, flow) {
  if (flow.local !== null) return [`${flow.upstream} × ${flow.local}`, `= ${flow.contribution}`];
  return flow.contribution.length <= 12 ? [flow.contribution] : []; // a longer tensor is read off the card it arrives at
}
const pillWidth = (lines) => widest(lines, 12) + 18;

// --- where things go ----------------------------------------------------------------------------------------------

// Python gives layers and rows; here they become pixels, left to right where there is room and top to bottom on a phone.
function place(graph, narrow) {
  const sizes = measure(graph, narrow);
  const layers = Math.max(...graph.nodes.map((node) => node.layer)) + 1;
  const tallest = Math.max(...sizes.map((size) => size.height));
  const broadest = Math.max(...sizes.map((size) => size.width));
  const pills = new Array(layers).fill(0);
  for (const step of graph.steps) {
    for (const flow of step.flows) {
      const target = graph.nodes[graph.edges[flow.edge].target].layer;
      pills[target] = Math.max(pills[target], pillWidth(pillLines(graph, flow)));
    }
  }
  const pad = 16;
  const rowPitch = narrow ? broadest + 12 : tallest + 24;
  const starts = [];
  let along = pad;
  for (let layer = 0; layer < layers; layer += 1) {
    const inLayer = sizes.filter((_, i) => graph.nodes[i].layer === layer);
    const depth = Math.max(...inLayer.map((size) => (narrow ? size.height : size.width)));
    if (layer > 0) along += narrow ? 74 : Math.max(52, pills[layer] + 40);
    starts.push({ from: along, depth });
    along += depth;
  }
  const half = (narrow ? broadest : tallest) / 2;
  const across = (row) => pad + half + row * rowPitch;
  const middle = (layer) => starts[layer].from + starts[layer].depth / 2;
  const boxes = graph.nodes.map((node, i) => {
    const [x, y] = narrow ? [across(node.row), middle(node.layer)] : [middle(node.layer), across(node.row)];
    return { ...sizes[i], x, y };
  });
  const ends = boxes.map((box) => (narrow ? box.x + box.width / 2 : box.y + box.height / 2));
  const bends = graph.edges.flatMap((edge) => edge.bends.map((bend) => across(bend[1]) + 6));
  const breadth = Math.max(...ends, ...bends) + pad;
  return {
    boxes,
    starts,
    across,
    narrow,
    width: narrow ? breadth : along + pad,
    height: narrow ? along + pad : breadth,
  };
}

// The points an edge passes, from the side of its source to the side of its target.
function route(graph, layout, number) {
  const { boxes, starts, across, narrow } = layout;
  const edge = graph.edges[number];
  const from = boxes[edge.source];
  const to = boxes[edge.target];
  const partners = graph.edges.map((other, i) => [other, i]).filter(([other]) => other.target === edge.target);
  const along = (other) => {
    const last = other.bends[other.bends.length - 1];
    return last ? last[1] : graph.nodes[other.source].row;
  };
  partners.sort(([a, i], [b, j]) => along(a) - along(b) || i - j);
  const position = partners.findIndex(([, i]) => i === number) - (partners.length - 1) / 2;
  const twin = partners.filter(([other]) => other.source === edge.source).length > 1;
  const spread = position * (narrow ? 36 : 26);
  const leave = twin ? position * (narrow ? 36 : 26) : 0;
  const points = [narrow ? [from.x + leave, from.y + from.height / 2] : [from.x + from.width / 2, from.y + leave]];
  for (const [layer, row] of edge.bends) {
    const { from: start, depth } = starts[layer];
    points.push(narrow ? [across(row), start] : [start, across(row)]);
    points.push(narrow ? [across(row), start + depth] : [start + depth, across(row)]);
  }
  points.push(narrow ? [to.x + spread, to.y - to.height / 2 - 7] : [to.x - to.width / 2 - 7, to.y + spread]);
  return points;
}

function curve(points, narrow) {
  let path = `M ${points[0].join(" ")}`;
  for (let i = 1; i < points.length; i += 1) {
    const [x1, y1] = points[i - 1];
    const [x2, y2] = points[i];
    if (narrow) path += ` C ${x1} ${(y1 + y2) / 2}, ${x2} ${(y1 + y2) / 2}, ${x2} ${y2}`;
    else path += ` C ${(x1 + x2) / 2} ${y1}, ${(x1 + x2) / 2} ${y2}, ${x2} ${y2}`;
  }
  return path;
}

// --- drawing one step ---------------------------------------------------------------------------------------------

function drawCard(graph, layout, step, place, onjump) {
  const node = graph.nodes[place];
  const box = layout.boxes[place];
  const known = node.kind !== "operation" || place <= step.known;
  const active = step.node === place;
  const grew = step.flows.some((flow) => graph.edges[flow.edge].source === place);
  const forward = active && step.phase === "forward";
  const group = s("g", {
    class: `${node.kind}${active ? " active" : ""}${forward ? " forward" : ""}${known ? "" : " waiting"}${grew ? " grew" : ""}`,
    transform: `translate(${box.x - box.width / 2} ${box.y - box.height / 2})`,
    "data-node": place,
  });
  if (node.kind === "operation") group.addEventListener("click", () => onjump(place));
  group.append(s("title", { text: node.node ? `${node.text}  (${node.node})` : node.text }));
  group.append(s("rect", { class: "card", width: box.width, height: box.height, rx: 10 }));
  if (node.name) group.append(s("text", { class: "name dls-mono", x: 4, y: -6, "font-size": 13, text: node.name }));
  if (node.kind === "constant") {
    group.append(
      s("text", {
        class: "dls-mono",
        x: box.width / 2,
        y: 22,
        "font-size": 13,
        "text-anchor": "middle",
        text: node.label,
      }),
    );
    return group;
  }
  const middle = 9 + box.valueHeight / 2;
  if (node.kind === "operation") {
    const text = SYMBOLS[node.label] || node.label;
    const wide = badgeWidth(node.label);
    group.append(s("rect", { class: "badge", x: 7, y: middle - 13, width: wide, height: 26, rx: 13 }));
    group.append(
      s("text", {
        class: "symbol",
        x: 7 + wide / 2,
        y: middle + (text.length > 1 ? 4.5 : 6),
        "font-size": text.length > 1 ? 13 : 18,
        "text-anchor": "middle",
        text,
      }),
    );
  } else {
    group.append(s("text", { class: "label dls-mono", x: 12, y: middle + 5, "font-size": 15, text: node.label }));
  }
  const right = box.width - 11;
  (known ? box.value : ["?"]).forEach((line, i) => {
    group.append(
      s("text", {
        class: "value dls-mono",
        x: right,
        y: 9 + LINE * i + 13,
        "font-size": 13,
        "text-anchor": "end",
        "xml:space": "preserve",
        text: line,
      }),
    );
  });
  const top = 9 + box.valueHeight + 6;
  group.append(s("line", { class: "rule", x1: 8, x2: box.width - 8, y1: top, y2: top }));
  if (!node.differentiable) return group;
  group.append(
    s("text", {
      class: "none",
      x: 12,
      y: top + 16,
      "font-size": 12,
      text: layout.narrow ? "∂" : node.kind === "leaf" ? ".grad" : "grad",
    }),
  );
  const lines = gradientLines(graph, place, step);
  const holder = s("g", { class: "plus" });
  (lines || [node.kind === "leaf" ? "None" : "–"]).forEach((line, i) => {
    holder.append(
      s("text", {
        class: lines ? "grad dls-mono" : "none dls-mono",
        x: right,
        y: top + 16 + LINE * i,
        "font-size": 13,
        "text-anchor": "end",
        "xml:space": "preserve",
        text: line,
      }),
    );
  });
  group.append(holder);
  return group;
}

function drawEdge(graph, layout, step, number, slopes) {
  const edge = graph.edges[number];
  const flow = step.flows.find((one) => one.edge === number);
  const feeding = step.phase === "forward" && step.node === edge.target;
  const passed = slopes.has(number);
  const kind = flow ? "back" : feeding ? "on" : passed ? "done" : graph.nodes[edge.source].differentiable ? "" : "off";
  const points = route(graph, layout, number);
  const [x, y] = points[points.length - 1];
  const group = s("g", { "data-edge": number });
  group.append(s("path", { class: `edge ${kind}`, d: curve(points, layout.narrow) }));
  const backward = flow || passed; // gradients run against the arrow of the forward pass
  if (backward) {
    const [bx, by] = points[0];
    const tip = layout.narrow ? `${bx} ${by} l -5.5 9 l 11 0 z` : `${bx} ${by} l 9 -5.5 l 0 11 z`;
    group.append(s("path", { class: `head ${kind}`, d: `M ${tip}` }));
  } else {
    const tip = layout.narrow ? `${x} ${y + 7} l -5.5 -9 l 11 0 z` : `${x + 7} ${y} l -9 -5.5 l 0 11 z`;
    group.append(s("path", { class: `head ${kind}`, d: `M ${tip}` }));
  }
  return group;
}

function drawPill(graph, layout, number, lines, old) {
  const points = route(graph, layout, number);
  const [ax, ay] = points[points.length - 2];
  const [bx, by] = points[points.length - 1];
  const width = pillWidth(lines);
  const height = lines.length * 15 + 8;
  let x = (ax + bx) / 2 - width / 2;
  const y = (ay + by) / 2 - height / 2;
  if (layout.narrow) x = Math.min(Math.max(x, 2), layout.width - width - 2);
  const group = s(
    "g",
    {},
    s("rect", { class: `pill${old ? " old" : ""}`, width, height, rx: 11 }),
    ...lines.map((text, i) =>
      s("text", {
        class: `${old ? "none" : "grad"} dls-mono`,
        x: width / 2,
        y: 16 + 15 * i,
        "font-size": 12,
        "text-anchor": "middle",
        text,
      }),
    ),
  );
  return { group, x, y, width, height };
}

// Pills that would cover each other move apart, across the direction in which the graph runs.
function separate(pills, narrow) {
  const [axis, size] = narrow ? ["x", "width"] : ["y", "height"];
  const [other, extent] = narrow ? ["y", "height"] : ["x", "width"];
  for (let round = 0; round < 20; round += 1) {
    for (let i = 0; i < pills.length; i += 1) {
      for (let j = 0; j < i; j += 1) {
        const [a, b] = [pills[i], pills[j]];
        const near = a[other] < b[other] + b[extent] + 2 && b[other] < a[other] + a[extent] + 2;
        const overlap = (a[size] + b[size]) / 2 + 3 - Math.abs(a[axis] + a[size] / 2 - b[axis] - b[size] / 2);
        if (near && overlap > 0) {
          const sign = a[axis] + a[size] / 2 >= b[axis] + b[size] / 2 ? 1 : -1;
          a[axis] += (sign * overlap) / 2;
          b[axis] -= (sign * overlap) / 2;
        }
      }
    }
  }
  for (const { group, x, y } of pills) group.setAttribute("transform", `translate(${x} ${y})`);
}

function drawGraph(graph, stepNumber, available, onjump) {
  // Left to right where that fits without shrinking much, or where nothing fits and it scrolls; else top to bottom.
  const flat = place(graph, false);
  const tall = place(graph, true);
  const narrow = available < 480 || (flat.width * 0.76 > available && tall.width * 0.78 <= available);
  const layout = narrow ? tall : flat;
  const step = graph.steps[stepNumber];
  const first = graph.seeds.filter((seed) => seed <= stepNumber).pop();
  const slopes = new Map();
  if (first !== undefined) {
    for (const past of graph.steps.slice(first, stepNumber)) {
      for (const flow of past.flows) slopes.set(flow.edge, flow.local);
    }
  }
  const scale = Math.max(Math.min(1, (available - 8) / layout.width), narrow ? 0.78 : 0.72);
  const svg = s("svg", {
    viewBox: `0 0 ${layout.width} ${layout.height}`,
    width: layout.width * scale,
    height: layout.height * scale,
    role: "img",
    "aria-label": describe(graph),
  });
  graph.edges.forEach((_, number) => svg.append(drawEdge(graph, layout, step, number, slopes)));
  graph.nodes.forEach((_, number) => svg.append(drawCard(graph, layout, step, number, onjump)));
  const pills = [];
  for (const [number, local] of slopes) {
    if (local !== null && !step.flows.some((flow) => flow.edge === number)) {
      pills.push(drawPill(graph, layout, number, [`× ${local}`], true));
    }
  }
  for (const flow of step.flows) {
    const lines = pillLines(graph, flow);
    if (lines.length) pills.push(drawPill(graph, layout, flow.edge, lines, false));
  }
  separate(pills, narrow);
  svg.append(...pills.map((pill) => pill.group));
  return svg;
}

// Where the graph is wider than its frame, keep the active node and what it sends in sight.
function keepInSight(canvas) {
  const shown = canvas.getBoundingClientRect();
  for (const node of [...canvas.querySelectorAll(".grew"), ...canvas.querySelectorAll(".active")]) {
    const box = node.getBoundingClientRect();
    if (box.left < shown.left + 8) canvas.scrollLeft += box.left - shown.left - 24;
    else if (box.right > shown.right - 8) canvas.scrollLeft += box.right - shown.right + 24;
  }
}

function describe(graph) {
  const parts = graph.nodes
    .filter((node) => node.kind === "operation")
    .map((node) => {
      const place = graph.nodes.indexOf(node);
      const inputs = graph.edges
        .filter((edge) => edge.target === place)
        .map((edge) => {
          const source = graph.nodes[edge.source];
          return source.name || source.text;
        });
      return `${node.label} of ${inputs.join(" and ")}`;
    });
  return `Graph of operations, inputs first: ${parts.join("; ")}.`;
}

// --- controls -----------------------------------------------------------------------------------------------------

function valueControl(model, name) {
  const value = model.get("values")[name];
  const put = (next) => send(model, { values: { ...model.get("values"), [name]: next } });
  const holder = h("span", { class: "dls-value" });
  if (typeof value !== "number") {
    const input = h("input", {
      type: "text",
      value: JSON.stringify(value),
      "aria-label": `value of ${name}`,
      spellcheck: "false",
    });
    input.addEventListener("change", () => {
      let next = input.value;
      try {
        next = JSON.parse(input.value);
      } catch {
        /* Python says what is wrong with it */
      }
      put(next);
    });
    holder.append(h("label", { class: "dls-mono" }, name), input);
    holder.refresh = (next) => {
      if (typeof next !== "number") input.value = JSON.stringify(next);
    };
    return holder;
  }
  const reach = Math.max(5, Math.abs(value) * 1.5);
  const slider = h("input", {
    type: "range",
    min: -reach,
    max: reach,
    step: reach > 20 ? 1 : 0.1,
    "aria-label": `${name}, slider`,
  });
  const number = h("input", { type: "number", step: "any", "aria-label": `value of ${name}` });
  slider.value = value;
  number.value = value;
  slider.addEventListener("input", () => {
    number.value = Number(slider.value);
    put(Number(slider.value));
  });
  number.addEventListener("change", () => {
    if (number.value !== "") {
      slider.value = number.value;
      put(Number(number.value));
    }
  });
  holder.append(h("label", { class: "dls-mono" }, name), slider, number);
  holder.refresh = (next) => {
    if (Number(number.value) !== next && number !== number.getRootNode().activeElement) number.value = next;
    if (Number(slider.value) !== next) slider.value = next;
  };
  return holder;
}

function render({ model, el }) {
  const root = frame(el, "Graph explorer", "graph");
  const input = h("input", {
    type: "text",
    class: "dls-grow",
    spellcheck: "false",
    autocomplete: "off",
    autocapitalize: "off",
    "aria-label": "Expression",
  });
  const submit = () => {
    if (input.value !== model.get("expression")) send(model, { expression: input.value });
  };
  input.addEventListener("change", submit);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") submit();
  });
  const examples = picker(
    "Examples",
    model.get("examples").map((one) => one.title),
    (i) => {
      const { expression, values } = model.get("examples")[i];
      send(model, { values: { ...model.get("values"), ...values }, expression });
    },
  );
  const error = h("p", { class: "dls-error", role: "alert" });
  const values = h("div", { class: "dls-row dls-values", role: "group", "aria-label": "Values of the inputs" });
  const canvas = h("div", {
    class: "dls-canvas",
    tabindex: "0",
    role: "group",
    "aria-label": "Graph; left and right arrow keys step",
  });
  const words = h("p", { class: "dls-words", "aria-live": "polite" });

  const last = () => model.get("graph").steps.length - 1;
  const go = (step) => send(model, { step: Math.min(Math.max(step, 0), last()) });
  const back = button("◀ Back", { onclick: () => go(model.get("step") - 1) });
  const next = button("Step ▶", { class: "dls-button dls-main", onclick: () => go(model.get("step") + 1) });
  const again = button("backward() again", {
    title: "Call backward() once more without clearing .grad",
    onclick: () => {
      const seeds = model.get("graph").seeds.length;
      send(model, { passes: seeds + 1, step: last() + 1 });
    },
  });
  const clear = button("zero_grad()", {
    title: "Clear .grad and go back to where no gradient exists",
    onclick: () => send(model, { passes: 1, step: model.get("graph").start }),
  });
  const slider = h("input", { type: "range", min: 0, step: 1, "aria-label": "Step" });
  slider.addEventListener("input", () => go(Number(slider.value)));
  const scale = h("div", { class: "dls-scale", "aria-hidden": "true" });
  canvas.addEventListener("keydown", (event) => {
    const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (move) {
      event.preventDefault();
      go(model.get("step") + move);
    }
    if (event.key === "Home") {
      event.preventDefault();
      go(0);
    }
    if (event.key === "End") {
      event.preventDefault();
      go(last());
    }
  });

  root.append(
    h("div", { class: "dls-row" }, input, button("Draw", { onclick: submit }), examples),
    error,
    values,
    canvas,
    h("div", { class: "dls-row" }, back, next, h("div", { class: "dls-timeline" }, slider, scale), again, clear),
    words,
    h(
      "p",
      { class: "dls-legend" },
      h("b", { class: "value" }, "Blue"),
      " values are computed along the arrows, ",
      h("b", { class: "grad" }, "orange"),
      " gradients are passed back against them. Click a node to jump to the step in which it passes its gradient on.",
    ),
  );

  // Jump to the step in which a node passes its gradient on.
  const jump = (place) => {
    const { steps } = model.get("graph");
    const found = steps.findIndex((step) => step.phase === "backward" && step.node === place);
    if (found >= 0) go(found);
  };

  let width = 0;
  let shape = "";
  const draw = () => {
    const graph = model.get("graph");
    if (!graph.steps) return;
    const number = Math.min(model.get("step"), graph.steps.length - 1);
    const step = graph.steps[number];
    if (input !== input.getRootNode().activeElement || !model.get("error")) input.value = model.get("expression");
    say(error, model.get("error"));
    root.classList.toggle("stale", Boolean(model.get("error")));

    const all = model.get("values");
    const nextShape = graph.inputs
      .map((name) => `${name}:${typeof all[name] === "number" ? (Math.abs(all[name]) > 5 ? "big" : "small") : "list"}`)
      .join();
    const sliding = values.contains(values.getRootNode().activeElement);
    if (
      nextShape !== shape &&
      !(sliding && nextShape.replaceAll("big", "small") === shape.replaceAll("big", "small"))
    ) {
      shape = nextShape;
      values.replaceChildren(...graph.inputs.map((name) => valueControl(model, name)));
    }
    graph.inputs.forEach((name, i) => values.children[i]?.refresh(all[name]));

    slider.max = graph.steps.length - 1;
    slider.value = number;
    slider.setAttribute("aria-valuetext", `${step.phase}, step ${number} of ${graph.steps.length - 1}`);
    scale.replaceChildren(
      h("span", { class: "forward", style: `flex:${graph.start + 0.5} 1 0` }, "forward"),
      ...graph.seeds.map((seed, i) => {
        const end = graph.seeds[i + 1] ?? graph.steps.length - 0.5;
        return h("span", { class: "backward", style: `flex:${end - seed} 1 0` }, i ? `backward ${i + 1}` : "backward");
      }),
    );
    back.disabled = number === 0;
    next.disabled = number === graph.steps.length - 1;
    again.disabled = step.phase !== "done" || number !== graph.steps.length - 1 || graph.seeds.length >= 3;
    clear.disabled = number <= graph.start;
    if (width > 0) {
      const left = canvas.scrollLeft;
      canvas.replaceChildren(drawGraph(graph, number, width, jump));
      canvas.scrollLeft = left;
      keepInSight(canvas);
    }
    say(words, step.words);
  };
  const unfollow = follow(model, ["graph", "step", "error", "values", "expression"], draw);
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
