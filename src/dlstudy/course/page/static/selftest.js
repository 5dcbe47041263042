// The self-test: every question on one form, then where to start.

function render(context) {
  const { model } = context;
  const name = unique();
  const picked = {};

  function question(entry, place, data) {
    const chosen = data.answers[entry.id];
    const settled = Boolean(data.result);
    return h(
      "fieldset",
      {},
      h("legend.title", {}, h("span", {}, `${place + 1}. `), h("span", { html: entry.question })),
      entry.options.map((known) => {
        if (!settled) {
          return h(
            "label.option",
            {},
            h("input", {
              type: "radio",
              name: name + entry.id,
              value: known.id,
              checked: picked[entry.id] === known.id,
              "data-key": entry.id + known.id,
              onchange: () => {
                picked[entry.id] = known.id;
              },
            }),
            h("span", { html: known.text }),
          );
        }
        const mine = known.id === chosen;
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
            "p",
            {},
            h("span", { html: known.text }),
            word ? h("span.word", {}, mine ? ` (your answer: ${word})` : ` (${word})`) : null,
          ),
        );
      }),
      settled && entry.why ? h("div.why", { html: entry.why }) : null,
    );
  }

  function draw() {
    const data = model.get("data");
    const answer = () => tell(model, { do: "answer", answers: { ...picked } });
    const again = () => {
      for (const key of Object.keys(picked)) delete picked[key];
      tell(model, { do: "again" });
    };
    const result = data.result
      ? h(
          "div.note.result",
          {},
          h("p.headline.good", { tabindex: "-1", "data-next": true }, icon("→"), data.result.headline),
          h("div", { html: data.result.advice }),
        )
      : null;
    return [
      h("p.title.heading", { "data-title": true }, data.title),
      result,
      data.questions.map((entry, place) => question(entry, place, data)),
      h(
        "div.actions",
        {},
        data.result
          ? h("button.quiet", { "data-key": "again", onclick: again }, "Answer again")
          : h("button", { "data-key": "go", onclick: answer }, "Tell me where to start"),
      ),
      data.result ? null : h("p.meta", {}, "Leave open what you do not know: that is an answer too."),
      problemNote(data),
    ];
  }

  function say() {
    const { result } = model.get("data");
    return result ? result.headline : "";
  }

  return mount(context, "selftest", draw, say, ["data"]);
}

export default { render };
