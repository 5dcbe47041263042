/* What was typed while the course was away comes back into its boxes, or is shown to the learner. */
import { h } from "./dom.js";
import { asThen, boxOf, changed, store, waiting } from "./keep.js";
import { codeOf, connection, isElsewhere, setCode } from "./marimo.js";

const box = document.getElementById("dls-kept");
const alike = (one, other) => (one || "").trim() === (other || "").trim();
const OFTEN = 300; /* ms between two looks for boxes */
const PATIENCE = 20_000; /* ms after which a box that is still not drawn is said to be missing; it may come all the same */
const asked = new Set(); /* entries that are the learner's to decide on */
const missing = new Set(); /* entries whose box has not come so far */
let back = 0;
let opened = 0;
let shown = "";

/* Boxes are drawn one after the other, on a busy machine long after the page is there: look until each entry has its own. */
export function bringBack() {
  if (connection() === "OPEN" && !isElsewhere()) {
    /* the tab that has the page keeps its own text */
    opened ||= Date.now();
    for (const entry of waiting.filter((one) => !asked.has(one))) place(entry);
  }
  tell();
  if (waiting.length) setTimeout(bringBack, OFTEN);
}

function place(entry) {
  const cell = boxOf(entry);
  const there = cell ? codeOf(cell) : null;
  if (there === null) {
    if (Date.now() - opened > PATIENCE) missing.add(entry);
    return;
  }
  missing.delete(entry);
  if (alike(there, entry.code)) drop(entry);
  else if (asThen(entry, there)) put(entry, cell);
  else asked.add(entry);
}

function put(entry, cell) {
  const before = codeOf(cell);
  setCode(cell, entry.code);
  changed(cell, before); /* from here on it counts as typed, until it is saved */
  back += 1;
  drop(entry);
}

function drop(entry) {
  waiting.splice(waiting.indexOf(entry), 1);
  store();
}

/* Drawn anew only where something has changed: a button must not go away under the finger that presses it. */
function tell() {
  const open = waiting.filter((one) => asked.has(one) || missing.has(one));
  const now = JSON.stringify([back, open.map((one) => [one.code, missing.has(one), Boolean(boxOf(one))])]);
  if (now === shown) return;
  shown = now;
  box.hidden = !back && !open.length;
  const close = h("button", { type: "button", onclick: () => said() }, "Good");
  const boxes = (n) => (n === 1 ? "one box" : `${n} boxes`);
  box.replaceChildren(
    back ? h("p", {}, `What you typed while the course was away is back, in ${boxes(back)}. `, close) : "",
    ...open.map(question),
  );
}

function said() {
  back = 0;
  tell();
}

/* The box has another text now than when this was typed, or is gone. */
function question(entry) {
  const cell = boxOf(entry);
  const name = entry.name && entry.name !== "_" ? `the box “${entry.name}”` : "a box";
  const why = missing.has(entry) ? "the box is not on the page" : "the box has another text now";
  const into = () => {
    const now = boxOf(entry);
    if (now && codeOf(now) !== null) put(entry, now);
    tell();
  };
  const done = () => {
    drop(entry);
    tell();
  };
  return h(
    "details",
    { open: "" },
    h("summary", {}, `You typed this in ${name} while the course was away, and ${why}.`),
    h("pre", { tabindex: "0" }, entry.code),
    cell ? h("button", { type: "button", onclick: into }, "Put it into the box") : "",
    h("button", { type: "button", onclick: done }, "Throw it away"),
  );
}
