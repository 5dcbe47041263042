// The quiz card: choose, check, read why. A wrong choice is explained and the question stays open; the right one and all
// reasons are shown once it was answered right, or to whoever asks to be shown.

function render(context) {
  const { model } = context;
  const name = unique();
  let picked = "";
  let shown = false; // asked to be shown, which answers nothing

  const optionOf = (id) => model.get("data").options.find((known) => known.id === id);
  const answered = () => Boolean(optionOf(model.get("choice"))?.correct);

  function open(known) {
    const tried = known.id === model.get("choice");
    return h(
      tried ? "div.tried.bad" : "div",
      {},
      h(
        tried ? "label.option.bad" : "label.option",
        {},
        h("input", {
          type: "radio",
          name,
          value: known.id,
          checked: picked === known.id,
          "data-key": known.id,
          onchange: () => {
            picked = known.id;
          },
        }),
        h("span", {}, h("span", { html: known.text }), tried ? h("span.word", {}, " (✗ not this)") : null),
      ),
      tried && known.why ? h("div.why", { html: known.why }) : null,
    );
  }

  function settled(known) {
    const mine = known.id === model.get("choice");
    const [sign, word, tone] = known.correct
      ? ["✓", "right", "good"]
      : mine
        ? ["✗", "not this", "bad"]
        : ["", "", "plain"];
    return h(
      "div.option.settled." + tone,
      {},
      h("span.icon", { "aria-hidden": "true" }, sign),
      h(
        "div",
        {},
        h(
          "p",
          {},
          h("span", { html: known.text }),
          word ? h("span.word", {}, mine ? ` (your answer: ${word})` : ` (${word})`) : null,
        ),
        h("div.why", { html: known.why }),
      ),
    );
  }

  function headline() {
    if (answered()) return h("p.headline.good", {}, icon("✓"), "Right");
    if (shown) return h("p.headline.plain", {}, icon("→"), "Shown. It counts once you have answered it yourself.");
    return optionOf(model.get("choice")) ? h("p.headline.bad", {}, icon("✗"), "Not this one. Try another.") : null;
  }

  function draw(redraw) {
    const data = model.get("data");
    const closed = shown || answered();
    const answer = () => {
      if (!picked) return;
      const option = picked;
      picked = "";
      model.set("choice", option);
      tell(model, { do: "answer", option });
      redraw();
    };
    const again = () => {
      shown = false;
      send(model, { choice: "" });
      redraw();
    };
    const show = () => {
      shown = true;
      redraw();
    };
    return [
      h(
        "fieldset",
        {},
        h("legend.title", { "data-title": true, html: data.question }),
        data.options.map(closed ? settled : open),
      ),
      headline(),
      h(
        "div.actions",
        {},
        closed
          ? h(
              "button.quiet",
              { "data-key": "go", "data-next": true, onclick: again },
              answered() ? "Answer again" : "Answer it myself",
            )
          : h("button", { "data-key": "go", onclick: answer }, "Check my answer"),
        !closed && optionOf(model.get("choice"))
          ? h("button.quiet", { "data-key": "show", onclick: show }, "Show me")
          : null,
      ),
      problemNote(data),
    ];
  }

  function say() {
    const known = optionOf(model.get("choice"));
    if (answered()) return "Right.";
    if (shown) return "The right answer is marked.";
    return known ? `Not this one. ${h("div", { html: known.why }).textContent.trim()} Try another.` : "";
  }

  return mount(context, "quiz", draw, say, ["data", "choice"]);
}

export default { render };
