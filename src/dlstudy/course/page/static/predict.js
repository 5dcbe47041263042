// The prediction card: one click records what you expect, and lets the experiment show itself.

function render(context) {
  const { model } = context;

  function draw(redraw) {
    const data = model.get("data");
    const chosen = model.get("choice");
    const choose = (id) => () => {
      send(model, { choice: id });
      redraw();
    };
    const known = data.options.find((option) => option.id === chosen);
    return [
      h("p.label", {}, icon("?"), "Before you look: what do you expect?"),
      h("p.title", { "data-title": true, html: data.question }),
      chosen
        ? h(
            "p.settled",
            { tabindex: "-1", "data-next": true },
            icon("→"),
            known ? "You expect: " : "You chose to look first.",
            known ? h("strong", { html: known.text }) : null,
          )
        : h(
            "div.choices",
            {},
            data.options.map((option) =>
              h("button", { "data-key": option.id, onclick: choose(option.id), html: option.text }),
            ),
            h("button.quiet", { "data-key": data.skip, onclick: choose(data.skip) }, "Just show me"),
          ),
      problemNote(data),
    ];
  }

  function say() {
    return model.get("choice") ? "Recorded. The result is shown below." : "";
  }

  return mount(context, "predict", draw, say, ["data", "choice"]);
}

export default { render };
