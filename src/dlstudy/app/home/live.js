/* Progress from other tabs: ask cheaply, and take the changed parts of a fresh page. */
import { base, follower, put } from "./course.js";
import { draw } from "./map.js";
import { mark } from "./search.js";

const ask = follower();

export async function poll() {
  if (document.hidden) return;
  const { state, first } = await ask();
  if (state === "new" && !first) await refresh();
}

export async function refresh() {
  const response = await fetch(`${base}/`, { cache: "no-store" }).catch(() => null);
  if (!response?.ok) return; /* the server is away; the next question may be answered */
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const old of document.querySelectorAll("[data-live][id]")) {
    const now = fresh.getElementById(old.id);
    if (now && now.innerHTML !== old.innerHTML && !old.querySelector("[data-hold]")) exchange(old, now);
  }
  mark();
  draw();
}

function exchange(old, now) {
  const focused = old.contains(document.activeElement);
  const grown = amount(now) > amount(old);
  const next = document.importNode(now, true);
  const folds = [...old.querySelectorAll("details")];
  for (const fold of next.querySelectorAll("details")) {
    const label = fold.firstElementChild.textContent;
    if (folds.find((other) => other.firstElementChild.textContent === label)?.open) fold.open = true;
  }
  old.replaceWith(next);
  if (grown) next.classList.add("changed");
  if (focused) next.querySelector("a, button")?.focus();
}

function amount(element) {
  const bar = element.querySelector("progress");
  return bar ? Number(bar.getAttribute("value")) : 0;
}

document.addEventListener("click", async (event) => {
  if (!event.target.closest?.("[data-dismiss]")) return;
  await put("dismiss", {});
  await refresh();
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-restore]");
  if (!button) return;
  button.disabled = true;
  try {
    await put("restore", { file: button.dataset.restore });
    await refresh();
  } catch (error) {
    button.after(` ${error.message}`);
    button.disabled = false;
  }
});
