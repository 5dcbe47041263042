/* Two versions of a lesson: choose for each place, look at the result, put them together, take it back. */
(() => {
  const { base, file } = document.body.dataset;
  const form = document.getElementById("merge");
  const done = document.getElementById("done");
  const preview = document.getElementById("preview");
  const tabs = (() => { try { return new BroadcastChannel("dls-pages"); } catch { return null; } })();

  const sides = () => Object.fromEntries([...form.querySelectorAll("input:checked")].map((one) => [one.name, one.value]));

  async function put(what, body) {
    let response;
    try {
      response = await fetch(`${base}/api/course/${what}`, { method: "PUT", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ file, ...body }) });
    } catch {
      throw new Error("The course does not answer; is it still running?");
    }
    const answer = await response.json().catch(() => ({}));
    if (!response.ok) throw new Error(answer.detail || `The course answered ${response.status}.`);
    return answer;
  }

  /* A tab that shows the page saves what was just typed, so that the choice is about the text as it is. */
  function saveFirst() {
    if (!tabs) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => { clearTimeout(limit); tabs.removeEventListener("message", heard); resolve(); };
      const heard = (event) => { if (event.data.saved === file) end(); };
      const limit = setTimeout(end, 1500);
      tabs.addEventListener("message", heard);
      tabs.postMessage({ save: file });
    });
  }

  async function look() {
    preview.querySelector("pre").textContent = (await put("merge/preview", { sides: sides() })).text;
    preview.hidden = false;
  }

  function tell(error) {
    const said = form ? form.querySelector(".problem-said") : done.querySelector(".said");
    said.textContent = error.message;
  }

  form?.addEventListener("change", () => { if (!preview.hidden) look().catch(tell); });
  form?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("[type=submit]");
    button.disabled = true;
    form.querySelector(".problem-said").textContent = "";
    try {
      await saveFirst();
      const answer = await put("merge", { sides: sides(), stamp: form.dataset.stamp });
      tabs?.postMessage({ reload: file });
      form.hidden = true;
      preview.hidden = true;
      done.hidden = false;
      done.querySelector(".said").textContent = `Done. Your page as it was is kept in ${answer.backup}.`;
      if (!done.querySelector("[data-do=undo]")) {
        const back = document.createElement("button");
        back.type = "button";
        back.dataset.do = "undo";
        back.textContent = "Take it back";
        done.querySelector(".buttons").append(back);
      }
      done.querySelector("a").focus();
    } catch (error) {
      tell(error);
      button.disabled = false;
    }
  });

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-do], [data-all]");
    if (!button) return;
    if (button.dataset.all !== undefined) {
      for (const one of form.querySelectorAll("input[type=radio]")) {
        one.checked = one.value === (button.dataset.all || one.dataset.proposed);
      }
      if (!preview.hidden) look().catch(tell);
    } else if (button.dataset.do === "preview") {
      await look().then(() => { preview.scrollIntoView({ block: "start" }); preview.querySelector("pre").focus(); }).catch(tell);
    } else if (button.dataset.do === "undo") {
      button.disabled = true;
      try {
        await saveFirst();
        await put("merge/undo", {});
        tabs?.postMessage({ reload: file });
        location.reload();
      } catch (error) {
        button.disabled = false;
        done.querySelector(".said").textContent = error.message;
      }
    }
  });
})();
