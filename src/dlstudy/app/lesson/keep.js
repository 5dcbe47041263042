/* What is typed is kept in this browser until the page's file holds it: a tab outlives its server, and this its tab.

   Each box that differs from the file has an entry. Only one thing removes it: the server's answer that it has saved
   exactly this text. Entries that are found when the page opens are what was typed while the course was away. They go
   back into boxes that are as they were then; of others the learner is asked (`kept.js`).

   This script must run before marimo's, whose way of asking the server it listens to. */
import { cellById, cellNamed, codeOf, idOf, isSave, nameOf, nearestCell, savedIn } from "./marimo.js";
import { page } from "./page.js";

const KEY = `dls-kept:${page.base}/${page.file}`;
const SOON = [0, 80]; /* ms after an act until its letters stand in the box */
const MOST = 20; /* tries to save a box without an answer that are remembered */

const saved = new Map(); /* id of a box -> what the file holds of it, as far as the server has said */
const first = new Map(); /* id of a box -> what it held when it was first touched */
const typed = new Map(); /* id of a box -> what is not saved yet: { id, name, code, base, sent } */
export const waiting = load(); /* entries of an earlier visit that have not found their box yet */
export const state = { tried: 0, failed: 0, acted: 0, kept: true };

const told = []; /* who wants to know at once: a sign must not call saved what is not, not even for half a second */
export const whenChanged = (act) => told.push(act);
export const edited = () => typed.size > 0;
export const pending = () => typed.size + waiting.length;

function load() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) || "[]");
    return Array.isArray(found) ? found.filter((one) => typeof one?.code === "string") : [];
  } catch {
    return [];
  }
}

export function store() {
  const entries = [...waiting, ...typed.values()];
  try {
    if (entries.length) localStorage.setItem(KEY, JSON.stringify(entries));
    else localStorage.removeItem(KEY);
    state.kept = true;
  } catch {
    state.kept = false; /* full, or forbidden: the text stands in this tab only, and the sign says so */
  }
  for (const act of told) act();
}

/* ---- what is typed ---- */

const same = (one, other) => one !== undefined && other !== undefined && one.trim() === other.trim();

function touch(event) {
  const cell = nearestCell(event.target) || nearestCell(document.activeElement);
  if (!cell) return;
  state.acted = Date.now();
  const id = idOf(cell);
  if (!first.has(id)) {
    const code = codeOf(cell);
    if (code !== null) first.set(id, code);
  }
  queueMicrotask(() => look(cell));
  for (const pause of SOON) setTimeout(() => look(cell), pause);
}

export function look(cell) {
  const [id, code] = [idOf(cell), codeOf(cell)];
  if (code === null || !first.has(id)) return;
  const base = saved.get(id) ?? first.get(id);
  if (same(typed.get(id)?.code ?? base, code)) return;
  if (same(base, code)) typed.delete(id);
  else typed.set(id, { id, name: nameOf(cell), code, base, sent: typed.get(id)?.sent || [] });
  store();
}

for (const act of ["keydown", "beforeinput", "input", "compositionend", "paste", "cut", "drop", "click"]) {
  addEventListener(act, touch, { capture: true, passive: true });
}

/* A box that a script has changed, as `kept.js` does. */
export function changed(cell, before) {
  first.set(idOf(cell), before);
  look(cell);
}

/* ---- what is saved ---- */

const ask = window.fetch;
window.fetch = async function (input, init) {
  if (!isSave(input)) return ask.call(this, input, init);
  const codes = await savedIn(input, init);
  state.tried = Date.now();
  send(codes);
  try {
    const answer = await ask.call(this, input, init);
    if (answer.ok) acknowledge(codes);
    state.failed = answer.ok ? 0 : Date.now();
    return answer;
  } catch (error) {
    state.failed = Date.now();
    throw error;
  }
};

/* A server that ends between the disk and its answer has saved what it was sent, and nobody knows of that. */
function send(codes) {
  for (const [id, code] of codes) {
    const entry = typed.get(id);
    if (entry) entry.sent = [...entry.sent, code].slice(-MOST);
  }
  store();
}

function acknowledge(codes) {
  for (const [id, code] of codes) {
    saved.set(id, code);
    const entry = typed.get(id);
    if (same(entry?.code, code)) typed.delete(id);
    else if (entry) Object.assign(entry, { base: code, sent: [] });
  }
  store();
}

/* Whether a box holds what the file held when this was typed, as far as anybody can know. */
export const asThen = (entry, there) => [entry.base, ...(entry.sent || [])].some((one) => same(one, there));

/* Another text of the page was chosen; this one lies in a backup. */
export function forget() {
  typed.clear();
  waiting.length = 0;
  store();
}

/* ---- leaving ---- */

let leaving = false;
addEventListener(
  "beforeunload",
  (event) => {
    if (leaving) event.stopImmediatePropagation(); /* no question: the text is kept */
  },
  { capture: true },
);

/* Load the page anew, with what is typed kept; does nothing where it could not be kept. */
export function renew() {
  if (!state.kept) return false;
  leaving = true;
  location.reload();
  return true;
}

export const boxOf = (entry) => (entry.name && entry.name !== "_" && cellNamed(entry.name)) || cellById(entry.id);
