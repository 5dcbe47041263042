/* What every page of the course does: ask its server, and talk with its other tabs. */

const facts = document.getElementById("dls-page"); /* marimo's pages have it; our own write it on their body */
export const base = facts ? JSON.parse(facts.textContent).base : document.body.dataset.base;

/* Ask the course to do something; throws an error whose message is for the learner. */
export async function put(what, body, { keepalive = false } = {}) {
  let response;
  try {
    response = await fetch(`${base}/api/course/${what}`, {
      method: "PUT",
      keepalive,
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  } catch {
    throw new Error("The course does not answer; is it still running?");
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.detail || `The course answered ${response.status}.`);
  return answer;
}

/* What the course knows, as data; null where it does not answer. */
export async function look(what) {
  try {
    const response = await fetch(`${base}/api/course/${what}`, { cache: "no-store" });
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}

/* Ask for progress over and over, which is cheap: where nothing changed, nothing is sent. Returns a function that asks
   at once and tells the answer: "new" with the progress, "same" or "away". */
export function follower() {
  let tag = null;
  return async () => {
    try {
      const headers = tag ? { "If-None-Match": tag } : {};
      const response = await fetch(`${base}/api/progress`, { headers, cache: "no-store" });
      if (response.status === 304) return { state: "same" };
      if (!response.ok) return { state: "away" };
      const first = tag === null;
      tag = response.headers.get("ETag") || "";
      return { state: "new", first, progress: await response.json() };
    } catch {
      return { state: "away" };
    }
  };
}

export const tabs = (() => {
  try {
    return new BroadcastChannel("dls-pages");
  } catch {
    return null;
  }
})();

/* A tab that shows the page saves what was just typed and says so; where none answers in time, nothing was waiting. */
export function saveFirst(file, patience) {
  if (!tabs) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(limit);
      tabs.removeEventListener("message", heard);
      resolve();
    };
    const heard = (event) => {
      if (event.data.saved === file) end();
    };
    const limit = setTimeout(end, patience);
    tabs.addEventListener("message", heard);
    tabs.postMessage({ save: file });
  });
}
