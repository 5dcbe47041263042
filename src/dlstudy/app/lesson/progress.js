/* Progress in the bar, which follows what happens in this tab and in others. */
import { follower } from "./course.js";
import { page } from "./page.js";

const ask = follower();
export let reachable = true; /* whether the course answered the last time */

export async function poll() {
  if (document.hidden) return;
  const { state, progress } = await ask();
  reachable = state !== "away";
  if (state === "new") show(progress);
}

function show(progress) {
  const lesson = progress.lessons[page.lesson] || { exercises: {} };
  for (const mark of document.querySelectorAll("#dls-bar [data-exercise]")) {
    const state = lesson.exercises[mark.dataset.exercise] || {};
    mark.classList.toggle("passed", Boolean(state.passed));
    mark.classList.toggle("tried", !state.passed && state.attempts > 0);
  }
  const box = document.getElementById("dls-progress");
  const done = progress.completion[page.lesson];
  if (box && done) {
    const text = done.complete ? `${done.done} of ${done.total}: done` : `${done.done} of ${done.total}`;
    const count = box.querySelector(".dls-count");
    if (count.textContent !== text) count.textContent = text;
    box.title = `${done.core_done} of ${done.core_total} core exercises and questions done`;
    box.classList.toggle("done", done.complete);
  }
}
