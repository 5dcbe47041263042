/* Signs for what is unsaved, cut off, opened elsewhere, closed or still running. */
import { look, put } from "./course.js";
import { closeReconnected, connection, isElsewhere, runs, unsaved } from "./marimo.js";
import { page } from "./page.js";
import { reachable } from "./progress.js";

const STILL_RUNNING = 10_000; /* ms after which a running cell is worth a word */
const sign = document.getElementById("dls-sign");
const stop = document.getElementById("dls-interrupt");
const again = document.getElementById("dls-again");
let runningSince = 0;
let goneSince = 0;
let asking = false;
let ended = null; /* whether this page's kernel was closed while the course goes on; null until that is known */

async function ask() {
  asking = true;
  const found = await look("pages"); /* null: the course is away, which is another sign */
  if (found) ended = !found.pages.some((one) => one.file === page.file);
  setTimeout(
    () => {
      asking = false;
    },
    ended ? 0 : 1000,
  );
}

export function watch() {
  closeReconnected();
  const cut = !reachable || ["CLOSED", "CLOSING"].includes(connection());
  goneSince = cut ? goneSince || Date.now() : 0;
  runningSince = runs() && !cut ? runningSince || Date.now() : 0;
  const long = runningSince && Date.now() - runningSince >= STILL_RUNNING;
  stop.hidden = !long;
  if (!cut) ended = null;
  else if (reachable && !asking && !ended) ask();
  again.hidden = !(cut && ended);
  if (cut && ended) say("Closed to free memory; what you wrote is saved", "warn");
  else if (cut && reachable && ended === null) say("", ""); /* not asked yet */
  else if (goneSince && Date.now() - goneSince > 1500)
    say("Not connected: keep this page open, start the course again", "bad");
  else if (long) say(`Still running, ${Math.round((Date.now() - runningSince) / 1000)} s`, "warn", "Still running");
  else if (isElsewhere()) say("Open in another tab", "warn");
  else if (unsaved()) say("Not saved yet", "");
  else say("", "");
}

/* The seconds change in sight only: a screen reader hears each sign once. */
function say(text, kind, spoken = text) {
  if (sign.dataset.spoken === spoken && text === sign.textContent) return;
  sign.setAttribute("aria-live", sign.dataset.spoken === spoken ? "off" : "polite");
  sign.dataset.spoken = spoken;
  sign.textContent = text;
  sign.className = kind;
}

again.addEventListener("click", () => location.reload());
stop.addEventListener("click", async () => {
  stop.disabled = true;
  await put("interrupt", { file: page.file }).catch((error) => say(error.message, "bad"));
  setTimeout(() => {
    stop.disabled = false;
  }, 1500);
});
