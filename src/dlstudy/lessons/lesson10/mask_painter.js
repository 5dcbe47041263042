// The mask painter. Words and matrices come from Python; softmax and outputs are worked out here, so that the picture
// follows the pen without waiting.

function render({ model, el }) {
  const root = frame(el, "Mask painter", "maskpainter");
  const words = model.get("words");
  const n = words.length;
  const state = { width: 0, paints: 1, cursor: null };

  // --- the numbers ------------------------------------------------------------------------------------------------

  const product = (vector, matrix) =>
    matrix[0].map((_, c) => vector.reduce((sum, value, r) => sum + value * matrix[r][c], 0));
  const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);

  // One layer: weights (null where a row sees nobody) and the vectors after it.
  function layer(x) {
    const [wq, wk, wv] = model.get("matrices");
    const mask = model.get("mask");
    const [q, k, v] = [wq, wk, wv].map((w) => x.map((one) => product(one, w)));
    const weights = q.map((query, i) => {
      const scores = k.map((key, j) => (mask[i * n + j] ? dot(query, key) / Math.sqrt(key.length) : -Infinity));
      const most = Math.max(...scores);
      if (most === -Infinity) return null;
      const worth = scores.map((score) => Math.exp(score - most));
      const total = worth.reduce((sum, one) => sum + one, 0);
      return worth.map((one) => one / total);
    });
    const out = x.map((one, i) =>
      weights[i] === null
        ? one.map(() => NaN)
        : one.map(
            (value, c) => value + weights[i].reduce((sum, weight, j) => sum + (weight ? weight * v[j][c] : 0), 0),
          ),
    );
    return { weights, out };
  }

  function work() {
    const read = (exchanged) => {
      let x = model
        .get("vectors")
        .map((one, i) => (exchanged && i === model.get("changed") ? model.get("other") : one));
      let first = null;
      for (let number = 0; number < model.get("layers"); number += 1) {
        const made = layer(x);
        first ??= made.weights;
        x = made.out;
      }
      return { x, first };
    };
    const [before, after] = [read(false), read(true)];
    const broken = before.x.map((one) => one.some(Number.isNaN));
    const moved = before.x.map(
      (one, i) => !broken[i] && one.some((value, c) => Math.abs(value - after.x[i][c]) > 1e-9),
    );
    return { weights: before.first, broken, moved };
  }

  // --- the controls -----------------------------------------------------------------------------------------------

  const presets = model.get("presets");
  const presetButtons = presets.map(([title, mask]) => button(title, { onclick: () => change({ mask: [...mask] }) }));
  const layers = h(
    "select",
    { class: "dls-select", "aria-label": "layers" },
    ...[1, 2, 3].map((k) => h("option", { value: String(k) }, String(k))),
  );
  layers.addEventListener("change", () => change({ layers: Number(layers.value) }));
  const changed = h(
    "select",
    { class: "dls-select", "aria-label": "exchange the word" },
    ...words.map((word, i) => h("option", { value: String(i) }, `${i}: ${word}`)),
  );
  changed.addEventListener("change", () => change({ changed: Number(changed.value) }));

  function change(changes) {
    send(model, changes);
    draw();
  }

  // --- the picture ------------------------------------------------------------------------------------------------

  const holder = h("div", { class: "dls-canvas" });
  const text = h("p", { class: "dls-words", "aria-live": "polite" });
  root.append(
    h(
      "div",
      { class: "dls-row" },
      h("div", { class: "dls-choice", role: "group", "aria-label": "Masks to begin with" }, ...presetButtons),
    ),
    h("div", { class: "dls-row" }, h("label", {}, "layers ", layers), h("label", {}, "exchange the word ", changed)),
    holder,
    text,
  );

  let sheet = null;
  function build() {
    const narrow = state.width < 520;
    const size = narrow ? 26 : 40;
    const left = narrow ? 62 : 84;
    const top = narrow ? 66 : 74;
    const right = narrow ? 62 : 92;
    const key = `${size}`;
    if (sheet?.key === key) return;
    const [w, ht] = [left + n * size + right, top + n * size + 6];
    const cells = s("g", { class: "cells" });
    const names = s("g", { class: "names" });
    words.forEach((word, j) => {
      const x = left + (j + 0.5) * size;
      names.append(
        s("text", {
          class: "column",
          transform: `translate(${x + 4} ${top - 8}) rotate(-55)`,
          text: word,
          "data-word": j,
        }),
      );
      names.append(
        s("text", {
          class: "line",
          x: left - 8,
          y: top + (j + 0.5) * size + 5,
          "text-anchor": "end",
          text: word,
          "data-row": j,
        }),
      );
    });
    names.append(s("text", { class: "axis", x: 2, y: top - 8, text: "looks ↓" }));
    const outputs = s("g", { class: "outputs" });
    const light = s("rect", { class: "row", x: left - 1, width: n * size + 2, height: size, y: -99 });
    const pen = s("rect", { class: "pen", width: size, height: size, x: -99, y: -99 });
    const touch = s("rect", {
      class: "touch",
      x: left,
      y: top,
      width: n * size,
      height: n * size,
      tabindex: "0",
      role: "application",
      "aria-label": `Mask, ${n} by ${n}. A row is a word that looks, a column a word that is looked at. Paint with mouse or finger; or move with the arrow keys, Space puts the pen down or lifts it, T toggles one place`,
    });
    const svg = s(
      "svg",
      { viewBox: `0 0 ${w} ${ht}`, width: w, height: ht, role: "group", "aria-label": "Who may look at whom" },
      cells,
      names,
      outputs,
      light,
      pen,
      touch,
    );
    holder.replaceChildren(svg);
    const put = (r, c, value) => {
      if (r < 0 || c < 0 || r >= n || c >= n) return;
      const mask = [...model.get("mask")];
      const fresh = mask[r * n + c] !== value;
      mask[r * n + c] = value;
      if (fresh || model.get("row") !== r) change({ mask, row: r });
    };
    drawable(touch, {
      rows: n,
      columns: n,
      paint: (y, x, first) => {
        const [r, c] = [Math.floor(y), Math.floor(x)];
        if (r < 0 || c < 0 || r >= n || c >= n) return;
        if (first) state.paints = 1 - model.get("mask")[r * n + c];
        put(r, c, state.paints);
      },
      moved: (at) => {
        state.cursor = at;
        setAttributes(pen, at ? { x: left + at[1] * size, y: top + at[0] * size } : { x: -99, y: -99 });
        if (at && at[0] !== model.get("row")) change({ row: at[0] });
      },
      key: (event, at) => {
        if (event.key.toLowerCase() !== "t") return false;
        put(at[0], at[1], 1 - model.get("mask")[at[0] * n + at[1]]);
        return true;
      },
    });
    sheet = { key, size, left, top, right, cells, outputs, light, names, narrow };
  }

  function draw() {
    if (!state.width) return;
    build();
    const { size, left, top, narrow } = sheet;
    const mask = model.get("mask");
    const { weights, broken, moved } = work();
    const row = Math.min(model.get("row"), n - 1);
    layers.value = String(model.get("layers"));
    changed.value = String(model.get("changed"));
    presets.forEach(([, one], i) =>
      presetButtons[i].setAttribute("aria-pressed", String(one.every((value, k) => value === mask[k]))),
    );
    sheet.cells.replaceChildren(
      ...mask.map((may, place) => {
        const [i, j] = [Math.floor(place / n), place % n];
        const [x, y] = [left + j * size, top + i * size];
        const group = s(
          "g",
          { class: `cell ${may ? "may" : "not"}`, "data-cell": `${i},${j}` },
          s("rect", { x: x + 1, y: y + 1, width: size - 2, height: size - 2, rx: 3 }),
        );
        if (may && weights[i]) {
          const share = weights[i][j];
          group.firstChild.style.fill = `color-mix(in srgb, var(--dls-blue) ${Math.round(8 + share * 72)}%, var(--dls-bg))`;
          group.append(
            s("text", {
              class: share > 0.5 ? "inverse" : "",
              x: x + size / 2,
              y: y + size / 2 + 4,
              "text-anchor": "middle",
              "font-size": narrow ? 10 : 13,
              text: String(Math.round(share * 100)),
            }),
          );
        } else if (may) {
          group.append(s("text", { x: x + size / 2, y: y + size / 2 + 4, "text-anchor": "middle", text: "?" }));
        } else {
          group.append(
            s("line", { x1: x + size * 0.36, y1: y + size * 0.64, x2: x + size * 0.64, y2: y + size * 0.36 }),
          );
        }
        return group;
      }),
    );
    sheet.outputs.replaceChildren(
      s("text", { class: "axis", x: left + n * size + 8, y: top - 8, text: "output" }),
      ...words.map((_, i) =>
        s("text", {
          class: broken[i] ? "broken" : moved[i] ? "moved" : "same",
          "data-output": i,
          x: left + n * size + 8,
          y: top + (i + 0.5) * size + 5,
          text: broken[i] ? "NaN" : moved[i] ? (narrow ? "new" : "changes") : narrow ? "–" : "stays",
        }),
      ),
    );
    for (const name of sheet.names.querySelectorAll("[data-word], [data-row]")) {
      const number = Number(name.dataset.word ?? name.dataset.row);
      name.classList.toggle("exchanged", number === model.get("changed"));
    }
    setAttributes(sheet.light, { y: top + row * size });
    say(text, sentence(mask, weights, broken, moved, row));
  }

  function sentence(mask, weights, broken, moved, row) {
    const seen = words.filter((_, j) => mask[row * n + j]);
    const list = (names) => names.map((name) => `“${name}”`).join(", ");
    const first = weights[row]
      ? `Word ${row}, “${words[row]}”, looks at ${seen.length} of ${n}, and its weights add up to 100 %.`
      : `Word ${row}, “${words[row]}”, may look at nobody: the softmax of nothing is 0 / 0.`;
    const which = model.get("changed");
    const reached = words
      .map((word, i) => [word, i])
      .filter(([, i]) => moved[i])
      .map(([word, i]) => `${i} ${word}`);
    const early = moved.findIndex((one, i) => one && i < which);
    const second = `Exchange word ${which}, “${words[which]}”, for another: ${reached.length ? `the outputs ${list(reached)} change` : "no output changes"}.`;
    const third = broken.some(Boolean)
      ? ""
      : early >= 0
        ? `Output ${early} changes, although word ${which} comes later: this mask lets the future be seen.`
        : "No output before it changes: nobody sees the future.";
    return [first, second, third].filter(Boolean).join(" ");
  }

  const unfollow = follow(model, ["mask", "layers", "changed", "row"], draw);
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
