// The bias-variance dashboard. Python fits the curves and takes the errors apart (see biasvariance.py); this draws.

const PARTS = [
  ["bias", "bias²", "blue", ""],
  ["variance", "variance", "orange", "7 3"],
  ["noise", "noise", "green", "2 3"],
  ["total", "sum", "fg", ""],
];

const pathOf = (xs, ys) => ys.map((y, i) => `${i ? "L" : "M"}${xs(i).toFixed(1)} ${y.toFixed(1)}`).join("");

function drawFits(report, width, height) {
  const [left, foot, top] = [44, 36, 8];
  const [wide, high] = [width - left - 8, height - foot - top];
  const across = (x) => left + x * wide;
  const up = (y) => top + high - ((Math.min(Math.max(y, -0.3), 1.3) + 0.3) / 1.6) * high;
  const svg = s("svg", {
    width,
    height,
    role: "img",
    "aria-label": "The truth, the fitted curves of sixteen people and the mean of all forty",
  });
  for (const t of [0, 0.5, 1]) {
    svg.append(s("line", { class: "tick", x1: left, x2: left + wide, y1: up(t), y2: up(t) }));
    svg.append(s("text", { x: left - 6, y: up(t) + 4, "text-anchor": "end", text: String(t) }));
  }
  const place = (n) => (i) => across(i / (n - 1));
  const line = (values, kind) =>
    svg.append(s("path", { class: kind, d: pathOf(place(values.length), values.map(up)) }));
  for (const curve of report.curves) line(curve, "one");
  line(report.truth, "truth");
  line(report.mean, "mean");
  report.points[0].forEach((x, i) =>
    svg.append(s("circle", { class: "point", cx: across(x), cy: up(report.points[1][i]), r: 3.2 })),
  );
  svg.append(
    s("text", { x: left + wide / 2, y: height - 4, "text-anchor": "middle", text: "place along the row of the photo" }),
  );
  svg.append(
    s("text", {
      transform: `translate(12 ${top + high / 2}) rotate(-90)`,
      "text-anchor": "middle",
      text: "brightness",
    }),
  );
  return svg;
}

function drawErrors(report, waves, offered, width, height, choose) {
  const [left, foot, top] = [60, 36, 8];
  const [wide, high] = [width - left - 10, height - foot - top];
  const [low, peak] = [-4, 0];
  const across = (k) => left + (Math.log2(k) / Math.log2(offered[offered.length - 1])) * wide;
  const up = (v) =>
    top + high - ((Math.min(Math.max(Math.log10(Math.max(v, 1e-12)), low), peak) - low) / (peak - low)) * high;
  const svg = s("svg", {
    width,
    height,
    role: "img",
    "aria-label": `Mean squared errors against the number of waves; the sum is lowest at ${report.best}`,
  });
  for (let power = low; power <= peak; power += 1) {
    svg.append(s("line", { class: "tick", x1: left, x2: left + wide, y1: up(10 ** power), y2: up(10 ** power) }));
    svg.append(
      s("text", {
        x: left - 6,
        y: up(10 ** power) + 4,
        "text-anchor": "end",
        text: String(10 ** power).replace("0.0001", "1e−4"),
      }),
    );
  }
  for (const k of [1, 2, 4, 8, 16, 32])
    svg.append(s("text", { x: across(k), y: top + high + 16, "text-anchor": "middle", text: String(k) }));
  svg.append(s("line", { class: "now", x1: across(waves), x2: across(waves), y1: top, y2: top + high }));
  for (const [name, , colour, dash] of PARTS) {
    const ys = report.sweep.map((one) => up(one[name]));
    const d = pathOf((i) => across(report.sweep[i].waves), ys);
    svg.append(s("path", { class: `error ${name}`, d, stroke: `var(--dls-${colour})`, "stroke-dasharray": dash }));
    svg.append(
      s("circle", { class: "here", cx: across(waves), cy: up(report[name]), r: 5, fill: `var(--dls-${colour})` }),
    );
  }
  svg.append(
    s("text", { x: left + wide / 2, y: height - 4, "text-anchor": "middle", text: "waves the curve is made of" }),
  );
  svg.append(
    s("text", {
      transform: `translate(12 ${top + high / 2}) rotate(-90)`,
      "text-anchor": "middle",
      text: "mean squared error",
    }),
  );
  const hit = s("rect", { class: "hit", x: left, y: top, width: wide, height: high });
  hit.addEventListener("pointerdown", (event) => {
    const x = event.clientX - svg.getBoundingClientRect().left;
    choose(offered.reduce((best, k) => (Math.abs(across(k) - x) < Math.abs(across(best) - x) ? k : best), offered[0]));
  });
  svg.append(hit);
  return svg;
}

