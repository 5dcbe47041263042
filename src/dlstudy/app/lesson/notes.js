/* Notes and bookmarks on this page. */
import { look, put } from "./course.js";
import { h } from "./dom.js";
import { column, headings } from "./marimo.js";
import { page } from "./page.js";
import { goTo } from "./place.js";

const notes = document.getElementById("dls-notes");
if (notes) start();

function start() {
  const form = notes.querySelector("form");
  const words = notes.querySelector("textarea");
  const list = notes.querySelector("ul");
  const said = notes.querySelector(".dls-said");
  const cancel = notes.querySelector(".dls-cancel");
  let here = { place: "", title: page.title };
  let changing = null;

  function fresh() {
    changing = null;
    here = placeInSight();
    form.querySelector("h2").textContent = "Mark this place";
    form.querySelector(".dls-place").textContent = here.title;
    cancel.hidden = true;
  }

  function change(note) {
    changing = note;
    form.querySelector("h2").textContent = "Change the note at";
    form.querySelector(".dls-place").textContent = note.title;
    words.value = note.text;
    cancel.hidden = false;
    words.focus();
  }

  async function load() {
    const found = await look(`notes?page=${encodeURIComponent(page.file)}`); /* null: the sign in the bar says so */
    if (!found) return;
    notes.querySelector(".dls-many").textContent = found.notes.length || "";
    list.replaceChildren(...found.notes.map(line));
  }

  function line(note) {
    return h(
      "li",
      {},
      h(
        "a",
        { href: note.place ? `#${encodeURIComponent(note.place)}` : "#", onclick: (event) => visit(event, note) },
        note.title,
      ),
      note.text ? h("p.dls-text", {}, note.text) : null,
      h(
        "span.dls-buttons",
        {},
        button("Change", `Change the note at ${note.title}`, () => change(note)),
        button("Remove", `Remove the mark at ${note.title}`, () => remove(note)),
      ),
    );
  }

  async function remove(note) {
    await act("note/remove", { id: note.id });
    await load();
    const back = button("Bring it back", "Bring the removed mark back", async () => {
      await act("note/restore", { id: note.id });
      said.textContent = "It is back.";
      await load();
    });
    said.replaceChildren("Removed. ", back);
    back.focus();
  }

  async function act(what, body) {
    try {
      return await put(what, body);
    } catch (error) {
      said.textContent = error.message;
      return null;
    }
  }

  notes.addEventListener("toggle", () => {
    if (!notes.open) return;
    said.textContent = "";
    if (!changing) fresh();
    load();
    words.focus();
  });
  cancel.addEventListener("click", () => {
    words.value = "";
    fresh();
    words.focus();
  });
  words.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    event.stopPropagation(); /* the page's own keys are not meant here */
    if (event.key === "Escape") {
      notes.open = false;
      notes.querySelector("summary").focus();
    }
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const where = changing ? { id: changing.id } : here;
    const kept = await act("note", { page: page.file, ...where, text: words.value });
    if (!kept) return; /* the text stays in the box */
    said.textContent = kept.problem || "Kept.";
    words.value = "";
    fresh();
    await load();
  });
  load();
}

/* The heading under the learner's eyes: the last one above the upper third of the window. */
function placeInSight() {
  let heading = null;
  const line = innerHeight / 3;
  for (const box of column()?.children || []) {
    if (box.getBoundingClientRect().top > line) break;
    for (const one of headings(box, 3)) {
      if (one.getBoundingClientRect().top <= line) heading = one;
    }
  }
  const title = heading ? heading.textContent.replace(/\s*[·—-]\s*(core|further)\s*$/i, "").trim() : page.title;
  return { place: heading && heading.tagName !== "H1" ? heading.id : "", title };
}

function visit(event, note) {
  notes.open = false;
  if (note.place) {
    if (decodeURIComponent(location.hash.slice(1)) === note.place) goTo();
    return;
  }
  event.preventDefault();
  column()?.firstElementChild?.scrollIntoView({ block: "end" });
}

function button(label, spoken, press) {
  return h("button", { type: "button", "aria-label": spoken, onclick: press }, label);
}
