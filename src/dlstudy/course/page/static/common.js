// Shared by the cards. Stands after dom.js; each card's file follows this one and exports `render`.

const icon = (sign) => h("span.icon", { "aria-hidden": "true" }, sign);

// A random name so that the radio buttons of two cards on one page never form one group.
const unique = () => "dls-" + Math.random().toString(36).slice(2);

// Tell Python what the learner did. A stamp makes every event a change, the same action twice included.
const tell = (model, event) => send(model, { event: { ...event, at: Date.now() } });

// Build the frame once: a body that is drawn anew on every change (focus stays where it was) and a line that screen
// readers announce. `draw(redraw)` returns the body's children; `say` returns what has to be announced, "" for nothing.
function mount({ model, el }, kind, draw, say, watched) {
  const body = h("div.body");
  const live = h("p.sr-only", { "aria-live": "polite", role: "status" });
  const root = h("section.card." + kind, {}, h("style", {}, STYLE), live, body);
  // The page has one-key commands of its own; a key pressed in a card belongs to the card.
  root.addEventListener("keydown", (event) => {
    if (!event.ctrlKey && !event.metaKey && !event.altKey) event.stopPropagation();
  });
  const redraw = () => {
    const focused = root.getRootNode().activeElement;
    const key = focused && root.contains(focused) ? focused.dataset.key : null;
    body.replaceChildren(...draw(redraw).flat(2).filter(Boolean));
    root.dataset.tone = model.get("data").tone || "";
    const label = body.querySelector("[data-title]");
    if (label) root.setAttribute("aria-label", label.textContent);
    if (key) {
      const same = body.querySelector(`[data-key="${CSS.escape(key)}"]`) || body.querySelector("[data-next]");
      if (same) same.focus();
    }
    const words = say();
    if (words !== live.textContent) setTimeout(() => (live.textContent = words), 60); // after it is in the page
  };
  watched.forEach((name) => model.on("change:" + name, redraw));
  el.append(root);
  redraw();
  return () => watched.forEach((name) => model.off("change:" + name, redraw));
}

// A note at the foot of a card when progress cannot be kept as usual.
const problemNote = (data) => (data.problem ? h("p.note.warn", { role: "note" }, icon("!"), data.problem) : null);
