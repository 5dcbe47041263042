/* What the scripts beside this file know of marimo's own page. marimo promises none of it, so that it stands here, in
   lesson.css (how the page looks) and in theme.js (one attribute of its body), and nowhere else. */

const COLUMN = '[data-testid="cell-column"]';
const RUNNING = '[data-testid="cell-status"][data-status="running"], .marimo-cell.running';
const WAITING = '[data-testid="cell-status"][data-status="queued"], .marimo-cell.queued';

/* ---- cells ---- */

/* The box that holds one child for each cell, in order; null until marimo has drawn it. */
export const column = () => document.querySelector(COLUMN);
export const cellIn = (box) => box.querySelector(":scope > .marimo-cell");
export const nameOf = (cell) => cell.dataset.cellName || "";
export const isProse = (cell) => cell.classList.contains("borderless");
export const isHidden = (cell) => cell.querySelector('[data-testid="cell-editor"]')?.classList.contains("opacity-20");
export const cellNamed = (name) => document.querySelector(`[data-cell-name="${CSS.escape(name)}"]`);

/* The cell around a node, the box in the column around that, and the lines of its code. */
export const cellOf = (node) => (node instanceof Element ? node.closest(".marimo-cell") : null);
export const boxIn = (node) => (node instanceof Element ? node.closest(`${COLUMN} > *`) : null);
export const isInEditor = (node) => node instanceof Element && node.closest(".cm-editor") !== null;
export const isProseBox = (box) => box.dataset.dls === "prose";
export const lines = (cell) => [...cell.querySelectorAll(".cm-content > .cm-line")];
export const codeWidth = (cell) => cell.querySelector(".cm-content")?.clientWidth || 0;
export const ruleOfLine = (cell, n) => `#${CSS.escape(cell.id)} .cm-line:nth-child(${n + 1})`;

/* The rule of comments, the grey words that begin with #: their class is one of the editor's own making. */
export function ruleOfComments() {
  for (const word of document.querySelectorAll(".cm-line > span")) {
    if (word.textContent.startsWith("#")) return `.cm-line .${CSS.escape(word.className.split(" ")[0])}`;
  }
  return "";
}

export const cellById = (id) => document.querySelector(`[data-cell-id="${CSS.escape(id)}"]`);
export const idOf = (cell) => cell.dataset.cellId || "";
export const nearestCell = (node) => (node instanceof Element ? node.closest(".marimo-cell[data-cell-id]") : null);

/* The editor of a cell, where it is drawn: CodeMirror hangs it on what can be typed into. */
function editorOf(cell) {
  const typed = cell.querySelector(".cm-content");
  return typed?.cmTile?.root?.view || typed?.cmView?.rootView?.view || null;
}

/* The text in a cell's box; null where it is not drawn. */
export const codeOf = (cell) => editorOf(cell)?.state.doc.toString() ?? null;

export function setCode(cell, code) {
  const editor = editorOf(cell);
  editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: code } });
}

/* Headings of the prose, down to this level; they have an id. */
export function headings(root, level) {
  const tags = ["h1", "h2", "h3", "h4"].slice(0, level).join(", ");
  return [...root.querySelectorAll(`.markdown.prose :is(${tags})[id]`)];
}

/* marimo writes a heading's address otherwise than GitHub does: without accents and without doubled hyphens. */
export function plainId(id) {
  const ascii = id.normalize("NFKD").replace(/[^\x00-\x7f]/g, "");
  return ascii
    .replace(/[^\w\s-]/g, "")
    .replace(/[-\s]+/g, "-")
    .replace(/^-|-$/g, "")
    .toLowerCase();
}

/* ---- what goes on ---- */

export const runs = () => document.querySelector(RUNNING) !== null;
export const runsOrWaits = () => document.querySelector(`${RUNNING}, ${WAITING}`) !== null;
export const connection = () => document.querySelector("#App[data-connection-state]")?.dataset.connectionState || "";
export const isElsewhere = () => document.querySelector('[data-testid="takeover-button"]') !== null;

/* Coming back to a page whose kernel still runs is what everybody expects; it needs no banner. */
export function closeReconnected() {
  for (const close of document.querySelectorAll('[data-testid="remove-banner-button"]')) {
    const banner = close.closest("div.rounded, div.border");
    if (banner?.textContent.includes("reconnected to an existing session")) close.click();
  }
}

/* ---- what marimo asks its server to save ---- */

const addressOf = (asked) => (asked instanceof Request ? asked.url : String(asked));
export const isSave = (asked) => new URL(addressOf(asked), location.href).pathname.endsWith("/api/kernel/save");

/* The id and the text of every cell that is to be saved. */
export async function savedIn(asked, init) {
  try {
    const body = JSON.parse(asked instanceof Request ? await asked.clone().text() : init.body);
    return body.persist === false ? [] : body.cellIds.map((id, n) => [id, body.codes[n]]);
  } catch {
    return []; /* then nothing counts as saved, and the text stays kept */
  }
}

/* ---- saving: its button is yellow while something is not saved ---- */

const saveButton = () => document.querySelector('[data-testid="save-button"]');

export function unsaved() {
  const button = saveButton();
  return button !== null && /(^|\s)yellow(\s|$)/.test(button.className);
}

export function save() {
  if (unsaved()) saveButton().click();
}

/* Also where marimo believes that there is nothing to save. */
export const saveAnyway = () => saveButton()?.click();

/* Autosave takes a second: wait for it, so that the file holds what is on the page. */
export async function saved() {
  for (let i = 0; i < 25 && unsaved(); i++) await new Promise((resolve) => setTimeout(resolve, 200));
}
