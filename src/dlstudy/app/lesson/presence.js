/* The time on the page while somebody can see it, and whether somebody is here: not only visible, but touched. */
import { put } from "./course.js";
import { page } from "./page.js";
import { poll } from "./progress.js";

const BEAT = 30_000; /* ms between two notes of it */
const quietly = (what, body) => put(what, body, { keepalive: true }).catch(() => {});

let mark = Date.now();
function beat() {
  const now = Date.now();
  const seconds = (now - mark) / 1000;
  mark = now;
  if (page.lesson !== null && seconds > 0.5 && seconds < 90) quietly("time", { lesson: page.lesson, seconds });
}
document.addEventListener("visibilitychange", () => {
  if (document.hidden) beat();
  else {
    mark = Date.now();
    poll();
  }
});
addEventListener("pagehide", () => {
  if (!document.hidden) beat();
});
setInterval(() => {
  if (!document.hidden) beat();
}, BEAT);
if (page.lesson !== null) quietly("time", { lesson: page.lesson, seconds: 0 });

let touched = true;
for (const act of ["pointermove", "pointerdown", "keydown", "wheel", "touchmove"]) {
  addEventListener(
    act,
    () => {
      touched = true;
    },
    { capture: true, passive: true },
  );
}
function here() {
  if (touched && !document.hidden) quietly("here", { file: page.file });
  touched = false;
}
setInterval(here, BEAT);
setTimeout(here, 2000);
