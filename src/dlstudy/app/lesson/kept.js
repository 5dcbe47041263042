/* What was typed while the course was away comes back into its boxes, or is shown to the learner. */
import { h } from "./dom.js";
import { boxOf, changed, store, waiting } from "./keep.js";
import { codeOf, connection, setCode } from "./marimo.js";

const box = document.getElementById("dls-kept");
const alike = (one, other) => (one || "").trim() === (other || "").trim();
let back = 0;

/* Boxes are drawn one after the other: look until each entry has found its own, or the page has been there a while. */
export function bringBack(tries = 60) {
  if (!waiting.length) return;
  if (connection() === "OPEN") for (const entry of [...waiting]) place(entry);
  if (waiting.length && tries > 0 && !(connection() === "OPEN" && tries < 40)) setTimeout(() => bringBack(tries - 1), 500);
  tell();
}

function place(entry) {
  const cell = boxOf(entry);
  const there = cell && codeOf(cell);
  if (there === null || there === undefined) return;
  if (alike(there, entry.code)) return drop(entry);
  if (alike(there, entry.base)) put(entry, cell);
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

function tell() {
  box.hidden = !back && !waiting.length;
  const close = h(
    "button",
    { type: "button", onclick: () => { back = 0; tell(); } },
    "Good",
  );
  const boxes = (n) => (n === 1 ? "one box" : `${n} boxes`);
  box.replaceChildren(
    back ? h("p", {}, `What you typed while the course was away is back, in ${boxes(back)}. `, close) : "",
    ...waiting.map(question),
  );
}

/* The box has another text now than when this was typed, or is gone. */
function question(entry) {
  const cell = boxOf(entry);
  const name = entry.name && entry.name !== "_" ? `the box “${entry.name}”` : "a box";
  const done = () => {
    drop(entry);
    tell();
  };
  return h(
    "details",
    { open: "" },
    h("summary", {}, `You typed this in ${name} while the course was away, and the box has another text now.`),
    h("pre", { tabindex: "0" }, entry.code),
    cell ? h("button", { type: "button", onclick: () => { put(entry, cell); tell(); } }, "Put it into the box") : "",
    h("button", { type: "button", onclick: done }, "Throw it away"),
  );
}
