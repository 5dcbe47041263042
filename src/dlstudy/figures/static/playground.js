// The decision-boundary playground. Python trains and computes the maps (see playground.py); this file draws them.

const mixed = (one, other, share) => one.map((value, i) => Math.round(value + (other[i] - value) * share));

// A number from 0 to 255 for each pixel -> an image: `low` below the middle, `high` above it, `ground` between.
function paint(canvas, bytes, side, low, high, ground, strength) {
  const small = document.createElement("canvas");
  small.width = small.height = side;
  const context = small.getContext("2d");
  const image = context.createImageData(side, side);
  for (let i = 0; i < side * side; i += 1) {
    const signed = (bytes[i] - 127.5) / 127.5;
    const colour = mixed(ground, signed < 0 ? low : high, Math.min(1, Math.abs(signed)) * strength);
    image.data.set([...colour, 255], 4 * i);
  }
  context.putImageData(image, 0, 0);
  const target = canvas.getContext("2d");
  target.imageSmoothingEnabled = true;
  target.imageSmoothingQuality = "high";
  target.drawImage(small, 0, 0, canvas.width, canvas.height);
}

// Where the map passes the middle: straight bits between the pixels' centres.
function boundary(bytes, side) {
  const bits = [];
  const value = (row, column) => bytes[row * side + column] - 127.5;
  for (let row = 0; row + 1 < side; row += 1) {
    for (let column = 0; column + 1 < side; column += 1) {
      const corners = [[row, column], [row, column + 1], [row + 1, column + 1], [row + 1, column]];
      const cut = [];
      for (let k = 0; k < 4; k += 1) {
        const [a, b] = [corners[k], corners[(k + 1) % 4]];
        const [p, q] = [value(...a), value(...b)];
        if (p < 0 !== q < 0) {
          const t = p / (p - q);
          cut.push([(a[1] + t * (b[1] - a[1]) + 0.5) / side, (a[0] + t * (b[0] - a[0]) + 0.5) / side]);
        }
      }
      for (let k = 0; k + 1 < cut.length; k += 2) bits.push([cut[k], cut[k + 1]]);
    }
  }
  return bits;
}

function drawPoints(canvas, points, reach, colours, paper) {
  const context = canvas.getContext("2d");
  const place = (x, y) => [((x + reach) / (2 * reach)) * canvas.width, ((reach - y) / (2 * reach)) * canvas.height];
  const size = canvas.width / 90;
  context.lineWidth = size / 3.2;
  context.strokeStyle = `rgb(${paper})`;
  for (const [x, y, kind] of points) {
    const [left, top] = place(x, y);
    context.fillStyle = `rgb(${colours[kind]})`;
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
    const select = h("select", { class: "dls-select", id }, ...options.map(([value, title]) => h("option", { value: String(value) }, title)));
    select.addEventListener("change", () => send(model, { [name]: typeof model.get(name) === "number" ? Number(select.value) : select.value }));
    return { box: h("div", { class: "setting" }, h("label", { for: id }, text), select), update: () => { select.value = String(model.get(name)); } };
  }
  const settings = [
    setting("points", "data", menus.data),
    setting("hidden layers", "depth", [0, 1, 2, 3, 4].map((n) => [n, String(n)])),
    setting("units in each", "width", [1, 2, 3, 4, 5, 6, 7, 8].map((n) => [n, String(n)])),
    setting("activation", "bend", menus.bend),
    setting("learning rate", "rate", menus.rate.map((rate) => [rate, String(rate)])),
  ];
  const reseed = button("Other weights and points", { onclick: () => send(model, { seed: model.get("seed") + 1 }) });

  // --- the pictures
  const map = h("canvas", { width: 640, height: 640, role: "img" });
  const units = h("div", { class: "units" });
  const loss = h("div", { class: "loss" });
  const facts = h("p", { class: "facts" });
  const error = h("p", { class: "dls-error", role: "alert" });
  let canvases = [];

  function layOut() {
    const depth = model.get("depth");
    const width = model.get("width");
    if (canvases.length === depth && (!depth || canvases[0].length === width)) return;
    canvases = Array.from({ length: depth }, () => Array.from({ length: width }, () => h("canvas", { width: 48, height: 48, role: "img" })));
    units.replaceChildren(...(depth
      ? canvases.map((layer, i) => h("div", { class: "layer", role: "group", "aria-label": `hidden layer ${i + 1}` }, h("span", {}, String(i + 1)), ...layer))
      : [h("p", { class: "none" }, "No hidden layer: the two coordinates go straight into the scores.")]));
  }

  function draw() {
    for (const one of settings) one.update();
    layOut();
    const { points, right, fresh, dead, numbers } = model.get("picture");
    const view = model.get("pixels");
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    const [ground, blue, orange, ink] = ["--dls-bg", "--dls-blue", "--dls-orange", "--dls-fg"].map((token) => rgb(root, token));
    const area = menus.side ** 2;
    paint(map, bytes.subarray(0, area), menus.side, blue, orange, ground, 0.55);
    const context = map.getContext("2d");
    context.strokeStyle = `rgb(${ink})`;
    context.lineWidth = 4;
    context.lineCap = "round";
    context.beginPath();
    for (const [[x1, y1], [x2, y2]] of boundary(bytes, menus.side)) {
      context.moveTo(x1 * map.width, y1 * map.height);
      context.lineTo(x2 * map.width, y2 * map.height);
    }
    context.stroke();
    drawPoints(map, points, menus.reach, [blue, orange], ground);
    const percent = (share) => `${Math.round(100 * share)} %`;
    map.setAttribute("aria-label", `Map of what the network says: ${percent(right)} of the points right`);
    let offset = area;
    const unitArea = menus.unitSide ** 2;
    canvases.forEach((layer, i) => layer.forEach((canvas, k) => {
      paint(canvas, bytes.subarray(offset, offset + unitArea), menus.unitSide, blue, orange, ground, 0.9);
      offset += unitArea;
      const silent = dead[i]?.[k];
      canvas.classList.toggle("dead", Boolean(silent));
      canvas.setAttribute("aria-label", `layer ${i + 1}, unit ${k + 1}${silent ? ": silent everywhere" : ""}`);
      canvas.title = silent ? "This unit says 0 everywhere: it is dead." : "";
    }));
    loss.replaceChildren(live.curve());
    facts.replaceChildren(
      h("b", {}, model.get("step").toLocaleString("en")), " steps, ", h("b", {}, String(numbers)), " numbers to learn", h("br"),
      "right: ", h("b", {}, percent(right)), " of these points, ", h("b", { class: "fresh" }, percent(fresh)), " of new ones");
    say(error, model.get("problem"));
  }

  const live = liveTraining(model, root, draw);
  root.append(
    h("div", { class: "dls-row settings" }, ...settings.map((one) => one.box), reseed),
    live.bar,
    error,
    h("div", { class: "stage" },
      h("figure", { class: "inside" }, h("figcaption", {}, "what each hidden unit says, layer by layer"), units),
      h("figure", { class: "outside" }, h("figcaption", {}, "what the network says: ", h("span", { class: "one" }, "■"), " or ", h("span", { class: "two" }, "●")), map),
      h("figure", { class: "numbers" }, h("figcaption", {}, "the loss"), loss, facts)));
  const unfollow = follow(model, ["rate"], () => settings.forEach((one) => one.update()));
  const unwatch = watchTheme(() => requestAnimationFrame(draw));
  draw();
  return () => { live.close(); unfollow(); unwatch(); };
}

export default { render };
