/* Open pages: their memory, and a way to close them. */
import { base, look, put, saveFirst } from "./course.js";
import { h } from "./dom.js";

const PATIENCE = 2500; /* ms for an open tab to save what was just typed */
const HOURS = [
  ["1", "1 hour"],
  ["4", "4 hours"],
  ["12", "12 hours"],
  ["never", "never"],
];
const box = document.getElementById("pages");
const said = box.querySelector(".said");
const rule = box.querySelector(".rule");
let shown = "";

export async function openPages() {
  if (document.hidden) return;
  const found = await look("pages");
  if (!found) return;
  const rough = found.pages.map((page) => [page.file, Math.round((page.memory || 0) / 2e7), state(page)]);
  const now = JSON.stringify([found.idle_hours, rough]);
  if (now === shown) return;
  shown = now;
  draw(found);
}

function draw({ pages, idle_hours: hours }) {
  const total = pages.reduce((sum, page) => sum + (page.memory || 0), 0);
  const active = box.contains(document.activeElement) ? document.activeElement : null;
  const focused = active && (active.dataset.close || active.id);
  box.hidden = !pages.length && !said.textContent;
  box.querySelector("h2").textContent = pages.length > 1 ? `Open pages, ${size(total)} in all` : "Open pages";
  box.querySelector("ul").replaceChildren(...pages.map(line));
  if (!rule.firstChild) rule.append(limit());
  rule.querySelector("select").value = hours;
  if (!focused) return;
  const same = box.querySelector(`[data-close="${CSS.escape(focused)}"]`) || document.getElementById(focused);
  (same || box.querySelector("button, select"))?.focus();
}

function line(page) {
  const facts = [page.memory ? size(page.memory) : "", state(page)].filter(Boolean).join(", ");
  const label = `Close ${page.title} and free its memory`;
  return h(
    "li",
    {},
    h("a", { href: `${base}/${page.file}` }, page.title),
    h("span.facts", {}, facts),
    h("button", { type: "button", "data-close": page.file, "aria-label": label }, "Close"),
  );
}

function limit() {
  const choose = (event) =>
    put("idle", { hours: event.target.value }).catch((error) => {
      said.textContent = error.message;
    });
  const options = HOURS.map(([value, words]) => h("option", { value }, words));
  return h(
    "label",
    {},
    "A page keeps its results in memory. It is closed an hour after its tab was, or when nobody has used it for ",
    h("select", { id: "idle", onchange: choose }, options),
    ". What you wrote is saved, and results come back when you open it again.",
  );
}

function state(page) {
  if (page.running) return "running";
  if (!page.connected) return "its tab is closed";
  const minutes = Math.floor(page.idle / 60);
  if (minutes < 1) return "in use";
  return minutes < 60 ? `not used for ${minutes} min` : `not used for ${Math.floor(minutes / 60)} h`;
}

function size(bytes) {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.round(bytes / 1e6)} MB`;
}

box.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-close]");
  if (!button) return;
  const file = button.dataset.close;
  button.disabled = true;
  try {
    await saveFirst(file, PATIENCE);
    await put("close", { file });
    said.textContent = "Closed. What you wrote is saved.";
  } catch (error) {
    button.disabled = false;
    said.textContent = error.message;
  }
  shown = "";
  await openPages();
});
