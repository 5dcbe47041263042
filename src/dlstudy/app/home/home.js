/* The home page: arrows between the lessons, search, and progress that follows what happens in other tabs. */
import { look } from "./course.js";
import { h } from "./dom.js";
import { poll, refresh } from "./live.js";
import { draw } from "./map.js";
import { openPages } from "./open_pages.js";
import "./review.js";
import "./search.js";

async function machine() {
  const facts = await look("machine");
  if (!facts) return;
  const rows = Object.entries(facts).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)));
  document.getElementById("machine").replaceChildren(...rows);
}

draw();
poll();
setInterval(poll, 1500);
setTimeout(openPages, 100);
setInterval(openPages, 5000);
addEventListener("visibilitychange", () => {
  poll();
  openPages();
});
addEventListener("pageshow", (event) => {
  if (event.persisted) refresh();
});
setTimeout(machine, 50);
