/* How code reads: comments dark enough, and a line that is too long goes on under its own indentation.

   Nothing is changed inside the editors, which would change it back: rules of style do it, by the number of a line. */
import { cellIn, codeWidth, column, lines, ruleOfComments, ruleOfLine } from "./marimo.js";

const sheet = document.createElement("style");
document.head.append(sheet);
const rules = new Map(); /* id of a box -> its rules */

function indent(cell) {
  const wide = codeWidth(cell);
  const found = [];
  lines(cell).forEach((line, n) => {
    const text = line.textContent;
    if (!wide || line.scrollHeight < 1.5 * parseFloat(getComputedStyle(line).lineHeight)) return;
    const deep = Math.min(text.search(/\S|$/) + 4, 24);
    found.push(`${ruleOfLine(cell, n)} { padding-left: calc(6px + ${deep}ch); text-indent: -${deep}ch; }`);
  });
  return found.join("\n");
}

let grey = "";
function write() {
  grey = grey || ruleOfComments();
  const colour = grey ? `${grey} { color: var(--dls-muted) !important; }\n` : "";
  const text = colour + [...rules.values()].filter(Boolean).join("\n");
  if (sheet.textContent !== text) sheet.textContent = text;
}

const seen = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) if (isIntersecting) rules.set(target.id, indent(target));
    write();
  },
  { rootMargin: "300px" },
);
const known = new WeakSet();
export function watchCode() {
  for (const box of column()?.children || []) {
    const cell = cellIn(box);
    if (!cell || known.has(cell) || !lines(cell).length) continue;
    known.add(cell);
    seen.observe(cell);
  }
}
setInterval(watchCode, 1000);
addEventListener("resize", () => {
  for (const id of rules.keys()) {
    const cell = document.getElementById(id);
    if (cell) {
      seen.unobserve(cell);
      seen.observe(cell);
    }
  }
});
