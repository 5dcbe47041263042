/* What each cell is, for lesson.css: prose, hidden, numpy, torch, exercise or other code. */
import { cellIn, column, isHidden, isProse, nameOf } from "./marimo.js";

let watched = null;

function tag() {
  const found = column();
  if (found && found !== watched) {
    watched = found;
    new MutationObserver(() => requestAnimationFrame(tag)).observe(watched, { childList: true });
  }
  for (const box of watched ? watched.children : []) {
    const cell = cellIn(box);
    const kind = cell && kindOf(cell);
    if (kind && box.dataset.dls !== kind) box.dataset.dls = kind;
  }
}

function kindOf(cell) {
  if (isProse(cell)) return "prose";
  if (isHidden(cell)) return "hidden";
  return /^(numpy|torch|exercise)_/.exec(nameOf(cell))?.[1] || "code";
}

const waiting = new MutationObserver(() => {
  if (!column()) return;
  waiting.disconnect();
  tag();
});
waiting.observe(document.documentElement, { childList: true, subtree: true });
setInterval(tag, 1000);
