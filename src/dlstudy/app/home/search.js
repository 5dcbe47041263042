/* The search: lessons on the map whose titles match light up, and places in the text are listed below the box. */
import { base, look } from "./course.js";
import { h } from "./dom.js";
import { cards, map } from "./map.js";

const FEW = 9; /* what the course sends at most: the same number stands in search_view.py */
const input = document.getElementById("search");
const found = document.getElementById("found");
const results = input.form.querySelector(".results");
const list = results.querySelector("ul");
let asked = 0;
let timer = 0;

export function mark() {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const card of cards()) {
    const hit = words.length > 0 && words.every((word) => card.dataset.words.includes(word));
    card.classList.toggle("hit", hit);
    card.classList.toggle("faded", words.length > 0 && !hit);
  }
  map.classList.toggle("searching", words.length > 0);
}

async function search() {
  const words = input.value.trim();
  const mine = ++asked;
  if (!words) {
    shut();
    found.textContent = "";
    return;
  }
  const answer = await look(`search?q=${encodeURIComponent(words)}`);
  if (mine !== asked) return;
  if (!answer) {
    shut();
    found.textContent = "The course does not answer; is it still running?";
    return;
  }
  show(answer.hits, words);
}

function show(hits, words) {
  const all = h("li", {}, h("a.all", { href: `${base}/search?q=${encodeURIComponent(words)}` }, "All places"));
  list.replaceChildren(...hits.map(place), ...(hits.length === FEW ? [all] : []));
  results.hidden = hits.length === 0;
  if (!hits.length) {
    found.textContent = "Nothing in the course holds all these words.";
    return;
  }
  const count = hits.length === FEW ? `${FEW} places or more` : hits.length === 1 ? "1 place" : `${hits.length} places`;
  const first = hits.find((hit) => hit.address);
  found.textContent = count + (first ? `; Enter opens ${first.title}` : ", still to be written");
}

function place(hit) {
  const where = [hit.where === hit.title ? "" : hit.where, hit.kind].filter(Boolean).join(", ");
  const text = hit.snippet.map(([words, match]) => (match ? h("mark", {}, words) : words));
  return h(
    "li",
    {},
    h(
      hit.address ? "a" : "div",
      { href: hit.address || null },
      h("span.head", {}, h("strong", {}, hit.title), " ", h("span.where", {}, where)),
      h("span.snippet", {}, text),
    ),
  );
}

function shut() {
  results.hidden = true;
  list.replaceChildren();
}

function leave() {
  input.value = "";
  asked++;
  mark();
  shut();
  found.textContent = "";
  input.blur();
}

input.addEventListener("input", () => {
  mark();
  clearTimeout(timer);
  timer = setTimeout(search, 120);
});
input.addEventListener("focus", () => {
  if (input.value.trim() && !list.children.length) search();
});
input.form.addEventListener("submit", async (event) => {
  event.preventDefault();
  clearTimeout(timer);
  await search();
  list.querySelector("a")?.click();
});
input.form.addEventListener("keydown", (event) => {
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  const links = [input, ...list.querySelectorAll("a")];
  const at = links.indexOf(document.activeElement);
  const next = links[at + (event.key === "ArrowDown" ? 1 : -1)];
  if (at < 0 || !next) return;
  event.preventDefault();
  next.focus();
});
input.form.addEventListener("focusout", (event) => {
  if (event.relatedTarget && input.form.contains(event.relatedTarget)) return;
  setTimeout(() => {
    if (!input.form.contains(document.activeElement)) shut();
  }, 150);
});
addEventListener("keydown", (event) => {
  const typing = event.target.matches?.("input, textarea, select, [contenteditable]");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    input.focus();
  } else if (event.key === "Escape" && input.form.contains(event.target)) {
    leave();
  }
});
