/* How code reads: comments dark enough, and a line that is too long goes on under its own indentation.

   Nothing is changed inside the editors, which would change it back: rules of style do it, by the number of a line. */
import { column, lines } from "./marimo.js";

const sheet = document.createElement("style");
document.head.append(sheet);
const rules = new Map(); /* id of a box -> its rules */

/* Comments are the grey words that begin with #. Their class is one of the editor's own making. */
function comments() {
  for (const word of document.querySelectorAll(".cm-line > span")) {
    if (word.textContent.startsWith("#")) return `.cm-line .${CSS.escape(word.className.split(" ")[0])}`;
  }
  return "";
}

function indent(cell) {
  const wide = cell.querySelector(".cm-content")?.clientWidth;
  const found = [];
  lines(cell).forEach((line, n) => {
    const text = line.textContent;
    if (!wide || line.scrollHeight < 1.5 * parseFloat(getComputedStyle(line).lineHeight)) return;
    const deep = Math.min(text.search(/\S|$/) + 4, 24);
    found.push(`#${CSS.escape(cell.id)} .cm-line:nth-child(${n + 1}) { padding-left: calc(6px + ${deep}ch); text-indent: -${deep}ch; }`);
  });
  return found.join("\n");
}

let grey = "";
function write() {
  grey = grey || comments();
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
    const cell = box.querySelector(":scope > .marimo-cell");
    if (!cell || known.has(cell) || !cell.querySelector(".cm-line")) continue;
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
