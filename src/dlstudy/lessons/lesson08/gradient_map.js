// Gradient through time: a map of |dh_t/dh_s| for every pair of letters, and the curve of one of its rows. Python
// computes the norms; this file draws them and sends back what was chosen.

const TINY = 1e-12;

function number(value) {
  if (!Number.isFinite(value)) return "beyond counting";
  if (value === 0) return "0";
  const power = Math.floor(Math.log10(value));
  const text =
    power < -3 || power > 4
      ? value.toExponential(1).replace("e", " · 10^").replace("+", "")
      : String(Number(value.toPrecision(3)));
  return text.replaceAll("-", "−");
}

function render({ model, el }) {
  const root = frame(el, "Gradient through time", "gradmap");
  const state = { width: 0 };
  const letter = (c) => (c === " " ? "␣" : c);

  // --- controls ---------------------------------------------------------------------------------------------------

  const kind = h(
    "select",
    { class: "dls-select", "aria-label": "recurrent matrix" },
    ...model.get("kinds").map(([key, title]) => h("option", { value: key }, title)),
  );
  kind.addEventListener("change", () =>
    send(model, { kind: kind.value, scale: kind.value === "trained" ? 1 : model.get("scale") }),
  );
  const text = h("input", {
    type: "text",
    class: "dls-grow",
    maxlength: "24",
    "aria-label": "letters that are read",
    spellcheck: "false",
  });
  text.addEventListener("input", () => {
    if (text.value) send(model, { text: text.value, at: [text.value.length - 1, 0] });
  });
  const bend = h("div", {});
  function slider(name, title, min, max, step) {
    const range = h("input", { type: "range", min, max, step, "aria-label": title });
    const shown = h("output", { class: "dls-mono" });
    range.addEventListener("input", () => send(model, { [name]: Number(range.value) }));
    return {
      range,
      node: h("label", { class: "setting" }, `${title} `, range, shown),
      show: (value) => {
        range.value = String(value);
        shown.textContent = value.toFixed(2);
      },
    };
  }
  const scale = slider("scale", "scale", "0.1", "2", "0.05");
  const loud = slider("loudness", "loudness of the letters", "0", "3", "0.1");

  // --- the picture ------------------------------------------------------------------------------------------------

  const map = h("div", { class: "map" });
  const curve = h("div", { class: "curve" });
  const words = h("p", { class: "dls-words", "aria-live": "polite" });
  root.append(
    h("div", { class: "dls-row" }, h("label", { class: "setting" }, "recurrent matrix ", kind), bend),
    h("div", { class: "dls-row" }, scale.node, loud.node),
    h("div", { class: "dls-row" }, h("label", { class: "setting" }, "read "), text),
    h("div", { class: "stage" }, map, curve),
    h(
      "p",
      { class: "legend" },
      h("span", { class: "swatch less" }),
      "smaller than 1: fades on its way back",
      h("span", { class: "swatch same" }),
      "about 1",
      h("span", { class: "swatch more" }),
      "larger than 1: grows",
    ),
    words,
  );

  const colour = (norm) => {
    const decades = Math.log10(Math.max(norm, TINY));
    const share = Math.round(Math.min(1, Math.abs(decades) / 2) * 85);
    return `color-mix(in srgb, var(${decades < 0 ? "--dls-blue" : "--dls-orange"}) ${share}%, var(--dls-bg))`;
  };

  function place(t, s) {
    const last = model.get("report").letters.length - 1;
    const to = Math.max(0, Math.min(last, t));
    send(model, { at: [to, Math.max(0, Math.min(to, s))] });
    draw();
  }

  function drawMap({ letters, norms }, [t, source]) {
    const n = letters.length;
    const room = Math.min(state.width > 600 ? state.width * 0.54 : state.width, 460);
    const size = Math.max(11, Math.min(26, Math.floor((room - 40) / n)));
    const [left, top] = [24, 24];
    const svg = s("svg", {
      viewBox: `0 0 ${left + n * size + 16} ${top + n * size + 16}`,
      width: left + n * size + 16,
      height: top + n * size + 16,
      tabindex: "0",
      role: "application",
      "aria-label": `Map of ${n} by ${n} pairs of letters; the arrow keys move, left and right to an earlier or later cause, up and down to an earlier or later effect`,
    });
    const fontSize = Math.min(14, size * 0.8);
    letters.forEach((c, i) => {
      svg.append(
        s("text", {
          class: `dls-mono${i === source ? " chosen" : ""}`,
          x: left + (i + 0.5) * size,
          y: top - 6,
          "text-anchor": "middle",
          "font-size": fontSize,
          text: letter(c),
        }),
      );
      svg.append(
        s("text", {
          class: `dls-mono${i === t ? " chosen" : ""}`,
          x: left - 6,
          y: top + (i + 0.5) * size + fontSize * 0.35,
          "text-anchor": "end",
          "font-size": fontSize,
          text: letter(c),
        }),
      );
    });
    norms.forEach((row, i) =>
      row.forEach((norm, j) => {
        const cell = s("rect", {
          class: "cell",
          x: left + j * size,
          y: top + i * size,
          width: size - 0.5,
          height: size - 0.5,
        });
        cell.style.fill = colour(norm);
        cell.addEventListener("click", () => place(i, j));
        svg.append(cell);
      }),
    );
    svg.append(
      s("rect", {
        class: "row",
        x: left - 0.5,
        y: top + t * size - 0.5,
        width: (t + 1) * size + 0.5,
        height: size + 0.5,
      }),
    );
    svg.append(
      s("rect", {
        class: "cursor",
        x: left + source * size - 0.5,
        y: top + t * size - 0.5,
        width: size + 0.5,
        height: size + 0.5,
      }),
    );
    svg.addEventListener("keydown", (event) => {
      const by = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
      const [row, column] = model.get("at");
      if (event.key === "Home") place(row, 0);
      else if (event.key === "End") place(row, row);
      else if (by) place(row + by[0], column + by[1]);
      else return;
      event.preventDefault();
    });
    const focused = map.querySelector("svg")?.matches(":focus");
    map.replaceChildren(
      h("div", { class: "title" }, "row: the state after this letter; column: the state it depends on"),
      svg,
    );
    if (focused) svg.focus({ preventScroll: true });
  }

  function drawCurve({ norms, sigma, rho }, [t, source]) {
    const wide = Math.max(220, Math.min(state.width > 600 ? state.width * 0.42 : state.width, 380));
    const [left, top, w, ht] = [52, 10, wide - 64, 200];
    const row = norms[t];
    const lags = row.map((_, i) => i);
    const lines = {
      norm: lags.map((k) => row[t - k]),
      sigma: lags.map((k) => sigma ** k),
      rho: lags.map((k) => rho ** k),
    };
    const decades = (v) => Math.log10(Math.max(Math.min(v, 1e30), TINY));
    const seen = lines.norm.map(decades);
    const low = Math.max(-12, Math.min(-1, Math.floor(Math.min(...seen, decades(lines.rho[t])))));
    const high = Math.min(
      12,
      Math.max(1, Math.ceil(Math.max(...seen, Math.min(decades(lines.sigma[t]), Math.max(...seen) + 2)))),
    );
    const across = (k) => left + (t ? k / t : 0) * w;
    const up = (v) => top + ht - ((Math.max(low, Math.min(high, decades(v))) - low) / (high - low)) * ht;
    const svg = s("svg", {
      viewBox: `0 0 ${wide} ${top + ht + 40}`,
      width: wide,
      height: top + ht + 40,
      role: "img",
      "aria-label": `Norm against the lag, from 1 at lag 0 to ${number(row[0])} at lag ${t}`,
    });
    const every = Math.max(1, Math.ceil((high - low) / 5));
    for (let power = Math.ceil(low / every) * every; power <= high; power += every) {
      svg.append(
        s("line", {
          class: power === 0 ? "one" : "tick",
          x1: left,
          x2: left + w,
          y1: up(10 ** power),
          y2: up(10 ** power),
        }),
      );
      svg.append(
        s("text", {
          x: left - 6,
          y: up(10 ** power) + 4,
          "text-anchor": "end",
          "font-size": 12,
          text: power === 0 ? "1" : `1e${power}`.replace("-", "−"),
        }),
      );
    }
    for (const k of new Set([0, Math.round(t / 2), t]))
      svg.append(
        s("text", { x: across(k), y: top + ht + 17, "text-anchor": "middle", "font-size": 12, text: String(k) }),
      );
    svg.append(
      s("text", {
        x: left + w / 2,
        y: top + ht + 34,
        "text-anchor": "middle",
        "font-size": 12,
        text: "lag (letters back)",
      }),
    );
    for (const name of ["sigma", "rho", "norm"]) {
      const kept = lines[name]
        .map((v, k) => [k, v])
        .filter(([, v]) => name === "norm" || (decades(v) <= high && decades(v) >= low));
      svg.append(
        s("path", {
          class: `line ${name}`,
          d: kept.map(([k, v], i) => `${i ? "L" : "M"}${across(k).toFixed(1)} ${up(v).toFixed(1)}`).join(""),
        }),
      );
    }
    svg.append(s("circle", { class: "dot", cx: across(t - source), cy: up(row[source]), r: 5 }));
    curve.replaceChildren(
      h("div", { class: "title" }, "this row, by lag (logarithmic)"),
      svg,
      h(
        "div",
        { class: "keys" },
        h("span", { class: "key norm" }, "measured"),
        h("span", { class: "key sigma" }, "largest singular value, to the power of the lag"),
        h("span", { class: "key rho" }, "spectral radius, to the power of the lag"),
      ),
    );
  }

  function sentence({ letters, norms, sigma, rho, slope, note }, [t, source]) {
    const lag = t - source;
    const norm = norms[t][source];
    const what =
      lag === 0
        ? `The state after letter ${t + 1} depends on itself, with a norm of 1.`
        : `Change the state after letter ${source + 1}, “${letter(letters[source])}”, a little: ${lag} ${lag === 1 ? "letter" : "letters"} later, after “${letter(letters[t])}”, at most ${number(norm)} times as much has arrived.`;
    const bound =
      lag === 0
        ? ""
        : ` The bound by the largest singular value is ${number(sigma)}^${lag} = ${number(sigma ** lag)}${norm > rho ** lag * 1.001 ? `; by the spectral radius one would have expected at most ${number(rho)}^${lag} = ${number(rho ** lag)}, wrongly` : `; the spectral radius to that power is ${number(rho ** lag)}`}.`;
    const bend = model.get("bent") ? ` The tanh multiplies by ${number(slope)} on average.` : "";
    return [note, what + bound + bend];
  }

  function draw() {
    const report = model.get("report");
    if (!state.width || !report.letters) return;
    const last = report.letters.length - 1;
    const [t, source] = model.get("at");
    const at = [Math.min(t, last), Math.min(source, t, last)];
    kind.value = model.get("kind");
    scale.show(model.get("scale"));
    loud.show(model.get("loudness"));
    loud.range.disabled = model.get("kind") === "trained";
    if (text !== text.getRootNode().activeElement) text.value = model.get("text");
    const bent = model.get("bent");
    if (bend.dataset.bent !== String(bent)) {
      bend.dataset.bent = String(bent);
      const inside = bend.contains(bend.getRootNode().activeElement);
      bend.replaceChildren(
        choice(
          "bend",
          [
            [true, "with tanh"],
            [false, "without (linear)"],
          ],
          bent,
          (value) => send(model, { bent: value }),
        ),
      );
      if (inside) bend.querySelector('[aria-pressed="true"]').focus();
    }
    drawMap(report, at);
    drawCurve(report, at);
    words.replaceChildren(...sentence(report, at).map((line) => h("span", {}, line)));
  }

  const unfollow = follow(model, ["report", "at", "kind", "scale", "bent", "loudness"], draw);
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
