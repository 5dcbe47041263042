/* The home page: arrows between the lessons, search, and progress that follows what happens in other tabs. */
(() => {
  const base = document.body.dataset.base;
  const map = document.querySelector(".map");
  const svg = map.querySelector(".edges");
  const NS = "http://www.w3.org/2000/svg";

  /* ---- arrows ---- */
  const cards = () => [...map.querySelectorAll(".card")];

  function draw() {
    svg.replaceChildren();
    if (getComputedStyle(svg).display === "none") return;
    const origin = map.getBoundingClientRect();
    const boxes = new Map();
    const rows = new Map();
    for (const card of cards()) {
      const r = card.getBoundingClientRect();
      const box = { left: r.left - origin.left, right: r.right - origin.left, top: r.top - origin.top, bottom: r.bottom - origin.top, row: Number(card.dataset.row), card };
      box.x = (box.left + box.right) / 2;
      boxes.set(card.dataset.number, box);
      const row = rows.get(box.row) || { top: Infinity, bottom: 0 };
      rows.set(box.row, { top: Math.min(row.top, box.top), bottom: Math.max(row.bottom, box.bottom) });
    }
    const gap = parseFloat(getComputedStyle(map).columnGap) || 28;
    for (const to of boxes.values()) {
      for (const need of to.card.dataset.needs.split(" ").filter(Boolean)) {
        const from = boxes.get(need);
        if (from) edge(from, to, rows, gap, need);
      }
    }
  }

  /* Lines run in the gaps: down from a lesson, along the gap below its row, down a gutter, along the gap above the target. */
  function edge(from, to, rows, gap, need) {
    const points = [];
    let tip;
    if (from.row === to.row) {
      const y = from.top + 26;
      points.push([from.right, y], [to.left - 2, y]);
      tip = [to.left, y, 0];
    } else {
      const out = rows.get(from.row).bottom + 13;
      const into = rows.get(to.row).top - 13;
      points.push([from.x, from.bottom], [from.x, out]);
      if (to.row - from.row > 1) {
        const gutter = from.x > to.x ? to.right + gap / 2 : to.left - gap / 2;
        points.push([gutter, out], [gutter, into], [to.x, into]);
      } else {
        points.push([to.x, out]);
      }
      points.push([to.x, to.top - 2]);
      tip = [to.x, to.top, 90];
    }
    const group = document.createElementNS(NS, "g");
    group.dataset.from = need;
    group.dataset.to = to.card.dataset.number;
    if (from.card.classList.contains("complete")) group.classList.add("walked");
    const line = document.createElementNS(NS, "path");
    line.setAttribute("d", rounded(points, 9));
    const head = document.createElementNS(NS, "path");
    head.setAttribute("class", "head");
    head.setAttribute("d", "M0 0 L-7 -4 L-7 4 Z");
    head.setAttribute("transform", `translate(${tip[0]} ${tip[1]}) rotate(${tip[2]})`);
    group.append(line, head);
    svg.append(group);
  }

  function rounded(points, radius) {
    const path = points.filter((p, i) => i === 0 || p[0] !== points[i - 1][0] || p[1] !== points[i - 1][1]);
    let d = `M${path[0].join(" ")}`;
    for (let i = 1; i < path.length - 1; i++) {
      const [before, at, after] = [path[i - 1], path[i], path[i + 1]];
      const r = Math.min(radius, Math.hypot(at[0] - before[0], at[1] - before[1]) / 2, Math.hypot(after[0] - at[0], after[1] - at[1]) / 2);
      const a = towards(at, before, r);
      const b = towards(at, after, r);
      d += ` L${a.join(" ")} Q${at.join(" ")} ${b.join(" ")}`;
    }
    return `${d} L${path.at(-1).join(" ")}`;
  }

  function towards(from, to, distance) {
    const length = Math.hypot(to[0] - from[0], to[1] - from[1]) || 1;
    return [from[0] + ((to[0] - from[0]) / length) * distance, from[1] + ((to[1] - from[1]) / length) * distance];
  }

  /* What a lesson needs, all the way up, lights up under the pointer or the keyboard. */
  function light(card) {
    for (const group of svg.children) group.classList.remove("lit");
    if (!card) return;
    const wanted = new Set([card.dataset.number]);
    const queue = [card];
    while (queue.length) {
      const here = queue.pop();
      for (const need of here.dataset.needs.split(" ").filter(Boolean)) {
        const edge = svg.querySelector(`g[data-from="${need}"][data-to="${here.dataset.number}"]`);
        if (edge) { edge.classList.add("lit"); svg.append(edge); }
        if (!wanted.has(need)) {
          wanted.add(need);
          const next = map.querySelector(`.card[data-number="${need}"]`);
          if (next) queue.push(next);
        }
      }
    }
  }
  map.addEventListener("pointerover", (event) => light(event.target.closest(".card")));
  map.addEventListener("pointerleave", () => light(null));
  map.addEventListener("focusin", (event) => light(event.target.closest(".card")));
  map.addEventListener("focusout", () => light(null));
  new ResizeObserver(draw).observe(map);
  document.fonts?.ready.then(draw);

  /* ---- search: cards whose titles match light up, and places in the text are listed below the box ---- */
  const input = document.getElementById("search");
  const found = document.getElementById("found");
  const results = input.form.querySelector(".results");
  const list = results.querySelector("ul");
  let asked = 0;
  let timer = 0;

  function search() {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const card of cards()) {
      const hit = words.length > 0 && words.every((word) => card.dataset.words.includes(word));
      card.classList.toggle("hit", hit);
      card.classList.toggle("faded", words.length > 0 && !hit);
    }
    map.classList.toggle("searching", words.length > 0);
  }

  async function look() {
    const words = input.value.trim();
    const mine = ++asked;
    if (!words) { shut(); found.textContent = ""; return; }
    let hits;
    try {
      const response = await fetch(`${base}/api/course/search?q=${encodeURIComponent(words)}`);
      if (!response.ok) throw new Error();
      hits = (await response.json()).hits;
    } catch {
      if (mine === asked) { shut(); found.textContent = "The course does not answer; is it still running?"; }
      return;
    }
    if (mine !== asked) return;
    list.replaceChildren(...hits.map(place));
    results.hidden = hits.length === 0;
    const first = hits.find((hit) => hit.address);
    found.textContent = !hits.length ? "Nothing in the course holds all these words."
      : `${hits.length === 9 ? "9 places or more" : hits.length === 1 ? "1 place" : `${hits.length} places`}${first ? `; Enter opens ${first.title}` : ", still to be written"}`;
    if (hits.length === 9) {
      const all = document.createElement("li");
      const link = document.createElement("a");
      link.href = `${base}/search?q=${encodeURIComponent(words)}`;
      link.className = "all";
      link.textContent = "All places";
      all.append(link);
      list.append(all);
    }
  }

  function place(hit) {
    const item = document.createElement("li");
    const box = document.createElement(hit.address ? "a" : "div");
    if (hit.address) box.href = hit.address;
    const head = document.createElement("span");
    head.className = "head";
    const title = document.createElement("strong");
    title.textContent = hit.title;
    const where = document.createElement("span");
    where.className = "where";
    where.textContent = [hit.where === hit.title ? "" : hit.where, hit.kind].filter(Boolean).join(", ");
    head.append(title, " ", where);
    const text = document.createElement("span");
    text.className = "snippet";
    for (const [words, match] of hit.snippet) {
      if (!match) { text.append(words); continue; }
      const mark = document.createElement("mark");
      mark.textContent = words;
      text.append(mark);
    }
    box.append(head, text);
    item.append(box);
    return item;
  }

  function shut() {
    results.hidden = true;
    list.replaceChildren();
  }

  input.addEventListener("input", () => {
    search();
    clearTimeout(timer);
    timer = setTimeout(look, 120);
  });
  input.addEventListener("focus", () => { if (input.value.trim() && !list.children.length) look(); });
  input.form.addEventListener("submit", async (event) => {
    event.preventDefault();
    clearTimeout(timer);
    await look();
    list.querySelector("a")?.click();
  });
  input.form.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const links = [input, ...list.querySelectorAll("a")];
    const at = links.indexOf(document.activeElement);
    const next = links[at + (event.key === "ArrowDown" ? 1 : -1)];
    if (at < 0 || !next) return;
    event.preventDefault();
    next.focus();
  });
  input.form.addEventListener("focusout", (event) => {
    if (!event.relatedTarget || !input.form.contains(event.relatedTarget)) setTimeout(() => { if (!input.form.contains(document.activeElement)) shut(); }, 150);
  });
  addEventListener("keydown", (event) => {
    const typing = event.target.matches?.("input, textarea, select, [contenteditable]");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      input.focus();
    } else if (event.key === "Escape" && input.form.contains(event.target)) {
      input.value = "";
      asked++;
      search();
      shut();
      found.textContent = "";
      input.blur();
    }
  });

  /* ---- progress from other tabs: ask cheaply, and take the changed parts of a fresh page ---- */
  let tag = null;
  async function poll() {
    if (document.hidden) return;
    try {
      const response = await fetch(`${base}/api/progress`, { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store" });
      if (!response.ok) return;
      const first = tag === null;
      tag = response.headers.get("ETag") || "";
      if (!first) await refresh();
    } catch { /* the server is away; the next question may be answered */ }
  }

  async function refresh() {
    const response = await fetch(`${base}/`, { cache: "no-store" });
    if (!response.ok) return;
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    for (const old of document.querySelectorAll("[data-live][id]")) {
      const now = fresh.getElementById(old.id);
      if (!now || now.innerHTML === old.innerHTML || old.querySelector("[data-hold]")) continue;
      const focused = old.contains(document.activeElement);
      const grown = amount(now) > amount(old);
      const next = document.importNode(now, true);
      for (const fold of next.querySelectorAll("details")) {
        const before = [...old.querySelectorAll("details")].find((other) => other.firstElementChild.textContent === fold.firstElementChild.textContent);
        if (before?.open) fold.open = true;
      }
      old.replaceWith(next);
      if (grown) next.classList.add("changed");
      if (focused) next.querySelector("a, button")?.focus();
    }
    search();
    draw();
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

  async function put(what, body) {
    let response;
    try {
      response = await fetch(`${base}/api/course/${what}`, { method: "PUT", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    } catch {
      throw new Error("The course does not answer; is it still running?");
    }
    const answer = await response.json().catch(() => ({}));
    if (!response.ok) throw new Error(answer.detail || `The course answered ${response.status}.`);
    return answer;
  }

  /* ---- review: a question is answered here, an exercise starts again on its page ---- */
  document.addEventListener("submit", async (event) => {
    const form = event.target.closest("form[data-question]");
    if (!form) return;
    event.preventDefault();
    const box = form.querySelector(".answer");
    const button = form.querySelector("button[type=submit]");
    if (form.dataset.hold !== undefined) { /* answered: the next press is "Go on" */
      delete form.dataset.hold;
      await refresh();
      document.getElementById("review").querySelector("summary, a, button")?.focus();
      return;
    }
    const chosen = form.querySelector("input:checked");
    if (!chosen) { box.textContent = "Choose an answer first."; return; }
    form.dataset.hold = ""; /* the panel must not be drawn anew under the learner's eyes */
    button.disabled = true;
    try {
      const said = await put("answer", { lesson: form.dataset.lesson, question: form.dataset.question, option: chosen.value });
      const head = document.createElement("strong");
      head.textContent = said.correct ? "✓ Right. " : "✗ Not right. It comes back tomorrow. ";
      head.className = said.correct ? "good" : "bad";
      const why = document.createElement("div");
      why.innerHTML = said.why; /* written by the course, raw HTML in it is escaped */
      box.replaceChildren(head, why);
      form.querySelector("fieldset").disabled = true;
      button.textContent = "Go on";
    } catch (error) {
      delete form.dataset.hold;
      box.textContent = error.message;
    }
    button.disabled = false;
  });

  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("[data-again]");
    if (!button) return;
    if (button.dataset.hold === undefined) { /* a question first: the cell is emptied */
      const said = document.createElement("span");
      const no = document.createElement("button");
      said.className = "hint";
      said.setAttribute("role", "status");
      no.type = "button";
      no.textContent = "Not now";
      no.addEventListener("click", () => { said.remove(); no.remove(); delete button.dataset.hold; button.textContent = "Write it again"; button.focus(); });
      button.dataset.hold = "";
      button.before(said);
      said.textContent = "Its cell goes back to the start; your answer is kept in .dlstudy/backups.";
      button.textContent = "Begin";
      button.after(no);
      return;
    }
    button.disabled = true;
    try {
      await put("again", { lesson: button.dataset.lesson, exercise: button.dataset.again });
      location.href = button.dataset.address;
    } catch (error) {
      button.disabled = false;
      const said = document.createElement("span");
      said.className = "bad";
      said.setAttribute("role", "alert");
      said.textContent = `Nothing was changed. ${error.message}`;
      button.after(said);
    }
  });

  /* ---- open pages: their memory, and a way to close them ---- */
  const pages = document.getElementById("pages");
  const tabs = (() => { try { return new BroadcastChannel("dls-pages"); } catch { return null; } })();
  let shown = "";

  async function openPages() {
    if (document.hidden) return;
    let found;
    try {
      const response = await fetch(`${base}/api/course/pages`, { cache: "no-store" });
      if (!response.ok) return;
      found = await response.json();
    } catch { return; }
    const now = JSON.stringify([found.idle_hours, found.pages.map((page) => [page.file, Math.round((page.memory || 0) / 2e7), state(page)])]);
    if (now === shown) return;
    shown = now;
    pages.hidden = !found.pages.length && !pages.querySelector(".said").textContent;
    const total = found.pages.reduce((sum, page) => sum + (page.memory || 0), 0);
    const focused = pages.contains(document.activeElement) ? document.activeElement.dataset.close || document.activeElement.id : null;
    pages.querySelector("h2").textContent = found.pages.length > 1 ? `Open pages, ${size(total)} in all` : "Open pages";
    pages.querySelector("ul").replaceChildren(...found.pages.map((page) => {
      const item = document.createElement("li");
      const link = document.createElement("a");
      link.href = `${base}/${page.file}`;
      link.textContent = page.title;
      const facts = document.createElement("span");
      facts.className = "facts";
      facts.textContent = [page.memory ? size(page.memory) : "", state(page)].filter(Boolean).join(", ");
      const close = document.createElement("button");
      close.type = "button";
      close.textContent = "Close";
      close.dataset.close = page.file;
      close.setAttribute("aria-label", `Close ${page.title} and free its memory`);
      item.append(link, facts, close);
      return item;
    }));
    const rule = pages.querySelector(".rule");
    if (!rule.firstChild) {
      const label = document.createElement("label");
      const select = document.createElement("select");
      select.id = "idle";
      for (const [value, words] of [["1", "1 hour"], ["4", "4 hours"], ["12", "12 hours"], ["never", "never"]]) {
        select.append(new Option(words, value));
      }
      label.append("A page keeps its results in memory. It is closed an hour after its tab was, or when nobody has used it for ", select, ". What you wrote is saved, and results come back when you open it again.");
      rule.append(label);
      select.addEventListener("change", () => put("idle", { hours: select.value }).catch((error) => { pages.querySelector(".said").textContent = error.message; }));
    }
    rule.querySelector("select").value = found.idle_hours;
    if (focused) (pages.querySelector(`[data-close="${CSS.escape(focused)}"]`) || document.getElementById(focused) || pages.querySelector("button, select"))?.focus();
  }

  function state(page) {
    if (page.running) return "running";
    const minutes = Math.floor(page.idle / 60);
    const when = minutes < 1 ? "in use" : minutes < 60 ? `not used for ${minutes} min` : `not used for ${Math.floor(minutes / 60)} h`;
    return page.connected ? when : "its tab is closed";
  }

  function size(bytes) {
    return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.round(bytes / 1e6)} MB`;
  }

  /* A tab that shows the page saves what was just typed and says so; where none answers, nothing was waiting. */
  function saveFirst(file) {
    if (!tabs) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => { clearTimeout(limit); tabs.removeEventListener("message", heard); resolve(); };
      const heard = (event) => { if (event.data.saved === file) done(); };
      const limit = setTimeout(done, 2500);
      tabs.addEventListener("message", heard);
      tabs.postMessage({ save: file });
    });
  }

  pages.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-close]");
    if (!button) return;
    const said = pages.querySelector(".said");
    button.disabled = true;
    try {
      await saveFirst(button.dataset.close);
      await put("close", { file: button.dataset.close });
      said.textContent = "Closed. What you wrote is saved.";
    } catch (error) {
      button.disabled = false;
      said.textContent = error.message;
    }
    shown = "";
    await openPages();
  });

  async function machine() {
    const response = await fetch(`${base}/api/course/machine`);
    if (!response.ok) return;
    const list = document.getElementById("machine");
    list.replaceChildren(...Object.entries(await response.json()).map(([name, value]) => {
      const box = document.createElement("div");
      const term = document.createElement("dt");
      const fact = document.createElement("dd");
      term.textContent = name;
      fact.textContent = value;
      box.append(term, fact);
      return box;
    }));
  }

  draw();
  poll();
  setInterval(poll, 1500);
  setTimeout(openPages, 100);
  setInterval(openPages, 5000);
  addEventListener("visibilitychange", () => { poll(); openPages(); });
  addEventListener("pageshow", (event) => { if (event.persisted) refresh(); });
  setTimeout(machine, 50);
})();
