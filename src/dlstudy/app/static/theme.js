/* Light, dark, or what the system says: decided before anything is painted, kept in a cookie, followed by every page. */
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;

  function choice() {
    const found = document.cookie.match(/(?:^|; )dls_theme=(light|dark)/);
    return found ? found[1] : "system";
  }

  function shown() {
    const chosen = choice();
    return chosen === "system" ? (dark.matches ? "dark" : "light") : chosen;
  }

  function apply() {
    root.dataset.theme = shown();
    root.style.colorScheme = shown();
    /* The page engine follows this attribute of the body, which editors that embed it set; without it, the system. */
    if (document.body) {
      if (choice() === "system") delete document.body.dataset.vscodeThemeKind;
      else document.body.dataset.vscodeThemeKind = `vscode-${choice()}`;
    }
    for (const button of document.querySelectorAll("[data-theme-toggle]")) {
      const other = shown() === "dark" ? "light" : "dark";
      button.setAttribute("aria-label", `Use the ${other} colours`);
      button.title = `Use the ${other} colours`;
    }
  }

  function toggle() {
    const next = shown() === "dark" ? "light" : "dark";
    const system = dark.matches ? "dark" : "light";
    /* Choosing what the system shows anyway means: follow the system. */
    document.cookie =
      next === system
        ? "dls_theme=; path=/; max-age=0; samesite=strict"
        : `dls_theme=${next}; path=/; max-age=31536000; samesite=strict`;
    apply();
    try {
      new BroadcastChannel("dls-theme").postMessage(next);
    } catch {
      /* one tab only */
    }
  }

  apply();
  dark.addEventListener("change", apply);
  document.addEventListener("DOMContentLoaded", apply);
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("[data-theme-toggle]")) toggle();
  });
  try {
    new BroadcastChannel("dls-theme").addEventListener("message", apply);
  } catch {
    /* one tab only */
  }
})();
