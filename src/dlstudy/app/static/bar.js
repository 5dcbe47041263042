/* The bar above a lesson: progress that follows by itself, signs for what is unsaved, cut off or still running, resets. */
(() => {
  const page = JSON.parse(document.getElementById("dls-page").textContent);
  const sign = document.getElementById("dls-sign");
  const stop = document.getElementById("dls-interrupt");
  const menu = document.getElementById("dls-menu");
  const dialog = document.getElementById("dls-dialog");
  const STILL_RUNNING = 10_000; // ms after which a running cell is worth a word
  const BEAT = 30_000; // ms between two notes of the time spent here

  /* ---- progress ---- */
  let etag = "";
  let reachable = true;

  async function poll() {
    if (document.hidden) return;
    try {
      const response = await fetch(`${page.base}/api/progress`, { headers: etag ? { "If-None-Match": etag } : {}, cache: "no-store" });
      reachable = response.ok || response.status === 304;
      if (response.ok) {
        etag = response.headers.get("ETag") || "";
        show(await response.json());
      }
    } catch {
      reachable = false;
    }
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

  /* ---- what each cell is, for lesson.css ---- */
  let column = null;
  function tag() {
    const found = document.querySelector('[data-testid="cell-column"]');
    if (found && found !== column) {
      column = found;
      new MutationObserver(() => requestAnimationFrame(tag)).observe(column, { childList: true });
    }
    for (const box of column ? column.children : []) {
      const cell = box.querySelector(":scope > .marimo-cell");
      if (!cell) continue;
      const name = cell.dataset.cellName || "";
      const editor = cell.querySelector('[data-testid="cell-editor"]');
      const kind = cell.classList.contains("borderless") ? "prose"
        : editor?.classList.contains("opacity-20") ? "hidden"
          : /^(numpy|torch|exercise)_/.exec(name)?.[1] || "code";
      if (box.dataset.dls !== kind) box.dataset.dls = kind;
    }
  }
  const waiting = new MutationObserver(() => {
    if (!document.querySelector('[data-testid="cell-column"]')) return;
    waiting.disconnect();
    tag();
  });
  waiting.observe(document.documentElement, { childList: true, subtree: true });
  setInterval(tag, 1000);

  /* ---- an address such as Glossary.md#view: the browser looked for the place before the engine had drawn it ---- */
  function goTo(tries = 100) {
    const id = decodeURIComponent(location.hash.slice(1));
    const target = id && document.getElementById(id);
    if (target) {
      target.scrollIntoView({ block: "start" });
      /* What came into sight has its true height only now. */
      setTimeout(() => target.scrollIntoView({ block: "start" }), 400);
    } else if (id && tries > 0) {
      setTimeout(() => goTo(tries - 1), 300);
    }
  }
  goTo();
  addEventListener("hashchange", () => goTo());
  if (/Mac|iPhone|iPad/.test(navigator.platform)) document.documentElement.dataset.keys = "mac";

  /* ---- signs ---- */
  let runningSince = 0;
  let goneSince = 0;

  function look() {
    const app = document.querySelector("#App[data-connection-state]");
    const state = app ? app.dataset.connectionState : "";
    /* Coming back to a page whose kernel still runs is what everybody expects; it needs no banner. */
    for (const close of document.querySelectorAll('[data-testid="remove-banner-button"]')) {
      if (close.closest("div.rounded, div.border")?.textContent.includes("reconnected to an existing session")) close.click();
    }
    const cut = !reachable || state === "CLOSED" || state === "CLOSING";
    goneSince = cut ? goneSince || Date.now() : 0;
    const running = document.querySelector('[data-testid="cell-status"][data-status="running"], .marimo-cell.running') !== null;
    runningSince = running && !cut ? runningSince || Date.now() : 0;
    const long = runningSince && Date.now() - runningSince >= STILL_RUNNING;
    stop.hidden = !long;
    const save = document.querySelector('[data-testid="save-button"]');
    const unsaved = save !== null && /(^|\s)yellow(\s|$)/.test(save.className);
    if (goneSince && Date.now() - goneSince > 1500) say("Not connected: keep this page open, start the course again", "bad");
    else if (long) say(`Still running, ${Math.round((Date.now() - runningSince) / 1000)} s`, "warn", "Still running");
    else if (document.querySelector('[data-testid="takeover-button"]')) say("Open in another tab", "warn");
    else if (unsaved) say("Not saved yet", "");
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

  stop.addEventListener("click", async () => {
    stop.disabled = true;
    await put("interrupt", { file: page.file }).catch((error) => say(error.message, "bad"));
    setTimeout(() => { stop.disabled = false; }, 1500);
  });

  /* ---- time on page: only while somebody can see it ---- */
  let mark = Date.now();
  function beat() {
    const now = Date.now();
    const seconds = (now - mark) / 1000;
    mark = now;
    if (page.lesson !== null && seconds > 0.5 && seconds < 90) put("time", { lesson: page.lesson, seconds }, true).catch(() => {});
  }
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) beat();
    else { mark = Date.now(); poll(); }
  });
  addEventListener("pagehide", () => { if (!document.hidden) beat(); });
  setInterval(() => { if (!document.hidden) beat(); }, BEAT);
  if (page.lesson !== null) put("time", { lesson: page.lesson, seconds: 0 }).catch(() => {});

  /* ---- start again ---- */
  let wish = null;
  menu?.addEventListener("click", (event) => {
    const button = event.target.closest("[data-reset]");
    if (!button) return;
    const slug = button.dataset.reset;
    wish = { lesson: page.lesson, exercise: slug || null, file: page.file };
    const name = slug ? `the exercise “${page.exercises[slug]}”` : `the lesson “${page.title}”`;
    dialog.querySelector("h2").textContent = `Start ${name} again?`;
    dialog.querySelector(".dls-text").textContent = slug
      ? "Its cell goes back to how it was handed out. Your text is kept in the folder .dlstudy/backups."
      : "Every cell goes back to how it was handed out. Your text is kept in the folder .dlstudy/backups.";
    dialog.querySelector("label span").textContent = slug ? "Forget my tries and hints as well" : "Forget my progress in this lesson as well";
    dialog.querySelector("#dls-forget").checked = false;
    dialog.querySelector(".dls-problem").hidden = true;
    menu.open = false;
    dialog.showModal();
  });
  dialog.querySelector(".dls-yes").addEventListener("click", async (event) => {
    const button = event.currentTarget;
    button.disabled = true;
    try {
      await saved();
      await put("reset", { lesson: wish.lesson, exercise: wish.exercise, progress: dialog.querySelector("#dls-forget").checked });
      location.reload();
    } catch (error) {
      const problem = dialog.querySelector(".dls-problem");
      problem.textContent = `Nothing was changed. ${error.message}`;
      problem.hidden = false;
      button.disabled = false;
    }
  });
  addEventListener("click", (event) => { if (menu?.open && !menu.contains(event.target)) menu.open = false; });
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && menu?.open) { menu.open = false; menu.querySelector("summary").focus(); }
  });

  /* Autosave takes a second: wait for it, so that the backup holds what is on the page. */
  async function saved() {
    for (let i = 0; i < 25; i++) {
      const save = document.querySelector('[data-testid="save-button"]');
      if (!save || !/(^|\s)yellow(\s|$)/.test(save.className)) return;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  async function put(what, body, keepalive = false) {
    let response;
    try {
      response = await fetch(`${page.base}/api/course/${what}`, {
        method: "PUT", keepalive, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
      });
    } catch {
      throw new Error("The course does not answer; is it still running?");
    }
    const answer = await response.json().catch(() => ({}));
    if (!response.ok) throw new Error(answer.detail || `The course answered ${response.status}.`);
    return answer;
  }

  poll();
  setInterval(poll, 1500);
  setInterval(look, 500);
})();