function render({ model, el }) {
  const root = frame(el, "Bias and variance", "biasvariance");
  const offered = model.get("offered");
  const fits = h("div", { class: "dls-half" });
  const errors = h("div", { class: "dls-half" });
  const words = h("p", { class: "dls-words", "aria-live": "polite" });
  const shown = {
    penalty: (v) => (v === 0 ? "none" : v >= 0.001 ? String(v) : v.toExponential(0).replace("e-", "e−")),
  };

  // A slider over the values that are offered.
  const sliders = [
    ["waves", "waves of the curve"],
    ["points", "points a person"],
    ["noise", "noise of a point"],
    ["penalty", "penalty on size"],
  ].map(([name, label]) => {
    const values = offered[name];
    const slider = h("input", { type: "range", min: 0, max: values.length - 1, step: 1, "aria-label": label });
    const out = h("output", { class: "dls-mono" });
    slider.addEventListener("input", () => send(model, { [name]: values[Number(slider.value)] }));
    const refresh = () => {
      const value = model.get(name);
      slider.value = values.indexOf(value);
      const text = (shown[name] || String)(value);
      slider.setAttribute("aria-valuetext", text);
      out.textContent = text;
    };
    return { parts: [h("span", { class: "dls-name" }, label), slider, out], refresh };
  });
  const controls = h("div", { class: "dls-sliders" }, ...sliders.flatMap((one) => one.parts));
  const again = button("New points for everybody", { onclick: () => send(model, { draw: model.get("draw") + 1 }) });
  const swatch = (colour, text, extra = "") =>
    h("span", {}, h("span", { class: `dls-swatch ${extra}`, style: `background:var(--dls-${colour})` }), text);
  const legends = [
    h(
      "p",
      { class: "dls-legend" },
      swatch("fg", "truth"),
      swatch("red", "mean of forty"),
      swatch("sky", "sixteen of them"),
      h("span", {}, "● the points of one"),
    ),
    h("p", { class: "dls-legend" }, ...PARTS.map(([, text, colour]) => swatch(colour, text))),
  ];
  root.append(
    h(
      "div",
      { class: "dls-stage" },
      h("div", { class: "dls-panel" }, fits, legends[0]),
      h("div", { class: "dls-panel" }, errors, legends[1]),
    ),
    controls,
    h("div", { class: "dls-row" }, again),
    words,
  );
  let width = 0;

  function draw() {
    const report = model.get("report");
    sliders.forEach((one) => one.refresh());
    say(words, report.words.replaceAll("-", "−"));
    if (width < 40) return;
    const each = width > 640 ? Math.floor((width - 16) / 2) : width;
    const height = Math.round(Math.min(each * 0.72, 270));
    root.querySelectorAll(".dls-panel").forEach((panel) => {
      panel.style.width = `${each}px`;
    });
    fits.replaceChildren(drawFits(report, each, height));
    errors.replaceChildren(
      drawErrors(report, model.get("waves"), offered.waves, each, height, (k) => send(model, { waves: k })),
    );
  }
  const unfollow = follow(model, ["report", "waves", "points", "noise", "penalty"], draw);
  const unwatch = watchWidth(root, (now) => {
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
