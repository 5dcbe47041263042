// The label-budget slider: all runs are here, so that moving it asks nobody.

function drawBudget(report, place, width, choose) {
  const [left, foot, top, gap] = [44, 40, 12, 34];
  const split = width > 560;
  const height = split ? 250 : 430;
  const high = (split ? height : 190) - foot - top;
  const half = split ? Math.floor((width - gap) * 0.56) : width;
  const svg = s("svg", { width, height, role: "img", "aria-label": report.words[place] });
  const n = report.budgets.length;
  const up = (v) => top + high - (v / 100) * high;
  const across = (i) => left + 14 + (i / Math.max(1, n - 1)) * (half - left - 28);

  // On the left, accuracy against labels.
  for (const t of [0, 25, 50, 75, 100]) {
    svg.append(s("line", { class: "tick", x1: left, x2: half, y1: up(t), y2: up(t) }));
    svg.append(s("text", { x: left - 6, y: up(t) + 4, "text-anchor": "end", text: String(t) }));
  }
  svg.append(s("line", { class: "guess", x1: left, x2: half, y1: up(report.guessing), y2: up(report.guessing) }));
  svg.append(
    s("text", { class: "small", x: half, y: up(report.guessing) - 4, "text-anchor": "end", text: "guessing" }),
  );
  svg.append(s("line", { class: "now", x1: across(place), x2: across(place), y1: top, y2: top + high }));
  for (const way of report.ways) {
    const stroke = `var(--dls-${way.colour})`;
    const d = way.mean.map((v, i) => `${i ? "L" : "M"}${across(i).toFixed(1)} ${up(v).toFixed(1)}`).join("");
    svg.append(s("path", { class: "way", d, stroke, "stroke-dasharray": way.dash }));
    way.mean.forEach((v, i) =>
      svg.append(s("circle", { cx: across(i), cy: up(v), r: i === place ? 5 : 3, fill: stroke })),
    );
  }
  report.budgets.forEach((k, i) => {
    svg.append(s("text", { x: across(i), y: top + high + 16, "text-anchor": "middle", text: String(k) }));
    const hit = s("rect", { class: "hit", x: across(i) - 22, y: top, width: 44, height: high });
    hit.addEventListener("pointerdown", () => choose(i));
    svg.append(hit);
  });
  svg.append(
    s("text", { x: (left + half) / 2, y: top + high + 34, "text-anchor": "middle", text: "labels of each class" }),
  );
  svg.append(
    s("text", { transform: `translate(11 ${top + high / 2}) rotate(-90)`, "text-anchor": "middle", text: "right (%)" }),
  );

  // On the right (below, on a phone), this number of labels: the mean as a bar, every seed as a dot.
  const [x0, y0] = split ? [half + gap + 8, top] : [8, top + high + foot + 16];
  const wide = width - x0 - 8;
  const row = (split ? high + foot - 8 : height - y0 - 8) / report.ways.length;
  report.ways.forEach((way, j) => {
    const y = y0 + j * row;
    const fill = `var(--dls-${way.colour})`;
    svg.append(s("text", { class: "name", x: x0, y: y + 12, text: way.name }));
    svg.append(
      s("text", {
        class: "name",
        x: x0 + wide,
        y: y + 12,
        "text-anchor": "end",
        text: `${way.mean[place].toFixed(0)} %`,
      }),
    );
    svg.append(s("rect", { class: "rail", x: x0, y: y + 19, width: wide, height: 12, rx: 3 }));
    svg.append(s("rect", { x: x0, y: y + 19, width: (wide * way.mean[place]) / 100, height: 12, rx: 3, fill }));
    for (const v of way.seeds[place])
      svg.append(s("circle", { class: "seed", cx: x0 + (wide * v) / 100, cy: y + 25, r: 4.5 }));
  });
  return svg;
}

function render({ model, el }) {
  const root = frame(el, "Label budget", "labelbudget");
  const holder = h("div", { class: "dls-holder" });
  const words = h("p", { class: "dls-words", "aria-live": "polite" });
  const slider = h("input", { type: "range", min: 0, step: 1, "aria-label": "labels of each class" });
  const out = h("output", { class: "dls-mono" });
  const legend = h("p", { class: "dls-legend" });
  slider.addEventListener("input", () => send(model, { place: Number(slider.value) }));
  root.append(
    h("div", { class: "dls-row" }, h("span", { class: "dls-name" }, "labels of each class"), slider, out),
    holder,
    legend,
    words,
  );
  let width = 0;

  function draw() {
    const report = model.get("report");
    const place = Math.min(model.get("place"), report.budgets.length - 1);
    slider.max = report.budgets.length - 1;
    slider.value = place;
    slider.setAttribute("aria-valuetext", String(report.budgets[place]));
    out.textContent = String(report.budgets[place]);
    say(words, report.words[place]);
    legend.textContent = `Bars and lines: means over seeds, judged on ${report.test} images. Dots: single seeds.`;
    if (width > 40) holder.replaceChildren(drawBudget(report, place, width, (i) => send(model, { place: i })));
  }
  const unfollow = follow(model, ["report", "place"], draw);
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
