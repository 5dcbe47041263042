// Helpers that every interactive figure uses. Put after dom.js and in front of the figure's own file; nothing is loaded
// from elsewhere.

const prefersReducedMotion = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

// A frame with a name, in which typing does not reach the page's own keyboard shortcuts.
function frame(el, label, kind) {
  const root = h("section", { class: `dls-fig dls-${kind}`, "aria-label": label });
  root.addEventListener("keydown", (event) => {
    if (!event.ctrlKey && !event.metaKey && event.key !== "Tab") event.stopPropagation();
  });
  el.replaceChildren(root);
  return root;
}

function button(text, attributes = {}) {
  return h("button", { type: "button", class: "dls-button", ...attributes }, text);
}

// A labelled drop-down whose first entry only names it.
function picker(label, titles, onpick) {
  const select = h(
    "select",
    { class: "dls-select", "aria-label": label },
    h("option", { value: "" }, label),
    ...titles.map((title, i) => h("option", { value: String(i) }, title)),
  );
  select.addEventListener("change", () => {
    if (select.value !== "") onpick(Number(select.value));
    select.value = "";
  });
  return select;
}

// A row of buttons of which one is on.
function choice(label, options, current, onpick) {
  const group = h("div", { class: "dls-choice", role: "group", "aria-label": label });
  for (const [value, text] of options) {
    group.append(button(text, { "aria-pressed": String(value === current), onclick: () => onpick(value) }));
  }
  return group;
}

// Call `draw` whenever one of the traits changes, at most once a frame; returns the clean-up.
function follow(model, names, draw) {
  let waiting = false;
  let over = false;
  const soon = () => {
    if (waiting) return;
    waiting = true;
    queueMicrotask(() => {
      waiting = false;
      if (!over) draw();
    });
  };
  for (const name of names) model.on(`change:${name}`, soon);
  return () => {
    over = true;
    for (const name of names) model.off(`change:${name}`, soon);
  };
}

// Call `changed(width)` when the width of `node` crosses from one kind of layout to another.
function watchWidth(node, changed) {
  const observer = new ResizeObserver(([entry]) => changed(entry.contentRect.width));
  observer.observe(node);
  return () => observer.disconnect();
}

// Replace the children of `holder` only where the text differs, so that a screen reader is not told the same twice.
// What stands between `backticks` is drawn as code.
function say(holder, text) {
  if (holder.dataset.said === text) return;
  holder.dataset.said = text;
  const parts = text.split(/`([^`]+)`/).map((part, i) => (i % 2 ? h("code", {}, part) : part));
  holder.replaceChildren(...parts.filter((part) => part !== ""));
}

// --- indices of small arrays --------------------------------------------------------------------------------------

const count = (shape) => shape.reduce((product, size) => product * size, 1);

function unravel(place, shape) {
  const index = [];
  for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
    index.unshift(place % shape[axis]);
    place = Math.floor(place / shape[axis]);
  }
  return index;
}

const ravel = (index, shape) => index.reduce((place, i, axis) => place * shape[axis] + i, 0);

// Where an arrow key leads from `index` in an array of `shape`, drawn as rows below each other; null for another key.
function stepIndex(key, index, shape) {
  if (!["ArrowRight", "ArrowLeft", "ArrowDown", "ArrowUp"].includes(key)) return null;
  if (!index) return shape.map(() => 0);
  const next = [...index];
  const move = (axis, by) => {
    if (axis < 0) return;
    next[axis] += by;
    if (next[axis] < 0 || next[axis] >= shape[axis]) {
      next[axis] = (next[axis] + shape[axis]) % shape[axis];
      if (axis === shape.length - 2) move(axis - 1, by); // past the last row: on to the next slice
    }
  };
  const last = shape.length - 1;
  if (key === "ArrowRight" || key === "ArrowLeft") move(last, key === "ArrowRight" ? 1 : -1);
  else move(last - 1, key === "ArrowDown" ? 1 : -1);
  return next;
}
