/* Two versions of a lesson: choose for each place, look at the result, put them together, take it back. */
import { put, saveFirst, tabs } from "./course.js";
import { h } from "./dom.js";

const PATIENCE = 1500; /* ms for an open tab to save; the choice is about the text as it is then */
const { file } = document.body.dataset;
const form = document.getElementById("merge");
const done = document.getElementById("done");
const preview = document.getElementById("preview");

const sides = () => Object.fromEntries([...form.querySelectorAll("input:checked")].map((one) => [one.name, one.value]));

async function look() {
  preview.querySelector("pre").textContent = (await put("merge/preview", { file, sides: sides() })).text;
  preview.hidden = false;
}

function tell(error) {
  const said = form ? form.querySelector(".problem-said") : done.querySelector(".said");
  said.textContent = error.message;
}

function finish(answer) {
  tabs?.postMessage({ reload: file });
  form.hidden = true;
  preview.hidden = true;
  done.hidden = false;
  done.querySelector(".said").textContent = `Done. Your page as it was is kept in ${answer.backup}.`;
  if (!done.querySelector("[data-do=undo]")) {
    done.querySelector(".buttons").append(h("button", { type: "button", "data-do": "undo" }, "Take it back"));
  }
  done.querySelector("a").focus();
}

form?.addEventListener("change", () => {
  if (!preview.hidden) look().catch(tell);
});
form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("[type=submit]");
  button.disabled = true;
  form.querySelector(".problem-said").textContent = "";
  try {
    await saveFirst(file, PATIENCE);
    finish(await put("merge", { file, sides: sides(), stamp: form.dataset.stamp }));
  } catch (error) {
    tell(error);
    button.disabled = false;
  }
});

function choose(all) {
  for (const one of form.querySelectorAll("input[type=radio]")) {
    one.checked = one.value === (all || one.dataset.proposed);
  }
  if (!preview.hidden) look().catch(tell);
}

async function show() {
  try {
    await look();
    preview.scrollIntoView({ block: "start" });
    preview.querySelector("pre").focus();
  } catch (error) {
    tell(error);
  }
}

async function undo(button) {
  button.disabled = true;
  try {
    await saveFirst(file, PATIENCE);
    await put("merge/undo", { file });
    tabs?.postMessage({ reload: file });
    location.reload();
  } catch (error) {
    button.disabled = false;
    done.querySelector(".said").textContent = error.message;
  }
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-do], [data-all]");
  if (!button) return;
  if (button.dataset.all !== undefined) choose(button.dataset.all);
  else if (button.dataset.do === "preview") await show();
  else if (button.dataset.do === "undo") await undo(button);
});
