/* Start a lesson or an exercise again, after a question. */
import { put } from "./course.js";
import { saved } from "./marimo.js";
import { page } from "./page.js";

const menu = document.getElementById("dls-menu");
const dialog = document.getElementById("dls-dialog");
const problem = dialog.querySelector(".dls-problem");
let wish = null;

menu?.addEventListener("click", (event) => {
  const button = event.target.closest("[data-reset]");
  if (button) ask(button.dataset.reset);
});

function ask(slug) {
  wish = { lesson: page.lesson, exercise: slug || null };
  const name = slug ? `the exercise “${page.exercises[slug]}”` : `the lesson “${page.title}”`;
  const what = slug ? "Its cell goes" : "Every cell goes";
  const forget = slug ? "Forget my tries and hints as well" : "Forget my progress in this lesson as well";
  dialog.querySelector("h2").textContent = `Start ${name} again?`;
  dialog.querySelector(".dls-text").textContent =
    `${what} back to how it was handed out. Your text is kept in the folder .dlstudy/backups.`;
  dialog.querySelector("label span").textContent = forget;
  dialog.querySelector("#dls-forget").checked = false;
  problem.hidden = true;
  menu.open = false;
  dialog.showModal();
}

dialog.querySelector(".dls-yes").addEventListener("click", async (event) => {
  const button = event.currentTarget;
  button.disabled = true;
  try {
    await saved();
    await put("reset", { ...wish, progress: dialog.querySelector("#dls-forget").checked });
    location.reload();
  } catch (error) {
    problem.textContent = `Nothing was changed. ${error.message}`;
    problem.hidden = false;
    button.disabled = false;
  }
});
