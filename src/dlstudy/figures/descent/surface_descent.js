// Loss-surface descent. Python computes contours and paths (see surfaces.py); this file draws them, and sends back where
// the start was dragged, the rates and the surface.

const COLOURS = ["blue", "red", "green", "purple", "orange", "sky"].map((name) => `var(--dls-${name})`);
const DASHES = ["", "7 3", "2 3", "10 3 2 3", "4 2 1 2 1 2", "12 5"];
const FRAMES_A_SECOND = 20;

function short(value, digits = 3) {
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text =
    size >= 1e5 || size < 1e-3 ? value.toExponential(1).replace("e+", "e") : String(Number(value.toPrecision(digits)));
  return text.replaceAll("-", "−");
}
const at = ([x, y]) => `(${short(x)}, ${short(y)})`;
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

function ticksOf([low, high]) {
  const step = [0.5, 1, 2, 5].find((one) => (high - low) / one <= 7) || 10;
  const ticks = [];
  for (let t = Math.ceil(low / step) * step; t <= high + 1e-9; t += step) ticks.push(Number(t.toFixed(6)));
  return ticks;
}

// --- the map ------------------------------------------------------------------------------------------------------

function drawMap(state, size, colourOf) {
  const { surface, areas, paths, start, shown } = state;
  const left = 44;
  const foot = 34;
  const across = (x) => left + ((x - surface.x[0]) / (surface.x[1] - surface.x[0])) * size;
  const up = (y) => size - ((y - surface.y[0]) / (surface.y[1] - surface.y[0])) * size + 8;
  const id = `dls-clip-${Math.random().toString(36).slice(2)}`;
  const svg = s("svg", {
    width: left + size + 8,
    height: size + foot + 8,
    role: "group",
    "aria-label": `Map of the loss ${surface.formula}; darker is lower. The cross marks the lowest place.`,
  });
  svg.append(s("defs", {}, s("clipPath", { id }, s("rect", { x: left, y: 8, width: size, height: size }))));
  svg.append(s("rect", { class: "ground", x: left, y: 8, width: size, height: size }));
  const inside = s("g", { "clip-path": `url(#${id})` });
  const scale = size / 1000;
  for (const d of areas)
    inside.append(s("path", { class: "area", d, transform: `translate(${left} 8) scale(${scale})` }));
  for (const [x, y] of surface.minima) {
    inside.append(s("path", { class: "goal", d: `M ${across(x) - 6} ${up(y) - 6} l 12 12 m 0 -12 l -12 12` }));
  }
  const hit = s("rect", { class: "map-hit", x: left, y: 8, width: size, height: size });
  inside.append(hit);
  for (const path of paths) {
    const walked = path.points.slice(0, shown + 1);
    const colour = colourOf(path.name);
    const d = walked
      .map(
        ([x, y], i) =>
          `${i ? "L" : "M"}${clamp(across(x), -1e4, 1e4).toFixed(1)} ${clamp(up(y), -1e4, 1e4).toFixed(1)}`,
      )
      .join("");
    inside.append(
      s("path", {
        class: "path",
        d,
        stroke: colour,
        "stroke-dasharray": DASHES[state.runners.indexOf(path.name) % 6],
        "pointer-events": "none",
        "data-runner": path.name,
      }),
    );
    if (walked.length <= 60) {
      for (const [x, y] of walked.slice(1, -1)) {
        inside.append(
          s("circle", {
            cx: clamp(across(x), -1e4, 1e4),
            cy: clamp(up(y), -1e4, 1e4),
            r: 2.6,
            fill: colour,
            "pointer-events": "none",
          }),
        );
      }
    }
    const [x, y] = walked[walked.length - 1];
    inside.append(
      s("circle", {
        class: "walker",
        cx: clamp(across(x), -1e4, 1e4),
        cy: clamp(up(y), -1e4, 1e4),
        r: 6.5,
        fill: colour,
        "pointer-events": "none",
      }),
    );
  }
  if (paths.length === 1) {
    // Which way is down, where the walker stands: a direction, drawn with one length.
    const path = paths[0];
    const now = Math.min(shown, path.points.length - 1);
    const [px, py] = [across(path.points[now][0]), up(path.points[now][1])];
    const [dx, dy] = [
      -path.slopes[now][0] / (surface.x[1] - surface.x[0]),
      path.slopes[now][1] / (surface.y[1] - surface.y[0]),
    ];
    const long = Math.hypot(dx, dy);
    if (long > 1e-9) {
      const [ux, uy] = [dx / long, dy / long];
      const [ex, ey] = [px + 40 * ux, py + 40 * uy];
      inside.append(
        s(
          "g",
          { "pointer-events": "none" },
          s("path", { class: "downhill", d: `M ${px + 8 * ux} ${py + 8 * uy} L ${ex} ${ey}` }),
          s("path", {
            class: "downhill-head",
            d: `M ${ex + 8 * ux} ${ey + 8 * uy} L ${ex - 5 * uy} ${ey + 5 * ux} L ${ex + 5 * uy} ${ey - 5 * ux} Z`,
          }),
        ),
      );
    }
  }
  svg.append(
    inside,
    s("rect", { class: "border", x: left, y: 8, width: size, height: size, "pointer-events": "none" }),
  );
  for (const t of ticksOf(surface.x))
    svg.append(s("text", { x: across(t), y: size + 24, "text-anchor": "middle", text: short(t) }));
  for (const t of ticksOf(surface.y))
    svg.append(s("text", { x: left - 6, y: up(t) + 4, "text-anchor": "end", text: short(t) }));
  svg.append(s("text", { x: left + size / 2, y: size + 40, "text-anchor": "middle", text: "weight x" }));
  svg.append(
    s("text", { transform: `translate(9 ${8 + size / 2}) rotate(-90)`, "text-anchor": "middle", text: "weight y" }),
  );
  const handle = s(
    "g",
    {
      class: "start",
      tabindex: "0",
      role: "slider",
      "aria-label": "Start of the walk; arrow keys move it",
      "aria-valuenow": start[0],
      "aria-valuemin": surface.x[0],
      "aria-valuemax": surface.x[1],
      "aria-valuetext": `x ${short(start[0])}, y ${short(start[1])}`,
      transform: `translate(${across(start[0])} ${up(start[1])})`,
    },
    s("circle", { class: "ring", r: 12 }),
    s("circle", { r: 8 }),
    s("title", { text: "Drag me, or press anywhere on the map" }),
  );
  svg.append(handle);
  const place = (clientX, clientY) => {
    const box = svg.getBoundingClientRect();
    const x = surface.x[0] + ((clientX - box.left - left) / size) * (surface.x[1] - surface.x[0]);
    const y = surface.y[0] + ((box.top + 8 + size - clientY) / size) * (surface.y[1] - surface.y[0]);
    // Where the axis runs through the pixel, the axis is meant: 0 can be hit although pixels rarely fall on it.
    return [
      [clamp(x, ...surface.x), surface.x],
      [clamp(y, ...surface.y), surface.y],
    ].map(([v, [low, high]]) => (Math.abs(v) <= (0.5 * (high - low)) / size ? 0 : Number(v.toFixed(3))));
  };
  return { svg, handle, hit, place };
}

