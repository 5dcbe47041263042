// The exercise card: verdict, comparison, hints one by one, solution.

function render(context) {
  const { model } = context;
  let asking = false; // the learner is being asked whether to give up

  // Long code can be scrolled with the keyboard, so it takes the focus.
  const code = (text, label) => h("pre", { tabindex: "0", role: "region", "aria-label": label }, text);

  function verdict(data) {
    return [
      h("div.message", { html: data.message }),
      data.rows.length
        ? h(
            "dl.compare",
            {},
            data.rows.map(([term, text]) => h("div.pair", {}, h("dt", {}, term), h("dd", {}, code(text, term)))),
          )
        : null,
      data.picture ? h("figure.picture", { html: data.picture }) : null,
      data.hint
        ? h("div.note.thought", {}, h("p.label", {}, "A hint for this answer"), h("div", { html: data.hint }))
        : null,
    ];
  }

  function hints(data, redraw) {
    if (data.status === "passed" || !data.hints.length) return null;
    const left = data.hints.length - data.opened;
    const opened = data.hints.slice(0, data.opened);
    return [
      opened.length
        ? h(
            "ol.hints",
            {},
            opened.map((text, n) => h("li", {}, h("span.label", {}, `Hint ${n + 1}`), h("div", { html: text }))),
          )
        : null,
      h(
        "div.actions",
        {},
        left
          ? h(
              "button",
              { "data-key": "hint", "data-next": true, onclick: () => tell(model, { do: "hint" }) },
              `Open hint ${data.opened + 1} of ${data.hints.length}`,
            )
          : null,
        solutionButton(data, redraw),
      ),
    ];
  }

  function solutionButton(data, redraw) {
    if (data.solution) return null;
    if (data.may_show) {
      const show = () => tell(model, { do: "solution" });
      return h("button.quiet", { "data-key": "solution", "data-next": true, onclick: show }, "Show the solution");
    }
    if (!asking) {
      const ask = () => {
        asking = true;
        redraw();
      };
      return h(
        "button.quiet",
        { "data-key": "give-up", "data-next": true, onclick: ask },
        "Give up and show the solution",
      );
    }
    return h(
      "span.confirm",
      {},
      h("span", {}, "You have not tried an answer of your own yet. Show the solution all the same?"),
      h(
        "button.quiet",
        {
          "data-key": "give-up",
          onclick: () => {
            asking = false;
            tell(model, { do: "give-up" });
          },
        },
        "Yes, show it",
      ),
      h(
        "button",
        {
          "data-key": "try",
          onclick: () => {
            asking = false;
            redraw();
          },
        },
        "No, I will try",
      ),
    );
  }

  function solution(data) {
    if (!data.solution) return null;
    const { source, yours, explanation } = data.solution;
    // Each line is a block of its own, so that one that has to be broken goes on further in than it began.
    const indent = (line) => `--indent: ${line.search(/\S|$/) + 2}ch`;
    const lines = (text) => text.split("\n").map((line) => h("span.line", { style: indent(line) }, line || h("br")));
    const panel = (title, text) => h("div.panel", {}, h("p.label", {}, title), code(lines(text.trimEnd()), title));
    const longest = Math.max(...`${yours}\n${source}`.split("\n").map((line) => line.length));
    const width = Math.ceil(longest * 8.5) + 24; // the font's 14 px make a character of at most 8.5, and the padding
    return h(
      "div.solution",
      {},
      h(
        "div.beside",
        { style: `--code-width: ${width}px` },
        yours ? panel("Your answer", yours) : null,
        panel(yours ? "Ours" : "The solution", source),
      ),
      explanation ? h("div.explanation", { html: explanation }) : null,
      data.status === "passed"
        ? null
        : h("p.note", {}, "Write it in your own words in the cell above and run it: it counts when it passes."),
    );
  }

  function draw(redraw) {
    const data = model.get("data");
    const tries = data.attempts === 0 ? "no try yet" : data.attempts === 1 ? "1 try" : `${data.attempts} tries`;
    return [
      h(
        "header",
        {},
        h("p.title", { "data-title": true }, "Exercise: " + data.title),
        h(
          "p.meta",
          {},
          `${data.level} · ${tries}` + (data.passed_before && data.status !== "passed" ? " · passed before" : ""),
        ),
      ),
      h("p.headline." + data.tone, {}, icon(data.icon), data.headline),
      verdict(data),
      hints(data, redraw),
      solution(data),
      problemNote(data),
    ];
  }

  function say() {
    const data = model.get("data");
    const words = [data.title + ":", data.headline + "."];
    if (data.solution) words.push("The solution is shown.");
    else if (data.opened) words.push(`${data.opened} of ${data.hints.length} hints open.`);
    return words.join(" ");
  }

  return mount(context, "exercise", draw, say, ["data"]);
}

export default { render };
