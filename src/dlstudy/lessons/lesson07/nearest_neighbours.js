// Nearest neighbours: a grid of pictures to pick from, and the nearest ones in each way of comparing.

function render({ model, el }) {
  const root = frame(el, "Nearest neighbours", "neighbours");
  const grid = h("div", { class: "dls-grid", role: "radiogroup", "aria-label": "pick a picture; arrow keys move" });
  const found = h("div", { class: "dls-found" });
  const words = h("p", { class: "dls-words", "aria-live": "polite" });
  root.append(h("p", { class: "dls-hint" }, "Pick a picture (click, or arrow keys):"), grid, found, words);
  let built = null;
  let cells = [];

  function tile(report, n, extra = {}) {
    const node = h("span", { class: "dls-tile", ...extra });
    const [row, column] = [Math.floor(n / report.columns), n % report.columns];
    node.style.backgroundImage = `url(${report.sprite})`;
    node.style.backgroundSize = `${report.columns * 100}% ${report.rows * 100}%`;
    const part = (i, count) => (count > 1 ? (100 * i) / (count - 1) : 0);
    node.style.backgroundPosition = `${part(column, report.columns)}% ${part(row, report.rows)}%`;
    return node;
  }

  function build(report) {
    cells = report.queries.map((name, n) => {
      const cell = h(
        "button",
        {
          type: "button",
          class: "dls-pick",
          role: "radio",
          "aria-label": `${name}, picture ${n + 1}`,
          onclick: () => send(model, { picked: n }),
        },
        tile(report, n),
      );
      cell.addEventListener("keydown", (event) => {
        const across = Math.max(1, Math.round(grid.clientWidth / (cells[0].offsetWidth + 4)));
        const step = {
          ArrowRight: 1,
          ArrowLeft: -1,
          ArrowDown: across,
          ArrowUp: -across,
          Home: -n,
          End: cells.length - 1 - n,
        }[event.key];
        if (step === undefined) return;
        event.preventDefault();
        const to = Math.min(cells.length - 1, Math.max(0, n + step));
        send(model, { picked: to });
        cells[to].focus();
      });
      return cell;
    });
    grid.replaceChildren(...cells);
    built = report;
  }

  function draw() {
    const report = model.get("report");
    if (built !== report) build(report);
    const picked = Math.min(model.get("picked"), cells.length - 1);
    cells.forEach((cell, n) => {
      cell.setAttribute("aria-checked", String(n === picked));
      cell.tabIndex = n === picked ? 0 : -1;
    });
    const name = report.queries[picked];
    found.replaceChildren(
      ...report.ways.map((way) => {
        const right = way.same[picked].filter(Boolean).length;
        const pictures = way.tiles[picked].map((n, i) => {
          const same = way.same[picked][i];
          const text = `${way.names[picked][i]}, cosine ${way.cosines[picked][i].toFixed(2)}`;
          return h(
            "figure",
            { class: same ? "same" : "other" },
            tile(report, n, { role: "img", "aria-label": text, title: text }),
            h(
              "figcaption",
              {},
              `${same ? "✓" : "✗"} ${way.names[picked][i]}`,
              h("br"),
              way.cosines[picked][i].toFixed(2),
            ),
          );
        });
        return h(
          "div",
          { class: "dls-way" },
          h("p", { class: "dls-wayname" }, `nearest in ${way.name}: ${right} of ${pictures.length} are “${name}”`),
          h("div", { class: "dls-six" }, ...pictures),
        );
      }),
    );
    const overall = report.ways.map((way) => `${way.name} ${Math.round(100 * way.share)} %`).join(", ");
    say(words, `Over all ${cells.length} pictures, the share of these neighbours with the same label: ${overall}.`);
  }
  const unfollow = follow(model, ["report", "picked"], draw);
  draw();
  return () => unfollow();
}

export default { render };