// --- losses, step by step -----------------------------------------------------------------------------------------

function drawLosses(state, width, height, colourOf) {
  const { paths, shown, steps } = state;
  const [left, foot, top] = [56, 34, 8];
  const wide = Math.max(width - left - 10, 60);
  const high = height - foot - top;
  const seen = paths.flatMap((path) => path.losses).filter((loss) => loss > 0 && Number.isFinite(loss));
  const low = Math.max(Math.floor(Math.log10(Math.min(...seen, 1))), -8);
  const peak = Math.min(Math.max(Math.ceil(Math.log10(Math.max(...seen, 0.1))), low + 1), low + 14);
  const across = (step) => left + (step / steps) * wide;
  const up = (loss) => top + high - clamp((Math.log10(Math.max(loss, 1e-300)) - low) / (peak - low), 0, 1) * high;
  const svg = s("svg", {
    width: left + wide + 10,
    height,
    role: "img",
    "aria-label": "Loss after each step, on a logarithmic scale",
  });
  const every = Math.ceil((peak - low) / 6);
  for (let power = low; power <= peak; power += every) {
    const y = up(10 ** power);
    svg.append(s("line", { class: "tick", x1: left, x2: left + wide, y1: y, y2: y }));
    svg.append(
      s("text", {
        x: left - 6,
        y: y + 4,
        "text-anchor": "end",
        text: power === 0 ? "1" : power === 1 ? "10" : `1e${power}`.replace("-", "−"),
      }),
    );
  }
  for (let i = 0; i <= 4; i += 1) {
    svg.append(
      s("text", {
        x: across((steps * i) / 4),
        y: top + high + 16,
        "text-anchor": "middle",
        text: String(Math.round((steps * i) / 4)),
      }),
    );
  }
  svg.append(s("text", { x: left + wide / 2, y: top + high + 32, "text-anchor": "middle", text: "step" }));
  svg.append(
    s("text", { transform: `translate(10 ${top + high / 2}) rotate(-90)`, "text-anchor": "middle", text: "loss" }),
  );
  for (const path of paths) {
    const line = (losses) =>
      losses.map((loss, i) => `${i ? "L" : "M"}${across(i).toFixed(1)} ${up(loss).toFixed(1)}`).join("");
    const dash = DASHES[state.runners.indexOf(path.name) % 6];
    svg.append(
      s("path", {
        class: "path",
        d: line(path.losses),
        stroke: colourOf(path.name),
        "stroke-opacity": 0.25,
        "stroke-dasharray": dash,
      }),
    );
    svg.append(
      s("path", {
        class: "path",
        d: line(path.losses.slice(0, shown + 1)),
        stroke: colourOf(path.name),
        "stroke-dasharray": dash,
      }),
    );
    const now = Math.min(shown, path.losses.length - 1);
    svg.append(
      s("circle", { class: "walker", cx: across(now), cy: up(path.losses[now]), r: 5.5, fill: colourOf(path.name) }),
    );
  }
  svg.append(s("line", { class: "now", x1: across(shown), x2: across(shown), y1: top, y2: top + high }));
  return svg;
}

