// The loop of every figure that trains while it is watched (see livetraining.py): ask for a slice, draw what comes, ask
// again with the next frame. Out of sight or in a hidden tab nothing is asked, and so nothing is trained.

const SPEEDS = [
  ["1", "slow: one step a picture"],
  ["10", "ten steps a picture"],
  ["1000000", "as fast as it can"],
];

// Returns { bar, curve, drawCurve, close }: a row of buttons, the picture of the losses and what brings it up to date, and
// the clean-up. `draw()` draws the rest.
function liveTraining(model, root, draw) {
  let running = false;
  let asked = 0; // when the last slice was asked for, 0 when its picture has come
  let seen = true;
  let frameOf = 0;
  let speed = SPEEDS[2][0];

  const go = button("▶ Train", { class: "dls-button dls-main dls-go", onclick: () => (running ? pause() : start()) });
  const one = button("One step", {
    onclick: () => {
      pause();
      ask(1);
    },
  });
  const again = button("Start again", {
    onclick: () => {
      pause();
      model.send({ do: "restart" });
    },
  });
  const pace = h(
    "select",
    { class: "dls-select", "aria-label": "Speed" },
    ...SPEEDS.map(([value, text]) => h("option", { value }, text)),
  );
  pace.value = speed;
  pace.addEventListener("change", () => {
    speed = pace.value;
  });
  const spoken = h("p", { class: "dls-spoken", role: "status" });
  const bar = h("div", { class: "dls-row dls-live" }, go, one, again, pace, spoken);

  function ask(steps) {
    asked = performance.now();
    model.send({ do: "advance", steps });
  }
  function next() {
    cancelAnimationFrame(frameOf);
    if (!running || !seen) return;
    frameOf = requestAnimationFrame(() => {
      // A picture that never came (a kernel that was restarted) is asked for again after a while.
      if (!asked || performance.now() - asked > 5000) ask(Number(speed));
      else next();
    });
  }
  function start() {
    if (model.get("problem")) model.send({ do: "restart" });
    running = true;
    asked = 0;
    mark();
    say(spoken, "Training.");
    next();
  }
  function pause() {
    if (!running) return;
    running = false;
    mark();
    say(spoken, `Paused after ${model.get("step")} steps.`);
  }
  function mark() {
    go.textContent = running ? "❚❚ Pause" : "▶ Train";
    go.setAttribute("aria-pressed", String(running));
  }
  const unfollow = follow(model, ["serial"], () => {
    asked = 0;
    if (model.get("problem") && running) {
      running = false;
      mark();
      say(spoken, "Stopped.");
    }
    draw();
    next();
  });
  const watcher = new IntersectionObserver(([entry]) => {
    seen = entry.isIntersecting;
    next();
  });
  watcher.observe(root);
  const close = () => {
    running = false;
    cancelAnimationFrame(frameOf);
    unfollow();
    watcher.disconnect();
  };
  const losses = lossCurve();
  return { bar, close, curve: losses.svg, drawCurve: () => losses.draw(model.get("losses")) };
}

// The loss over the steps so far, as a small picture with its axes; { svg, draw(losses) }.
function lossCurve(width = 270, height = 130) {
  const [left, foot, top] = [34, 32, 6];
  const wide = width - left - 8;
  const high = height - foot - top;
  const label = (x, y, anchor, text = "") => s("text", { x, y, "text-anchor": anchor, text });
  const grid = s("g");
  const curve = s("path", { class: "curve" });
  const last = label(left + wide, height - foot + 15, "end");
  const svg = s(
    "svg",
    { class: "dls-loss", width, height, viewBox: `0 0 ${width} ${height}`, role: "img" },
    grid,
    curve,
    last,
    label(left, height - foot + 15, "start", "0"),
    label(left + wide / 2, height - 3, "middle", "step"),
    s("text", { transform: `translate(9 ${top + high / 2}) rotate(-90)`, "text-anchor": "middle", text: "loss" }),
  );
  let peak = 0;
  function draw(losses) {
    const end = Math.max(losses.length ? losses[losses.length - 1][0] : 0, 10);
    const tall = Math.max(0.8, ...losses.map(([, loss]) => Math.min(loss, 3)));
    const up = (loss) => top + high - (Math.min(loss, tall) / tall) * high;
    if (tall !== peak) {
      peak = tall;
      grid.replaceChildren();
      for (let value = 0; value <= tall + 1e-9; value += tall > 1.6 ? 1 : 0.4) {
        grid.append(
          s("line", { class: "tick", x1: left, x2: left + wide, y1: up(value), y2: up(value) }),
          label(left - 5, up(value) + 4, "end", value.toFixed(1)),
        );
      }
    }
    last.textContent = end.toLocaleString("en");
    curve.setAttribute(
      "d",
      losses
        .map(([step, loss], i) => `${i ? "L" : "M"}${(left + (step / end) * wide).toFixed(1)} ${up(loss).toFixed(1)}`)
        .join(""),
    );
    svg.setAttribute(
      "aria-label",
      losses.length
        ? `Loss, from ${losses[0][1]} to ${losses[losses.length - 1][1]} after ${end} steps`
        : "Loss: no step yet",
    );
  }
  return { svg, draw };
}

// Call `draw` when the page changes between light and dark: what is drawn on a canvas does not change by itself.
function watchTheme(draw) {
  const observer = new MutationObserver(draw);
  observer.observe(document.body, { attributes: true, attributeFilter: ["class", "data-theme"] });
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", draw);
  return () => {
    observer.disconnect();
    dark.removeEventListener("change", draw);
  };
}

// The red, green and blue of a colour token, as the theme has it now.
function rgb(root, token) {
  const text = getComputedStyle(root).getPropertyValue(token).trim();
  return [1, 3, 5].map((i) => parseInt(text.slice(i, i + 2), 16));
}
