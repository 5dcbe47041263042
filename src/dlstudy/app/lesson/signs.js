/* Two signs. One says how it stands with what is typed: saved, saving, not saved and why, or gone and where it is. The
   other says that something runs long, or that the page is open elsewhere. */
import { look, put } from "./course.js";
import { edited, forget, pending, renew, state, whenChanged } from "./keep.js";
import { closeReconnected, connection, isElsewhere, runs, saveAnyway, unsaved } from "./marimo.js";
import { page } from "./page.js";
import { reachable } from "./progress.js";

const STILL_RUNNING = 10_000; /* ms after which a running cell is worth a word */
const PATIENCE = 8_000; /* ms that saving may take before it counts as not done */
const AGAIN = 5_000; /* ms between two tries to save */
const QUIET = 1_000; /* ms without a key before the page is loaded anew: not in the middle of a word */
const RESTING = 4_500; /* ms between two questions while all is well */
const find = (id) => document.getElementById(id);
const [sign, running, stop, again] = ["dls-sign", "dls-running", "dls-interrupt", "dls-again"].map(find);
const [mine, disk] = ["dls-mine", "dls-disk"].map(find);
let runningSince = 0;
let dirtySince = 0;
let goneSince = 0;
let asked = 0;
let asking = false;
let server = null; /* which run of the server this tab has talked to */
let facts = null; /* what it last said of this page; null where it did not answer */

/* The course says how the last save went, and whether it is still the same run of it. */
async function ask() {
  if (asking) return;
  asking = true;
  facts = await look(`page?file=${encodeURIComponent(page.file)}`);
  asked = Date.now();
  asking = false;
  if (!facts) return;
  server ||= facts.server;
  if (server !== facts.server && Date.now() - state.acted > QUIET) renew();
}

export function watch() {
  closeReconnected();
  const dirty = edited() || unsaved();
  const cut = !reachable || ["CLOSED", "CLOSING"].includes(connection());
  goneSince = cut ? goneSince || Date.now() : 0;
  dirtySince = dirty ? dirtySince || Date.now() : 0;
  const restless = cut || dirty || (facts && server !== facts.server);
  if (Date.now() - asked > (restless ? 400 : RESTING)) ask();
  const changed = !cut && dirty && facts?.saving?.state === "changed";
  again.hidden = !(cut && facts && !facts.open && Date.now() - goneSince > 1000);
  mine.hidden = disk.hidden = !changed;
  if (dirty && !cut && !changed && failing() && Date.now() - state.tried > AGAIN) {
    state.tried = Date.now();
    saveAnyway();
  }
  say(sign, ...(cut ? gone() : saving(dirty, changed)));
  say(running, ...busy(cut));
}

const failing = () => state.failed > 0 || (dirtySince && Date.now() - dirtySince > PATIENCE);

function saving(dirty, changed) {
  if (changed) return ["Not saved: another program has changed this page’s file", "bad"];
  if (dirty && facts?.saving?.state === "failed") return [`Not saved: ${facts.saving.why}`, "bad"];
  if (dirty && failing()) return ["Not saved yet: the course has not answered", "bad"];
  if (dirty) return ["Saving…", ""];
  if (pending()) return ["Not saved yet: some of your text is kept in this browser", "warn"]; /* `kept.js` sees to it */
  return connection() === "OPEN" ? ["Saved", ""] : ["", ""];
}

/* The page has no Python any more, or the course itself is away. */
function gone() {
  if (Date.now() - goneSince < 1500) return [sign.textContent === "Saved" ? "" : sign.textContent, sign.className];
  const text = pending() || unsaved();
  const where = state.kept ? "your text is kept in this browser" : "copy your text: this browser keeps nothing";
  if (!reachable || !facts) {
    return [`Not connected: ${text ? where : "what you wrote is saved"}; start the course again`, "bad"];
  }
  if (facts.open) return ["", ""]; /* it is just coming back */
  if (text) return [`This page’s Python has ended; ${where}`, "bad"];
  return [`${facts.closed ? "Closed to free memory" : "This page’s Python has ended"}; what you wrote is saved`, "warn"];
}

function busy(cut) {
  runningSince = runs() && !cut ? runningSince || Date.now() : 0;
  const long = runningSince && Date.now() - runningSince >= STILL_RUNNING;
  stop.hidden = !long;
  if (long) return [`Still running, ${Math.round((Date.now() - runningSince) / 1000)} s`, "warn", "Still running"];
  return isElsewhere() ? ["Open in another tab", "warn"] : ["", ""];
}

/* The seconds change in sight only: a screen reader hears each sign once. That all is saved goes without saying. */
function say(place, text, kind, spoken = text) {
  if (place.dataset.spoken === spoken && text === place.textContent) return;
  const quiet = place.dataset.spoken === spoken || ["Saved", "Saving…"].includes(text);
  place.setAttribute("aria-live", quiet ? "off" : "polite");
  place.dataset.spoken = spoken;
  place.textContent = text;
  place.className = kind;
}

async function choose(keep) {
  mine.disabled = disk.disabled = true;
  try {
    await put("changed", { file: page.file, keep });
    if (keep === "disk") {
      forget();
      renew();
    } else {
      saveAnyway();
      await ask();
    }
  } catch (error) {
    say(running, error.message, "bad");
  }
  mine.disabled = disk.disabled = false;
}

whenChanged(watch);
mine.addEventListener("click", () => choose("page"));
disk.addEventListener("click", () => choose("disk"));
again.addEventListener("click", renew);
stop.addEventListener("click", async () => {
  stop.disabled = true;
  await put("interrupt", { file: page.file }).catch((error) => say(running, error.message, "bad"));
  setTimeout(() => {
    stop.disabled = false;
  }, 1500);
});