// --- what the words say -------------------------------------------------------------------------------------------

function endOf(path, state) {
  const now = Math.min(state.shown, path.points.length - 1);
  if (state.shown > now) return `gone after step ${now}`;
  return `loss ${short(path.losses[now])}`;
}

function wordsFor(state) {
  const { surface, paths, shown, rates } = state;
  if (paths.length === 0) return `${surface.note} Choose somebody to walk.`;
  if (paths.length > 1) {
    const order = [...paths].sort((a, b) => (a.losses[shown] ?? Infinity) - (b.losses[shown] ?? Infinity));
    return `${surface.note} After step ${shown}: ${order.map((path) => `${path.name}, ${endOf(path, state)}`).join("; ")}.`;
  }
  const [path] = paths;
  const now = Math.min(shown, path.points.length - 1);
  if (shown > now) {
    return `${surface.note} After step ${now} the weights were ${at(path.points[now])}, and the next step left for infinity: each step landed further away than the last.`;
  }
  const slope = path.slopes[now];
  const stand = `After step ${now}: weights ${at(path.points[now])}, loss ${short(path.losses[now])}, slope ${at(slope)}.`;
  const rate = rates[path.name];
  const next =
    path.name === "gradient descent"
      ? ` The next step goes against the slope: ${short(rate)} × ${at(slope)} is taken away.`
      : "";
  return `${surface.note} ${stand}${next}`;
}

// --- controls -----------------------------------------------------------------------------------------------------

