/* The bar above a lesson: progress, signs, notes and a way to start again; each has a file beside this one. */
import { tabs } from "./course.js";
import "./cells.js";
import "./code.js";
import { bringBack } from "./kept.js";
import { save, saved } from "./marimo.js";
import "./notes.js";
import { page } from "./page.js";
import "./place.js";
import "./presence.js";
import { poll } from "./progress.js";
import "./quiet.js";
import { watch } from "./signs.js";
import "./start_again.js";

if (/Mac|iPhone|iPad/.test(navigator.platform)) document.documentElement.dataset.keys = "mac";

/* ---- another tab closes this page or puts its versions together: what was just typed is saved first ---- */
tabs?.addEventListener("message", async (event) => {
  if (event.data.reload === page.file) location.reload();
  if (event.data.save !== page.file) return;
  save();
  await saved();
  tabs.postMessage({ saved: page.file });
});

/* ---- the sheets that hang from the bar ---- */
const sheets = [document.getElementById("dls-menu"), document.getElementById("dls-notes")].filter(Boolean);
addEventListener("click", (event) => {
  for (const sheet of sheets) {
    if (sheet.open && event.target.isConnected && !sheet.contains(event.target)) sheet.open = false;
  }
});
addEventListener("keydown", (event) => {
  const sheet = event.key === "Escape" && sheets.find((one) => one.open);
  if (sheet) {
    sheet.open = false;
    sheet.querySelector("summary").focus();
  }
});

bringBack();
poll();
setInterval(poll, 1500);
setInterval(watch, 500);
