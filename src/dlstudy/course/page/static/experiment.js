// The card of a long measurement: where the result below comes from, a button to measure it here, progress and a stop.

function render(context) {
  const { model } = context;
  let state = "idle"; // running, stopped, failed
  let done = 0;
  let words = "";
  let again = () => {};
  let bar = null; // what moves while it runs, so that nothing is drawn anew under the pointer on its way to "Stop"
  let percent = null;

  const move = () => {
    bar.value = done;
    percent.textContent = `${Math.round(done * 100)} %`;
  };
  const ask = (wish) => model.send({ do: wish });

  function heard(message) {
    if (message.is === "running" && state === "running") {
      done = message.done;
      move();
      ask("step");
    } else if (message.is === "finished") {
      state = "idle";
      send(model, { finished: model.get("finished") + 1 }); // the cells below run again
      again();
    } else if (message.is === "failed") {
      state = "failed";
      words = message.words;
      again();
    }
  }

  function draw(redraw) {
    again = redraw;
    const data = model.get("data");
    const start = () => {
      state = "running";
      done = 0;
      redraw();
      ask("start");
    };
    const stop = () => {
      state = "stopped";
      ask("stop");
      redraw();
    };
    const time = data.seconds ? ` (about ${Math.max(1, Math.round(data.seconds))} s)` : "";
    bar = h("progress", { max: 1, "aria-label": "progress", style: "flex:1 1 12em;accent-color:var(--dls-accent)" });
    percent = h("span.meta", {});
    move();
    return [
      h(
        "p.meta",
        { "data-title": true },
        icon(data.here ? "✓" : "→"),
        state === "running" ? "Measuring on this machine…" : data.where,
      ),
      state === "running"
        ? h("div.actions", {}, bar, percent, h("button.quiet", { "data-key": "go", onclick: stop }, "Stop"))
        : h(
            "div.actions",
            {},
            h(
              data.here ? "button.quiet" : "button",
              { "data-key": "go", onclick: start },
              (data.here ? "Measure it again" : "Measure it here") + time,
            ),
            state === "stopped" ? h("span.meta", {}, "Stopped. What is shown is the result from before.") : null,
            state === "failed" ? h("span.meta", {}, `It stopped with an error: ${words}`) : null,
          ),
    ];
  }

  function say() {
    if (state === "running") return done >= 0.5 ? "Half of it is measured." : "Measuring.";
    return state === "idle" ? "" : state === "failed" ? "It stopped with an error." : "Stopped.";
  }

  model.on("msg:custom", heard);
  const unmount = mount(context, "experiment", draw, say, ["data"]);
  return () => {
    model.off("msg:custom", heard);
    ask("stop");
    unmount();
  };
}

export default { render };