function rateControl(model, name, colour, several) {
  const { rates } = surfaceOf(model);
  const [low, high] = rates.map(Math.log10);
  const put = (rate) => send(model, { rates: { ...model.get("rates"), [name]: rate } });
  const label = several ? `learning rate of ${name}` : "learning rate";
  const slider = h("input", { type: "range", min: 0, max: 1, step: 0.005, "aria-label": `${label}, slider` });
  const number = h("input", { type: "number", step: "any", min: 0, "aria-label": label });
  slider.addEventListener("input", () => {
    const rate = Number((10 ** (low + Number(slider.value) * (high - low))).toPrecision(2));
    number.value = rate;
    put(rate);
  });
  number.addEventListener("change", () => {
    if (number.value !== "" && Number(number.value) >= 0) put(Number(number.value));
  });
  const end = h("span", { class: "dls-end" });
  const box = several ? h("input", { type: "checkbox", "aria-label": name }) : null;
  box?.addEventListener("change", () => {
    const chosen = new Set(model.get("chosen"));
    if (box.checked) chosen.add(name);
    else chosen.delete(name);
    send(model, { chosen: model.get("runners").filter((one) => chosen.has(one)) });
  });
  const refresh = (state) => {
    const rate = state.rates[name];
    const focus = number.getRootNode().activeElement;
    if (number !== focus && Number(number.value) !== rate) number.value = rate;
    slider.setAttribute("aria-valuetext", short(rate));
    if (slider !== focus) slider.value = clamp((Math.log10(Math.max(rate, 1e-12)) - low) / (high - low), 0, 1);
    if (box) box.checked = state.chosen.includes(name);
    const path = state.paths.find((one) => one.name === name);
    end.textContent = path ? endOf(path, state) : "";
  };
  const swatch = h("span", { class: "dls-swatch", style: `background:${colour}` });
  return {
    parts: [h("label", { class: "dls-name" }, box, swatch, several ? name : "learning rate"), slider, number, end],
    refresh,
  };
}

const surfaceOf = (model) => model.get("surfaces").find((one) => one.id === model.get("surface"));

