// The float explorer: three rows of bits that can be flipped, and a ruler of the numbers that exist around the one typed.

const PARTS = ["sign", "exponent", "mantissa"];

const flipped = (bits, i) => bits.slice(0, i) + (bits[i] === "1" ? "0" : "1") + bits.slice(i + 1);

function drawRuler(ruler, number, width) {
  const left = 74;
  const right = width - 16;
  const x = (share) => left + share * (right - left);
  const row = 34;
  const height = 30 + ruler.rows.length * row + 22;
  const svg = s("svg", {
    viewBox: `0 0 ${width} ${height}`,
    width,
    height,
    role: "img",
    "aria-label": `Numbers that exist between ${ruler.low} and ${ruler.high}: ${ruler.rows.map((one) => `${one.name} ${one.inside ? one.inside + 1 : "none"}`).join(", ")}.`,
  });
  ruler.rows.forEach((one, i) => {
    const y = 30 + i * row + row / 2;
    svg.append(s("text", { x: 4, y: y + 4, "font-size": 13, text: one.name }));
    svg.append(s("line", { class: "base", x1: left, x2: right, y1: y, y2: y }));
    if (one.ticks === null) {
      svg.append(s("rect", { class: "band", x: left, y: y - 9, width: right - left, height: 18 }));
      const note = `${(one.inside + 1).toLocaleString("en")} numbers${width > 700 ? ", too close to draw apart" : ""}`;
      svg.append(
        s("text", {
          class: "band-note",
          x: ruler.at < 0.5 ? right - 8 : left + 8,
          y: y + 4.5,
          "font-size": 13,
          "text-anchor": ruler.at < 0.5 ? "end" : "start",
          text: note,
        }),
      );
    } else if (!one.ticks.length) {
      svg.append(
        s("text", {
          class: "note",
          x: (left + right) / 2,
          y: y - 6,
          "text-anchor": "middle",
          text: "none: out of range",
        }),
      );
    } else {
      for (const tick of one.ticks)
        svg.append(s("line", { class: "tick", x1: x(tick), x2: x(tick), y1: y - 10, y2: y + 10 }));
    }
  });
  const at = x(ruler.at);
  svg.append(s("line", { class: "here", x1: at, x2: at, y1: 20, y2: height - 20 }));
  svg.append(
    s("text", {
      class: "here-text",
      x: Math.min(Math.max(at, 60), width - 60),
      y: 14,
      "font-size": 13,
      "text-anchor": "middle",
      text: number,
    }),
  );
  svg.append(s("text", { class: "note", x: left, y: height - 4, text: ruler.low }));
  svg.append(s("text", { class: "note", x: right, y: height - 4, "text-anchor": "end", text: ruler.high }));
  return svg;
}

function render({ model, el }) {
  const root = frame(el, "Float explorer", "floatbits");
  const input = h("input", {
    type: "text",
    class: "dls-grow",
    spellcheck: "false",
    autocomplete: "off",
    autocapitalize: "off",
    "aria-label": "Number",
  });
  const submit = () => {
    if (input.value !== model.get("number")) send(model, { number: input.value });
  };
  input.addEventListener("change", submit);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") submit();
  });
  const examples = picker(
    "Examples",
    model.get("examples").map(([text, why]) => `${text}: ${why}`),
    (i) => {
      input.value = model.get("examples")[i][0];
      submit();
    },
  );
  const error = h("p", { class: "dls-error", role: "alert" });
  const formats = h("div", { style: "display:flex;flex-direction:column;gap:10px" });
  const canvas = h("div", { class: "dls-canvas" });
  const words = h("p", { class: "dls-words", "aria-live": "polite" });
  root.append(
    h("div", { class: "dls-row" }, input, button("Show", { onclick: submit }), examples),
    error,
    formats,
    h("p", { class: "muted" }, "Which numbers exist around this one (click a bit above to flip it):"),
    canvas,
    words,
  );
  let width = 0;

  function drawFormat(one) {
    const bits = h("div", {
      class: "bits",
      role: "group",
      "aria-label": `bits of ${one.name}; arrow keys move, Enter flips`,
    });
    let start = 0;
    one.sizes.forEach((size, part) => {
      const cells = h("div", { class: `part ${PARTS[part]}` });
      for (let i = start; i < start + size; i += 1) {
        const on = one.bits[i] === "1";
        cells.append(
          h(
            "button",
            {
              type: "button",
              class: `bit${on ? " one" : ""}`,
              tabindex: i === 0 ? "0" : "-1",
              "data-bit": i,
              "data-key": `${one.name} ${i}`,
              "aria-label": `${PARTS[part]} bit ${i - start + 1} of ${size}: ${one.bits[i]}`,
              onclick: () => send(model, { pattern: [one.name, flipped(one.bits, i)] }),
            },
            one.bits[i],
          ),
        );
      }
      bits.append(
        h(
          "div",
          { class: `column ${PARTS[part]}` },
          cells,
          h("small", {}, size === 1 ? "sign" : `${PARTS[part]} (${size})`),
        ),
      );
      start += size;
    });
    bits.addEventListener("keydown", (event) => {
      const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      const here = event.target.dataset?.bit;
      if (!move || here === undefined) return;
      event.preventDefault();
      const next = bits.querySelector(`[data-bit="${Number(here) + move}"]`);
      if (next) {
        event.target.tabIndex = -1;
        next.tabIndex = 0;
        next.focus();
      }
    });
    const trouble = !one.exact && (one.kind === "inf" || one.kind === "zero");
    return h(
      "div",
      { class: `format${trouble ? " trouble" : ""}`, "data-format": one.name },
      h(
        "div",
        { class: "head" },
        h("b", {}, one.name),
        h("span", { class: "stored dls-mono" }, one.digits || one.stored),
      ),
      bits,
      h("p", {}, one.words),
      h("p", { class: "muted" }, h("span", { class: "dls-mono" }, one.formula), ` · ${one.name} goes ${one.limits}`),
    );
  }

  function draw() {
    const report = model.get("report");
    if (!report.formats) return;
    if (!model.get("error")) input.value = model.get("number");
    say(error, model.get("error"));
    const focus = root.getRootNode().activeElement?.getAttribute?.("data-key");
    formats.replaceChildren(...report.formats.map(drawFormat));
    const again = focus && formats.querySelector(`[data-key="${focus}"]`);
    if (again) {
      again.tabIndex = 0;
      again.focus();
    }
    canvas.parentNode.querySelector(".muted + .dls-canvas").style.display = report.ruler ? "" : "none";
    if (report.ruler && width > 0)
      canvas.replaceChildren(drawRuler(report.ruler, report.number, Math.min(width - 8, 860)));
    say(words, report.words);
  }
  const unfollow = follow(model, ["report", "error", "number"], draw);
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
