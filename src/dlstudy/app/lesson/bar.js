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
  /* The engine writes a heading's address otherwise than GitHub does: without accents and without doubled hyphens. */
  const plain = (id) => id.normalize("NFKD").replace(/[^\x00-\x7f]/g, "").replace(/[^\w\s-]/g, "").replace(/[-\s]+/g, "-").replace(/^-|-$/g, "").toLowerCase();

  function placeOf(id) {
    const exact = document.getElementById(id) || document.querySelector(`[data-cell-name="${CSS.escape(id)}"]`);
    if (exact) return exact;
    const wanted = plain(id);
    return [...document.querySelectorAll(".markdown.prose :is(h1, h2, h3, h4)[id]")].find((heading) => plain(heading.id) === wanted) || null;
  }

  function goTo(tries = 100) {
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
      const arriving = document.querySelector('[data-testid="cell-status"][data-status="running"], [data-testid="cell-status"][data-status="queued"], .marimo-cell.running, .marimo-cell.queued');
      if (Date.now() < until && (resting < 3 || arriving)) setTimeout(again, 300);
    })();
  }
  for (const act of ["wheel", "pointerdown", "keydown", "touchmove"]) addEventListener(act, () => { holding++; }, { capture: true, passive: true });
  goTo();
  addEventListener("hashchange", () => goTo());
  if (/Mac|iPhone|iPad/.test(navigator.platform)) document.documentElement.dataset.keys = "mac";

  /* ---- signs ---- */
  let runningSince = 0;
  let goneSince = 0;

  let asking = false;
  let ended = null; /* whether this page's kernel was closed while the course goes on; null until that is known */
  const again = document.getElementById("dls-again");
  again.addEventListener("click", () => location.reload());

  async function ask() {
    asking = true;
    try {
      const response = await fetch(`${page.base}/api/course/pages`, { cache: "no-store" });
      if (response.ok) ended = !(await response.json()).pages.some((one) => one.file === page.file);
    } catch { /* the course is away, which is another sign */ }
    setTimeout(() => { asking = false; }, ended ? 0 : 1000);
  }

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
    if (!cut) ended = null;
    else if (reachable && !asking && !ended) ask();
    again.hidden = !(cut && ended);
    if (cut && ended) say("Closed to free memory; what you wrote is saved", "warn");
    else if (cut && reachable && ended === null) say("", ""); /* not asked yet */
    else if (goneSince && Date.now() - goneSince > 1500) say("Not connected: keep this page open, start the course again", "bad");
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

  /* ---- somebody is here: not only visible, but touched ---- */
  let touched = true;
  for (const act of ["pointermove", "pointerdown", "keydown", "wheel", "touchmove"]) {
    addEventListener(act, () => { touched = true; }, { capture: true, passive: true });
  }
  function here() {
    if (touched && !document.hidden) put("here", { file: page.file }, true).catch(() => {});
    touched = false;
  }
  setInterval(here, BEAT);
  setTimeout(here, 2000);

  /* ---- the home page closes this one: what was just typed is saved first ---- */
  try {
    const tabs = new BroadcastChannel("dls-pages");
    tabs.addEventListener("message", async (event) => {
      if (event.data.reload === page.file) location.reload();
      if (event.data.save !== page.file) return;
      const save = document.querySelector('[data-testid="save-button"]');
      if (save && /(^|\s)yellow(\s|$)/.test(save.className)) save.click();
      await saved();
      tabs.postMessage({ saved: page.file });
    });
  } catch { /* one tab only */ }

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
  const sheets = [menu, document.getElementById("dls-notes")].filter(Boolean);
  addEventListener("click", (event) => {
    for (const sheet of sheets) if (sheet.open && event.target.isConnected && !sheet.contains(event.target)) sheet.open = false;
  });
  addEventListener("keydown", (event) => {
    const sheet = event.key === "Escape" && sheets.find((one) => one.open);
    if (sheet) { sheet.open = false; sheet.querySelector("summary").focus(); }
  });

  /* ---- notes and bookmarks ---- */
  const notes = document.getElementById("dls-notes");
  if (notes) {
    const form = notes.querySelector("form");
    const words = notes.querySelector("textarea");
    const list = notes.querySelector("ul");
    const said = notes.querySelector(".dls-said");
    const cancel = notes.querySelector(".dls-cancel");
    let here = { place: "", title: page.title };
    let changing = null;

    /* The heading under the learner's eyes: the last one above the upper third of the window. */
    function where() {
      let heading = null;
      const line = innerHeight / 3;
      for (const box of document.querySelector('[data-testid="cell-column"]')?.children || []) {
        if (box.getBoundingClientRect().top > line) break;
        for (const one of box.querySelectorAll(".markdown.prose :is(h1, h2, h3)[id]")) {
          if (one.getBoundingClientRect().top <= line) heading = one;
        }
      }
      const title = heading ? heading.textContent.replace(/\s*[·—-]\s*(core|further)\s*$/i, "").trim() : page.title;
      return { place: heading && heading.tagName !== "H1" ? heading.id : "", title };
    }

    function fresh() {
      changing = null;
      here = where();
      form.querySelector("h2").textContent = "Mark this place";
      form.querySelector(".dls-place").textContent = here.title;
      cancel.hidden = true;
    }

    async function load() {
      try {
        const response = await fetch(`${page.base}/api/course/notes?page=${encodeURIComponent(page.file)}`, { cache: "no-store" });
        if (response.ok) draw((await response.json()).notes);
      } catch { /* the sign in the bar says so */ }
    }

    function draw(found) {
      notes.querySelector(".dls-many").textContent = found.length || "";
      list.replaceChildren(...found.map((note) => {
        const item = document.createElement("li");
        const link = document.createElement("a");
        link.href = note.place ? `#${encodeURIComponent(note.place)}` : "#";
        link.textContent = note.title;
        link.addEventListener("click", (event) => {
          notes.open = false;
          if (note.place) { if (decodeURIComponent(location.hash.slice(1)) === note.place) goTo(); return; }
          event.preventDefault();
          document.querySelector('[data-testid="cell-column"] > *')?.scrollIntoView({ block: "end" });
        });
        const text = document.createElement("p");
        text.className = "dls-text";
        text.textContent = note.text;
        const buttons = document.createElement("span");
        buttons.className = "dls-buttons";
        buttons.append(
          button("Change", `Change the note at ${note.title}`, () => {
            changing = note;
            form.querySelector("h2").textContent = "Change the note at";
            form.querySelector(".dls-place").textContent = note.title;
            words.value = note.text;
            cancel.hidden = false;
            words.focus();
          }),
          button("Remove", `Remove the mark at ${note.title}`, async () => {
            await act("note/remove", { id: note.id });
            await load();
            said.replaceChildren("Removed. ", button("Bring it back", "Bring the removed mark back", async () => {
              await act("note/restore", { id: note.id });
              said.textContent = "It is back.";
              await load();
            }));
            said.querySelector("button").focus();
          }),
        );
        item.append(link, ...(note.text ? [text] : []), buttons);
        return item;
      }));
    }

    function button(label, spoken, press) {
      const made = document.createElement("button");
      made.type = "button";
      made.textContent = label;
      made.setAttribute("aria-label", spoken);
      made.addEventListener("click", press);
      return made;
    }

    async function act(what, body) {
      try {
        return await put(what, body);
      } catch (error) {
        said.textContent = error.message;
        return null;
      }
    }

    notes.addEventListener("toggle", () => {
      if (!notes.open) return;
      said.textContent = "";
      if (!changing) fresh();
      load();
      words.focus();
    });
    cancel.addEventListener("click", () => { words.value = ""; fresh(); words.focus(); });
    words.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
      event.stopPropagation(); /* the page's own keys are not meant here */
      if (event.key === "Escape") { notes.open = false; notes.querySelector("summary").focus(); }
    });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const kept = await act("note", changing ? { page: page.file, id: changing.id, text: words.value } : { page: page.file, ...here, text: words.value });
      if (!kept) return; /* the text stays in the box */
      said.textContent = kept.problem || "Kept.";
      words.value = "";
      fresh();
      await load();
    });
    load();
  }

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