function render({ model, el }) {
  const root = frame(el, "Loss-surface descent", "descent");
  const select = h(
    "select",
    { class: "dls-select", "aria-label": "Surface" },
    ...model.get("surfaces").map((one) => h("option", { value: one.id }, one.title)),
  );
  select.addEventListener("change", () => send(model, { surface: select.value }));
  const formula = h("span", { class: "dls-formula" });
  const mapHolder = h("div", { class: "dls-map" });
  const lossHolder = h("div", { class: "dls-losses" });
  const stage = h("div", { class: "dls-stage" }, mapHolder, lossHolder);
  const runners = h("div", { class: "dls-runners", role: "group", "aria-label": "Who walks, and how fast" });
  const words = h("p", { class: "dls-words", "aria-live": "polite" });
  const time = h("input", { type: "range", min: 0, step: 1, "aria-label": "Step" });
  const counter = h("span", { class: "dls-mono" });
  let timer = null;

  const stop = () => {
    if (timer === null) return;
    clearInterval(timer);
    timer = null;
    model.save_changes();
    draw();
  };
  const show = (step) => {
    stop();
    send(model, { shown: clamp(step, 0, model.get("steps")) });
  };
  const play = button("▶ Walk", {
    class: "dls-button dls-main",
    onclick: () => {
      if (timer !== null) {
        stop();
        return;
      }
      if (prefersReducedMotion()) {
        show(model.get("steps"));
        return;
      }
      if (model.get("shown") >= model.get("steps")) model.set("shown", 0);
      timer = setInterval(() => {
        const next = model.get("shown") + 1;
        model.set("shown", Math.min(next, model.get("steps")));
        if (next >= model.get("steps")) stop();
      }, 1000 / FRAMES_A_SECOND);
      draw();
    },
  });
  const back = button("◀", { "aria-label": "One step back", onclick: () => show(model.get("shown") - 1) });
  const forward = button("One step", { onclick: () => show(model.get("shown") + 1) });
  time.addEventListener("input", () => show(Number(time.value)));

  root.append(
    h("div", { class: "dls-row" }, h("label", {}, "surface"), select, formula),
    stage,
    runners,
    h("div", { class: "dls-row" }, play, back, forward, h("div", { class: "dls-time" }, time, counter)),
    words,
    h(
      "p",
      { class: "dls-legend" },
      "Drag the white start, press anywhere on the map, or move the start with the arrow keys. Darker is lower; × is the lowest place. The short arrow points straight downhill.",
    ),
  );

  let controls = [];
  let built = "";
  let width = 0;
  let current = null;
  let dragging = false;

  // While the start is dragged, one request at a time is on its way; the last place wins.
  let asked = null;
  const moveTo = (place) => {
    asked = place;
    model.set("start", place);
    requestAnimationFrame(() => {
      if (asked === place) {
        asked = null;
        model.save_changes();
      }
    });
  };
  const onPointerDown = (event) => {
    stop();
    dragging = true;
    mapHolder.setPointerCapture(event.pointerId);
    moveTo(current.place(event.clientX, event.clientY));
    event.preventDefault();
    current.handle.focus({ preventScroll: true });
  };
  mapHolder.addEventListener("pointermove", (event) => {
    if (dragging) moveTo(current.place(event.clientX, event.clientY));
  });
  const drop = () => {
    if (dragging) {
      dragging = false;
      model.save_changes();
    }
  };
  mapHolder.addEventListener("pointerup", drop);
  mapHolder.addEventListener("pointercancel", drop);
  const onKey = (event) => {
    const move = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!move) return;
    event.preventDefault();
    stop();
    const surface = surfaceOf(model);
    const part = event.shiftKey ? 10 : 60;
    const start = model.get("start").map((v, k) => {
      if (move[k] === 0) return v;
      // On to the next multiple of the step, so that 0 can be reached from anywhere; the slack absorbs rounding.
      const [low, high] = k ? surface.y : surface.x;
      const step = (high - low) / part;
      const next = move[k] > 0 ? Math.floor(v / step + 0.05) + 1 : Math.ceil(v / step - 0.05) - 1;
      return Number(clamp(next * step, low, high).toFixed(3));
    });
    send(model, { start });
  };

  function draw() {
    const surface = surfaceOf(model);
    if (!surface || width === 0) return;
    const state = { surface };
    for (const name of ["areas", "paths", "start", "shown", "steps", "rates", "chosen", "runners"])
      state[name] = model.get(name);
    const several = state.runners.length > 1;
    const colourOf = (name) => COLOURS[state.runners.indexOf(name) % COLOURS.length];
    select.value = surface.id;
    formula.textContent = `loss = ${surface.formula}`;
    if (built !== surface.id) {
      built = surface.id;
      controls = state.runners.map((name) => rateControl(model, name, colourOf(name), several));
      runners.replaceChildren(...controls.flatMap((control) => control.parts));
    }
    for (const control of controls) control.refresh(state);
    const beside = width >= 640;
    const size = Math.floor(beside ? Math.min(width * 0.52, 440) - 52 : width - 54);
    const focused = current && current.handle === current.handle.getRootNode().activeElement;
    current = drawMap(state, size, colourOf);
    current.hit.addEventListener("pointerdown", onPointerDown);
    current.handle.addEventListener("pointerdown", onPointerDown);
    current.handle.addEventListener("keydown", onKey);
    mapHolder.replaceChildren(current.svg);
    if (focused) current.handle.focus({ preventScroll: true });
    lossHolder.replaceChildren(
      drawLosses(state, beside ? width - size - 52 - 14 : width, beside ? size + 42 : 190, colourOf),
    );
    time.max = state.steps;
    time.value = state.shown;
    counter.textContent = `${state.shown} / ${state.steps}`;
    back.disabled = state.shown === 0;
    forward.disabled = state.shown >= state.steps;
    play.textContent = timer === null ? "▶ Walk" : "❚❚ Stop";
    if (timer === null) say(words, wordsFor(state));
  }

  const unfollow = follow(model, ["surface", "areas", "paths", "start", "shown", "steps", "rates", "chosen"], draw);
  const unwatch = watchWidth(stage, (now) => {
    if (Math.abs(now - width) > 1) {
      width = now;
      draw();
    }
  });
  draw();
  return () => {
    if (timer !== null) clearInterval(timer);
    unfollow();
    unwatch();
  };
}

export default { render };
