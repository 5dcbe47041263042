// The gate explorer: rows of bars over time. Those of the proposal and the gates are set by hand; the cell, the output and
// the gradients are worked out here, so that the picture follows the hand without waiting.

function render({ model, el }) {
  const root = frame(el, "Gate explorer", "gates");
  const state = { width: 0, painting: null, focus: null };
  const ROWS = {
    proposals: { low: -1, sign: "g", name: "proposal", klass: "signed" },
    inputs: { low: 0, sign: "i", name: "input gate", klass: "input" },
    forgets: { low: 0, sign: "f", name: "forget gate", klass: "forget" },
    outputs: { low: 0, sign: "o", name: "output gate", klass: "show" },
  };
  const gru = () => model.get("view") === "gru";
  const setRows = () => (gru() ? ["proposals", "forgets"] : ["proposals", "inputs", "forgets", "outputs"]);
  const titleOf = (name) => {
    if (!gru()) return [ROWS[name].sign, ROWS[name].name];
    return name === "proposals" ? ["n", "proposal"] : ["z", "update gate: keeps"];
  };
  const raised = (power) =>
    String(power)
      .replace("-", "⁻")
      .replace(/[0-9]/g, (digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)]);
  function short(number, digits = 2) {
    const size = Math.abs(number);
    if (size > 0 && size < 0.0005) {
      const power = Math.floor(Math.log10(size));
      return `${(number / 10 ** power).toFixed(0)}·10${raised(power)}`.replace("-", "−");
    }
    const text = number.toFixed(size > 0 && size < 0.005 ? Math.max(digits, 3) : digits);
    return text.replace(/^-(0\.0+)$/, "$1").replace("-", "−");
  }

  // --- the numbers ------------------------------------------------------------------------------------------------

  function facts() {
    const [g, i, f, o] = ["proposals", "inputs", "forgets", "outputs"].map((name) => model.get(name));
    const steps = g.length;
    const into = gru() ? f.map((z) => 1 - z) : i;
    const out = gru() ? f.map(() => 1) : o;
    const cell = [];
    const shown = [];
    for (let t = 0; t < steps; t += 1) {
      cell.push(f[t] * (t ? cell[t - 1] : 0) + into[t] * g[t]);
      shown.push(gru() ? cell[t] : out[t] * Math.tanh(cell[t]));
    }
    const last = steps - 1;
    const toCell = new Array(steps).fill(0);
    toCell[last] = gru() ? 1 : out[last] * (1 - Math.tanh(cell[last]) ** 2);
    for (let t = last; t > 0; t -= 1) toCell[t - 1] = f[t] * toCell[t];
    return { g, f, o, into, steps, last, cell, shown, toCell, toProposal: toCell.map((d, t) => d * into[t]) };
  }

  // --- the controls -----------------------------------------------------------------------------------------------

  const presets = model.get("presets");
  const presetMenu = picker(
    "Presets",
    presets.map(([title]) => title),
    (n) => {
      const [, view, proposals, inputs, forgets, outputs] = presets[n];
      change({ view, proposals, inputs, forgets, outputs, step: 0 });
    },
  );
  const viewHolder = h("span", {});
  const bias = h("input", {
    type: "range",
    min: "-3",
    max: "7",
    step: "0.1",
    value: "0",
    class: "dls-grow",
    "aria-label": "Bias of all forget gates",
  });
  const biasWords = h("output", { class: "bias-words" });
  const sigmoid = (x) => 1 / (1 + Math.exp(-x));
  bias.addEventListener("input", () => {
    const gate = Math.round(1e6 * sigmoid(Number(bias.value))) / 1e6;
    change({ forgets: model.get("forgets").map(() => gate) });
  });

  function change(changes) {
    send(model, changes);
    draw();
  }
  function setValue(name, t, value) {
    const { low } = ROWS[name];
    const next = [...model.get(name)];
    next[t] = Math.round(100 * Math.max(low, Math.min(1, value))) / 100;
    change({ [name]: next, step: t });
  }

  // --- the picture ------------------------------------------------------------------------------------------------

  const sheet = h("div", { class: "sheet" });
  const words = h("p", { class: "dls-words", "aria-live": "polite" });
  root.append(
    h("div", { class: "dls-row" }, presetMenu, viewHolder),
    h("div", { class: "dls-row" }, h("label", { class: "bias" }, "bias of all forget gates "), bias, biasWords),
    sheet,
    words,
  );

  let built = null;
  // One strip of bars. `name` is the trait that it sets, or null where the numbers are worked out.
  function strip(key, sign, title, low, klass, name) {
    const { label, column, height, steps } = built;
    const width = label + column * steps;
    const svg = s("svg", {
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      class: `strip ${klass}`,
      role: name ? "group" : "img",
      "data-row": key,
    });
    svg.append(s("text", { x: 0, y: height / 2 - 2, class: "sign", text: sign }));
    if (label > 70) svg.append(s("text", { x: 26, y: height / 2 - 2, class: "name", text: title }));
    const bars = [];
    for (let t = 0; t < steps; t += 1) {
      const x = label + t * column;
      const box = s("g", { class: "box" });
      const track = s("rect", { class: "track", x: x + 1.5, y: 0.5, width: column - 3, height: height - 14 });
      const bar = s("rect", { class: "bar", x: x + 3, width: column - 6 });
      const zero = s("line", { class: "zero", x1: x + 1.5, x2: x + column - 1.5 });
      const number = s("text", { class: "number", x: x + column / 2, y: height - 2.5, "text-anchor": "middle" });
      box.append(track, bar, zero, number);
      if (name) {
        const touch = s("rect", {
          class: "touch",
          x,
          y: 0,
          width: column,
          height,
          role: "slider",
          tabindex: "-1",
          "aria-valuemin": low,
          "aria-valuemax": 1,
          "data-t": t,
        });
        touch.addEventListener("focus", () => {
          if (model.get("step") !== t) change({ step: t });
        });
        touch.addEventListener("keydown", (event) => keyed(event, name, t));
        box.append(touch);
        bars.push({ track, bar, zero, number, touch });
      } else {
        box.addEventListener("click", () => change({ step: t }));
        bars.push({ track, bar, zero, number });
      }
      svg.append(box);
    }
    if (name) {
      const set = (event) => {
        const rect = svg.getBoundingClientRect();
        const scale = width / rect.width;
        const t = Math.floor(((event.clientX - rect.left) * scale - label) / column);
        if (t < 0 || t >= steps) return;
        const share = 1 - ((event.clientY - rect.top) * scale - 2) / (height - 17);
        setValue(name, t, low + share * (1 - low));
      };
      svg.addEventListener("pointerdown", (event) => {
        state.painting = key;
        svg.setPointerCapture(event.pointerId);
        set(event);
      });
      svg.addEventListener("pointermove", (event) => {
        if (state.painting === key) set(event);
      });
      for (const end of ["pointerup", "pointercancel"])
        svg.addEventListener(end, () => {
          state.painting = null;
        });
    }
    return { svg, bars, low, name, title, sign };
  }

  function keyed(event, name, t) {
    const { steps } = built;
    const by = { ArrowUp: 0.05, ArrowDown: -0.05, PageUp: 0.25, PageDown: -0.25 }[event.key];
    const to = { ArrowLeft: t - 1, ArrowRight: t + 1, Home: 0, End: steps - 1 }[event.key];
    if (by !== undefined) setValue(name, t, model.get(name)[t] + by);
    else if (event.key === "0" || event.key === "1") setValue(name, t, Number(event.key));
    else if (to !== undefined) built.strips[name].bars[Math.max(0, Math.min(steps - 1, to))].touch.focus();
    else return;
    event.preventDefault();
  }

  function build(steps) {
    const narrow = state.width < 560;
    const label = narrow ? 26 : 150;
    const column = Math.max(26, Math.min(56, Math.floor((state.width - label - 4) / steps)));
    const key = `${model.get("view")} ${label} ${column} ${steps}`;
    if (built?.key === key) return;
    built = { key, label, column, steps, height: 48, strips: {} };
    const heading = (text) => h("div", { class: "heading" }, text);
    const add = (row, sign, title, low, klass, name) => {
      built.strips[row] = strip(row, sign, title, low, klass, name);
      if (narrow) sheet.append(h("div", { class: "caption" }, `${sign}: ${title}`));
      sheet.append(built.strips[row].svg);
    };
    sheet.replaceChildren(heading("set by hand"));
    for (const name of setRows()) add(name, titleOf(name)[0], titleOf(name)[1], ROWS[name].low, ROWS[name].klass, name);
    sheet.append(heading(gru() ? "what it holds, and shows" : "what it holds, and shows: time runs to the right"));
    add("cell", gru() ? "h" : "c", gru() ? "state" : "cell", -1, "signed", null);
    if (!gru()) add("shown", "h", "output", -1, "signed", null);
    sheet.append(heading("how much the last h hears of each step: runs to the left"));
    add("toCell", gru() ? "∂h" : "∂c", gru() ? "along the state" : "along the cell", 0, "gradient", null);
    add("toProposal", gru() ? "∂n" : "∂g", "at the proposal", 0, "gradient", null);
  }

  function drawStrip({ bars, low, name, title, sign, svg }, values, top, step) {
    const height = built.height - 14;
    const span = top - low * (low < 0 ? top : 1);
    const y = (value) =>
      1 + (height - 1) * (1 - (Math.max(low < 0 ? -top : 0, Math.min(top, value)) - (low < 0 ? -top : 0)) / span);
    values.forEach((value, t) => {
      const { track, bar, zero, number, touch } = bars[t];
      const [from, to] = [y(0), y(value)];
      setAttributes(bar, {
        y: Math.min(from, to),
        height: Math.max(0.01, Math.abs(from - to)),
        class: `bar ${value < 0 ? "minus" : "plus"}`,
      });
      setAttributes(zero, { y1: from, y2: from });
      track.classList.toggle("now", t === step);
      number.textContent = short(value, built.column < 34 ? 1 : 2);
      if (touch) {
        setAttributes(touch, { "aria-valuenow": value, "aria-label": `${title} ${sign} at step ${t + 1}` });
        touch.setAttribute("tabindex", t === step ? "0" : "-1");
      }
    });
    svg.setAttribute(
      "aria-label",
      name ? title : `${title} ${sign} at each step: ${values.map((v) => short(v)).join(", ")}`,
    );
  }

  function sentences({ g, f, o, into, last, cell, shown, toCell }, step) {
    const [held, n] = [step ? cell[step - 1] : 0, step + 1];
    const signed = (v) => (v < 0 ? `(${short(v)})` : short(v));
    const lines = [];
    if (gru())
      lines.push(
        `Step ${n}: h = z·h + (1 − z)·n = ${short(f[step])}·${signed(held)} + ${short(into[step])}·${signed(g[step])} = ${short(cell[step])}.`,
      );
    else
      lines.push(
        `Step ${n}: c = f·c + i·g = ${short(f[step])}·${signed(held)} + ${short(into[step])}·${signed(g[step])} = ${short(cell[step])}, and h = ${short(o[step])}·tanh(${short(cell[step])}) = ${short(shown[step])}.`,
      );
    const product = f.slice(step + 1).reduce((left, gate) => left * gate, 1);
    const what = gru() ? "update" : "forget";
    lines.push(
      step === last
        ? `Backward: the last h meets its own ${gru() ? "state" : "cell"} with a slope of ${short(toCell[last])}.`
        : `Backward: ${last - step} ${what} gate${last - step > 1 ? "s" : ""} lie${last - step > 1 ? "" : "s"} between step ${n} and the end. Their product is ${short(product)}; times the slope at the end, ${short(toCell[last])}, it is ${short(toCell[step])}.`,
    );
    return lines;
  }

  function draw() {
    if (!state.width) return;
    const now = facts();
    const step = Math.min(model.get("step"), now.last);
    viewHolder.replaceChildren(
      choice(
        "View",
        [
          ["lstm", "LSTM"],
          ["gru", "GRU"],
        ],
        model.get("view"),
        (view) => change({ view }),
      ),
    );
    build(now.steps);
    const { strips } = built;
    for (const name of setRows()) drawStrip(strips[name], model.get(name), 1, step);
    const most = Math.max(1, ...now.cell.map(Math.abs));
    drawStrip(strips.cell, now.cell, most, step);
    if (strips.shown) drawStrip(strips.shown, now.shown, 1, step);
    drawStrip(strips.toCell, now.toCell, 1, step);
    drawStrip(strips.toProposal, now.toProposal, 1, step);
    const gates = now.f;
    const same = gates.every((gate) => gate === gates[0]) && gates[0] > 0 && gates[0] < 1;
    if (same) {
      const b = Math.log(gates[0] / (1 - gates[0]));
      if (root.getRootNode().activeElement !== bias) bias.value = String(b);
      biasWords.textContent = `σ(${short(b, 1)}) = ${short(gates[0], 3)}; over a hundred steps ${short(gates[0] ** 100, 2)} is left`;
    } else biasWords.textContent = "move it to set them all alike";
    words.replaceChildren(...sentences(now, step).map((text) => h("span", {}, text)));
  }

  const unfollow = follow(model, ["proposals", "inputs", "forgets", "outputs", "view", "step"], draw);
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
