/* An address such as Glossary.md#view: the browser looked for the place before marimo had drawn it. */
import { cellNamed, headings, plainId, runsOrWaits } from "./marimo.js";

function placeOf(id) {
  const exact = document.getElementById(id) || cellNamed(id);
  if (exact) return exact;
  const wanted = plainId(id);
  return headings(document, 4).find((heading) => plainId(heading.id) === wanted) || null;
}

export function goTo(tries = 100) {
  const id = decodeURIComponent(location.hash.slice(1));
  const target = id && placeOf(id);
  if (target) {
    stay(target);
  } else if (id && tries > 0) {
    setTimeout(() => goTo(tries - 1), 300);
  }
}

/* What comes into sight has its true height only then, and outputs above still arrive: hold on to the place until
   it rests or the learner takes over. */
let holding = 0;
function stay(target) {
  const mine = ++holding;
  const until = Date.now() + 8000;
  let resting = 0;
  (function again() {
    if (mine !== holding || !target.isConnected) return;
    const before = target.getBoundingClientRect().top;
    target.scrollIntoView({ block: "start" });
    resting = Math.abs(target.getBoundingClientRect().top - before) < 4 ? resting + 1 : 0;
    if (Date.now() < until && (resting < 3 || runsOrWaits())) setTimeout(again, 300);
  })();
}

for (const act of ["wheel", "pointerdown", "keydown", "touchmove"]) {
  addEventListener(
    act,
    () => {
      holding++;
    },
    { capture: true, passive: true },
  );
}
goTo();
addEventListener("hashchange", () => goTo());
