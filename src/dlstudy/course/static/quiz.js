// The quiz card: choose, check, read why; try again as often as you like.

function render(context) {
  const { model } = context;
  const name = unique();
  let picked = "";

  function option(data, chosen, known) {
    const mine = known.id === chosen;
    if (!chosen) {
      return h("label.option", {},
        h("input", {
          type: "radio", name, value: known.id, checked: picked === known.id, "data-key": known.id,
          onchange: () => { picked = known.id; },
        }),
        h("span", { html: known.text }));
    }
    const [sign, word, tone] = known.correct ? ["✓", "right", "good"] : mine ? ["✗", "not this", "bad"] : ["", "", "plain"];
    return h("div.option.settled." + tone, {},
      h("span.icon", { "aria-hidden": "true" }, sign),
      h("div", {},
        h("p", {}, h("span", { html: known.text }), word ? h("span.word", {}, mine ? ` (your answer: ${word})` : ` (${word})`) : null),
        h("div.why", { html: known.why })));
  }

  function draw(redraw) {
    const data = model.get("data");
    const chosen = model.get("choice");
    const right = data.options.some((known) => known.id === chosen && known.correct);
    const answer = () => {
      if (!picked) return;
      const option = picked;
      picked = "";
      model.set("choice", option);
      send(model, { do: "answer", option });
      redraw();
    };
    const again = () => {
      model.set("choice", "");
      model.save_changes();
      redraw();
    };
    return [
      h("fieldset", {}, h("legend.title", { "data-title": true, html: data.question }), data.options.map((known) => option(data, chosen, known))),
      chosen ? h("p.headline." + (right ? "good" : "bad"), {}, icon(right ? "✓" : "✗"), right ? "Right" : "Not this one") : null,
      h("div.actions", {}, chosen
        ? h("button.quiet", { "data-key": "go", onclick: again }, "Try again")
        : h("button", { "data-key": "go", onclick: answer }, "Check my answer")),
      problemNote(data),
    ];
  }

  function say() {
    const chosen = model.get("choice");
    if (!chosen) return "";
    const known = model.get("data").options.find((option) => option.id === chosen);
    return known ? (known.correct ? "Right." : "Not this one. The right answer is marked.") : "";
  }

  return mount(context, "quiz", draw, say, ["data", "choice"]);
}

export default { render };
