/* What comes back for review: a question is answered here, an exercise starts again on its page. */
import { put } from "./course.js";
import { h } from "./dom.js";
import { refresh } from "./live.js";

/* While a form or a button is held, its panel must not be drawn anew under the learner's eyes. */
const hold = (element) => {
  element.dataset.hold = "";
};
const release = (element) => {
  delete element.dataset.hold;
};
const held = (element) => element.dataset.hold !== undefined;

/* ---- questions ---- */
document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-question]");
  if (!form) return;
  event.preventDefault();
  const chosen = form.querySelector("input:checked");
  if (held(form)) await goOn(form);
  else if (chosen) await answer(form, chosen.value);
  else form.querySelector(".answer").textContent = "Choose an answer first.";
});

async function goOn(form) {
  release(form);
  await refresh();
  document.getElementById("review").querySelector("summary, a, button")?.focus();
}

async function answer(form, option) {
  const box = form.querySelector(".answer");
  const button = form.querySelector("button[type=submit]");
  hold(form);
  button.disabled = true;
  try {
    const said = await put("answer", { lesson: form.dataset.lesson, question: form.dataset.question, option });
    const words = said.correct ? "✓ Right. " : "✗ Not right. It comes back tomorrow. ";
    box.replaceChildren(h(said.correct ? "strong.good" : "strong.bad", {}, words), h("div", { html: said.why }));
    form.querySelector("fieldset").disabled = true;
    button.textContent = "Go on";
  } catch (error) {
    release(form);
    box.textContent = error.message;
  }
  button.disabled = false;
}

/* ---- exercises: a question first, since the cell is emptied ---- */
document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-again]");
  if (!button) return;
  if (held(button)) await begin(button);
  else question(button);
});

function question(button) {
  const words = "Its cell goes back to the start; your answer is kept in .dlstudy/backups.";
  const said = h("span.hint", { role: "status" });
  const leave = () => {
    said.remove();
    no.remove();
    release(button);
    button.textContent = "Write it again";
    button.focus();
  };
  const no = h("button", { type: "button", onclick: leave }, "Not now");
  hold(button);
  button.before(said);
  said.textContent = words; /* once it is in the page, so that a screen reader hears it */
  button.textContent = "Begin";
  button.after(no);
}

async function begin(button) {
  button.disabled = true;
  try {
    await put("again", { lesson: button.dataset.lesson, exercise: button.dataset.again });
    location.href = button.dataset.address;
  } catch (error) {
    button.disabled = false;
    button.after(h("span.bad", { role: "alert" }, `Nothing was changed. ${error.message}`));
  }
}
