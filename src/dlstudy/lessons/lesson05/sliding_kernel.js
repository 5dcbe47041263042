// The sliding kernel: image, kernel and result side by side. The geometry and the kernels on offer come from Python; the
// products are worked out here, so that the picture follows the pen without waiting.

function render({ model, el }) {
  const root = frame(el, "Sliding kernel", "sliding");
  const rows = model.get("rows");
  const columns = model.get("columns");
  const state = { playing: null, cursor: null, erasing: false, width: 0 };

  // --- the numbers ------------------------------------------------------------------------------------------------

  const facts = () => {
    const [k, stride, padding, dilation] = ["size", "stride", "padding", "dilation"].map((name) => model.get(name));
    const span = dilation * (k - 1) + 1;
    const out = [rows, columns].map((side) => Math.floor((side + 2 * padding - span) / stride) + 1);
    return { k, stride, padding, dilation, span, out, fits: out[0] > 0 && out[1] > 0 };
  };

  const pixelAt = (r, c) => (r < 0 || c < 0 || r >= rows || c >= columns ? 0 : model.get("pixels")[r * columns + c]);

  // The terms of one number of the result: row and column in the image (negative in the padding), pixel, weight.
  function terms({ k, stride, padding, dilation }, i, j) {
    const kernel = model.get("kernel");
    return Array.from({ length: k * k }, (_, n) => {
      const [u, v] = [Math.floor(n / k), n % k];
      const [r, c] = [i * stride + u * dilation - padding, j * stride + v * dilation - padding];
      return { r, c, u, v, pixel: pixelAt(r, c), weight: kernel[n] };
    });
  }

  const total = (list) => list.reduce((sum, { pixel, weight }) => sum + pixel * weight, 0);
  const short = (number) => String(Math.round(number * 100) / 100).replace("-", "−");

  // --- the controls -----------------------------------------------------------------------------------------------

  function setting(name, title, values) {
    const select = h(
      "select",
      { class: "dls-select", "aria-label": title },
      ...values.map((n) => h("option", { value: String(n) }, String(n))),
    );
    select.addEventListener("change", () => change({ [name]: Number(select.value), step: 0 }));
    return { name, select, node: h("label", { class: "setting" }, `${title} `, select) };
  }
  const settings = [
    setting("stride", "stride", [1, 2, 3]),
    setting("padding", "padding", [0, 1, 2, 3]),
    setting("dilation", "dilation", [1, 2, 3]),
  ];
  const kernels = model.get("kernels");
  const kernelMenu = picker(
    "Kernels",
    kernels.map(([title]) => title),
    (n) => {
      const [, size, weights] = kernels[n];
      change({ size, kernel: weights, step: 0 });
    },
  );
  const sizeBox = setting("size", "kernel size", [1, 2, 3, 4, 5]);
  sizeBox.select.addEventListener("change", () => {
    const size = Number(sizeBox.select.value);
    change({ size, kernel: resized(model.get("kernel"), size), step: 0 });
  });
  // A kernel of another size keeps what fits, from its upper left corner.
  function resized(kernel, size) {
    const before = Math.round(Math.sqrt(kernel.length));
    return Array.from({ length: size * size }, (_, n) => {
      const [u, v] = [Math.floor(n / size), n % size];
      return u < before && v < before ? kernel[u * before + v] : 0;
    });
  }
  const images = model.get("images");
  const imageMenu = picker(
    "Images",
    images.map(([title]) => title),
    (n) => change({ pixels: images[n][1] }),
  );
  const eraser = button("Erase", {
    "aria-pressed": "false",
    onclick: () => {
      state.erasing = !state.erasing;
      eraser.setAttribute("aria-pressed", String(state.erasing));
    },
  });
  const clear = button("Clear image", { onclick: () => change({ pixels: model.get("pixels").map(() => 0) }) });

  const back = button("◀ Step", {
    onclick: () => {
      stop();
      go(model.get("step") - 1);
    },
  });
  const forth = button("Step ▶", {
    class: "dls-button dls-main",
    onclick: () => {
      stop();
      go(model.get("step") + 1);
    },
  });
  const play = button("Play", { onclick: () => (state.playing === null ? start() : stop()) });
  const slider = h("input", { type: "range", min: "0", class: "dls-grow", "aria-label": "Window" });
  slider.addEventListener("input", () => {
    stop();
    go(Number(slider.value));
  });

  function change(changes) {
    send(model, changes);
    draw();
  }
  function go(step) {
    const { out, fits } = facts();
    if (fits) change({ step: Math.max(0, Math.min(out[0] * out[1] - 1, step)) });
  }
  function start() {
    const { out, fits } = facts();
    if (!fits) return;
    if (model.get("step") >= out[0] * out[1] - 1) change({ step: 0 });
    const beat = () => {
      const { out: now } = facts();
      if (model.get("step") >= now[0] * now[1] - 1) return stop();
      go(model.get("step") + 1);
      return undefined;
    };
    state.playing = setInterval(beat, 350);
    play.textContent = "Stop";
  }
  function stop() {
    if (state.playing === null) return;
    clearInterval(state.playing);
    state.playing = null;
    play.textContent = "Play";
    draw(); // the words wait while it plays
  }

  // --- the picture ------------------------------------------------------------------------------------------------

  const image = h("div", { class: "panel image" });
  const kernelPanel = h("div", { class: "panel kernel" });
  const result = h("div", { class: "panel result" });
  const words = h("p", { class: "dls-words", "aria-live": "polite" });
  const error = h("p", { class: "dls-error", role: "alert" });
  root.append(
    h("div", { class: "dls-row" }, imageMenu, kernelMenu, eraser, clear),
    h("div", { class: "dls-row" }, sizeBox.node, ...settings.map(({ node }) => node)),
    error,
    h(
      "div",
      { class: "panels" },
      image,
      h("span", { class: "sign", "aria-hidden": "true" }, "∗"),
      kernelPanel,
      h("span", { class: "sign", "aria-hidden": "true" }, "="),
      result,
    ),
    h("div", { class: "dls-row" }, back, forth, play, slider),
    words,
  );

  const INK = 9; // a pixel goes from 0 to 9

  function tile(x, y, size, { fill, text, klass = "", inverse = false }) {
    const node = s(
      "g",
      { class: `tile ${klass}${inverse ? " inverse" : ""}`, transform: `translate(${x} ${y})` },
      s("rect", { x: 0.5, y: 0.5, width: size - 1, height: size - 1 }),
    );
    if (fill) node.firstChild.style.fill = fill;
    if (text !== undefined)
      node.append(
        s("text", {
          x: size / 2,
          y: size / 2 + Math.min(5, size * 0.18),
          "text-anchor": "middle",
          "font-size": Math.min(14, size * (text.length > 3 ? 0.34 : 0.46)),
          text,
        }),
      );
    return node;
  }
  const grey = (share) => `color-mix(in srgb, var(--dls-fg) ${Math.round(share * 100)}%, var(--dls-bg))`;
  const signed = (value, most) => {
    const share = Math.round(Math.min(1, Math.abs(value) / (most || 1)) * 45);
    return `color-mix(in srgb, var(${value < 0 ? "--dls-blue" : "--dls-orange"}) ${share}%, var(--dls-bg))`;
  };

  // The image. It is made once for a geometry; the pen needs its element to stay.
  let sheet = null;
  function drawImage(now) {
    const { padding } = now;
    const size = Math.max(17, Math.min(27, Math.floor(Math.min(state.width, 340) / (columns + 2 * padding))));
    const key = `${padding} ${size}`;
    if (sheet?.key !== key) {
      const [w, ht] = [(columns + 2 * padding) * size, (rows + 2 * padding) * size];
      const pad = s("g", { class: "padding" });
      for (let r = -padding; r < rows + padding; r += 1) {
        for (let c = -padding; c < columns + padding; c += 1) {
          if (r < 0 || c < 0 || r >= rows || c >= columns)
            pad.append(tile((c + padding) * size, (r + padding) * size, size, { text: "0" }));
        }
      }
      const inside = s("g", { class: "pixels" });
      const light = s("g", { class: "light" });
      const pen = s("rect", { class: "pen", width: size, height: size, x: -99, y: -99 });
      const touch = s("rect", {
        class: "touch",
        x: padding * size,
        y: padding * size,
        width: columns * size,
        height: rows * size,
        tabindex: "0",
        role: "application",
        "aria-label": `Image, ${rows} by ${columns} pixels. Draw with mouse or finger; or move with the arrow keys, Space puts the pen down or lifts it, a figure from 0 to 9 sets the pixel`,
      });
      const svg = s(
        "svg",
        { viewBox: `0 0 ${w} ${ht}`, width: w, height: ht, role: "group", "aria-label": "Image with its padding" },
        pad,
        inside,
        light,
        pen,
        touch,
      );
      drawable(touch, {
        rows,
        columns,
        paint: (y, x) => mark(Math.floor(y), Math.floor(x), state.erasing ? 0 : INK),
        moved: (at) => {
          state.cursor = at;
          setAttributes(pen, at ? { x: (at[1] + padding) * size, y: (at[0] + padding) * size } : { x: -99, y: -99 });
        },
        key: (event, at) => {
          if (!/^[0-9]$/.test(event.key)) return false;
          mark(at[0], at[1], Number(event.key));
          return true;
        },
      });
      sheet = { key, size, inside, light, padding };
      image.replaceChildren(
        h("div", { class: "title" }, `image ${rows} × ${columns}`, padding ? ` + padding ${padding}` : ""),
        svg,
      );
    }
    sheet.inside.replaceChildren(
      ...model
        .get("pixels")
        .map((value, n) =>
          tile(((n % columns) + padding) * size, (Math.floor(n / columns) + padding) * size, size, {
            fill: grey((value / INK) * 0.8),
            text: String(value),
            inverse: value > 5,
          }),
        ),
    );
  }
  function mark(r, c, value) {
    if (r < 0 || c < 0 || r >= rows || c >= columns) return;
    const pixels = [...model.get("pixels")];
    if (pixels[r * columns + c] === value) return;
    pixels[r * columns + c] = value;
    change({ pixels });
  }

  function drawWindow(list) {
    const { size, padding, light } = sheet;
    light.replaceChildren(
      ...list.map(({ r, c, weight }) =>
        s("rect", {
          class: weight > 0 ? "plus" : weight < 0 ? "minus" : "nought",
          x: (c + padding) * size + 1.5,
          y: (r + padding) * size + 1.5,
          width: size - 3,
          height: size - 3,
        }),
      ),
    );
  }

  // The kernel: number fields, so that it can be changed by typing.
  let fields = [];
  function drawKernel({ k }) {
    const kernel = model.get("kernel");
    const most = Math.max(...kernel.map(Math.abs), 1e-9);
    if (fields.length !== k * k) {
      fields = Array.from({ length: k * k }, (_, n) => {
        const field = h("input", {
          type: "number",
          step: "any",
          "aria-label": `weight ${Math.floor(n / k)}, ${n % k}`,
        });
        field.addEventListener("input", () => {
          if (field.value === "" || !Number.isFinite(Number(field.value))) return;
          const next = [...model.get("kernel")];
          next[n] = Number(field.value);
          change({ kernel: next });
        });
        return field;
      });
      kernelPanel.replaceChildren(
        h("div", { class: "title" }, `kernel ${k} × ${k}`),
        h("div", { class: "weights", style: `grid-template-columns:repeat(${k}, ${k > 3 ? 38 : 44}px)` }, ...fields),
      );
    }
    fields.forEach((field, n) => {
      if (field !== field.getRootNode().activeElement) field.value = String(Math.round(kernel[n] * 1000) / 1000);
      field.style.background = signed(kernel[n], most);
    });
  }

  function drawResult(now, step) {
    const [down, across] = now.out;
    const size = Math.max(17, Math.min(27, Math.floor(Math.min(state.width, 340) / across)));
    const sums = Array.from({ length: down * across }, (_, n) => total(terms(now, Math.floor(n / across), n % across)));
    const most = Math.max(...sums.map(Math.abs), 1e-9);
    const svg = s(
      "svg",
      {
        viewBox: `0 0 ${across * size} ${down * size}`,
        width: across * size,
        height: down * size,
        tabindex: "0",
        role: "group",
        "aria-label": `Result, ${down} by ${across}; arrow keys move the window`,
      },
      ...sums.map((sum, n) => {
        const known = n <= step;
        const node = tile(
          (n % across) * size,
          Math.floor(n / across) * size,
          size,
          known ? { fill: signed(sum, most), text: short(sum), klass: n === step ? "now" : "" } : { klass: "later" },
        );
        node.setAttribute("data-n", n);
        node.addEventListener("click", () => {
          stop();
          go(n);
        });
        return node;
      }),
    );
    svg.addEventListener("keydown", (event) => {
      const {
        out: [, width],
      } = facts();
      const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: width, ArrowUp: -width }[event.key];
      const place =
        event.key === "Home" ? 0 : event.key === "End" ? Infinity : by === undefined ? null : model.get("step") + by;
      if (place === null) return;
      event.preventDefault();
      stop();
      go(place);
    });
    const focused = result.querySelector("svg")?.matches(":focus");
    result.replaceChildren(h("div", { class: "title" }, `result ${down} × ${across}`), svg);
    if (focused) svg.focus({ preventScroll: true });
  }

  function sentence(now, step) {
    const across = now.out[1];
    const [i, j] = [Math.floor(step / across), step % across];
    const list = terms(now, i, j);
    const counted = list.filter(({ pixel, weight }) => pixel !== 0 && weight !== 0);
    const shown = counted
      .slice(0, 9)
      .map(({ pixel, weight }) => `${short(pixel)}·${weight < 0 ? `(${short(weight)})` : short(weight)}`);
    const sum = shown.length ? `${shown.join(" + ")}${counted.length > 9 ? " + …" : ""} = ` : "every product is ";
    const side = (n, out) =>
      `(${n} + 2·${now.padding} − ${now.dilation}·(${now.k} − 1) − 1) / ${now.stride} + 1 = ${out}`;
    const rounded = (rows + 2 * now.padding - now.span) % now.stride ? ", rounded down" : "";
    const at = [i, j].map((n) => short(n * now.stride - now.padding));
    return [
      `Window (${i}, ${j}) begins at row ${at[0]}, column ${at[1]}: ${sum}${short(total(list))}.`,
      `Size of the result: ${side(rows, now.out[0])}${rounded}.`,
    ];
  }

  function draw() {
    if (!state.width) return;
    const now = facts();
    for (const { name, select } of [...settings, sizeBox]) select.value = String(model.get(name));
    say(
      error,
      now.fits
        ? ""
        : `A window that spans ${now.span} pixels does not fit into ${rows + 2 * now.padding}. Take a smaller kernel or dilation, or more padding.`,
    );
    drawImage(now);
    drawKernel(now);
    for (const control of [back, forth, play, slider]) control.disabled = !now.fits;
    if (!now.fits) {
      stop();
      sheet.light.replaceChildren();
      result.replaceChildren();
      words.replaceChildren();
      return;
    }
    const count = now.out[0] * now.out[1];
    const step = Math.min(model.get("step"), count - 1);
    slider.max = String(count - 1);
    slider.value = String(step);
    back.disabled = step === 0;
    forth.disabled = step === count - 1;
    drawWindow(terms(now, Math.floor(step / now.out[1]), step % now.out[1]));
    drawResult(now, step);
    if (state.playing === null) words.replaceChildren(...sentence(now, step).map((text) => h("span", {}, text)));
  }

  const unfollow = follow(model, ["pixels", "kernel", "size", "stride", "padding", "dilation", "step"], draw);
  const unwatch = watchWidth(root, (width) => {
    if (Math.abs(width - state.width) > 1) {
      state.width = width;
      draw();
    }
  });
  return () => {
    clearInterval(state.playing);
    unfollow();
    unwatch();
  };
}

export default { render };
