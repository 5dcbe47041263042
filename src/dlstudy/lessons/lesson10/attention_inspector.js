// The attention inspector. The model runs in Python; here its weights are shown, one token at a time and all at once.

function render({ model, el }) {
  const root = frame(el, "Attention inspector", "inspector");
  const visible = (token) => token.replace(/\n/g, "⏎").replace(/ /g, "␣").replace(/\t/g, "⇥");
  const percent = (share) => `${share < 0.0995 ? (100 * share).toFixed(1) : Math.round(100 * share)} %`;
  let pinned = null; // the token that stays when the pointer goes away
  let waiting = null;

  // --- the controls -----------------------------------------------------------------------------------------------

  const typed = h("input", {
    type: "text",
    class: "dls-grow",
    "aria-label": "Text for the model",
    maxlength: String(model.get("longest")),
    spellcheck: "false",
    autocomplete: "off",
    value: model.get("text"),
  });
  typed.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      waiting = null;
      show(typed.value);
    }, 250);
  });
  function show(text) {
    pinned = null;
    send(model, { text });
  }
  const examples = model.get("examples");
  const menu = picker(
    "Texts to try",
    examples.map(([title]) => title),
    (i) => {
      typed.value = examples[i][1];
      show(examples[i][1]);
    },
  );
  const layers = h("span", { class: "holder" });
  const heads = h("span", { class: "holder" });

  const tokens = h("div", {
    class: "tokens",
    role: "listbox",
    tabindex: "0",
    "aria-label": "Tokens: arrow keys choose whose weights are shown",
  });
  const map = h("canvas", { class: "map", role: "img" });
  const bars = h("div", { class: "bars" });
  const words = h("p", { class: "dls-words", "aria-live": "polite" });
  root.append(
    h("div", { class: "dls-row" }, typed, menu),
    h("div", { class: "dls-row" }, layers, heads),
    tokens,
    h(
      "div",
      { class: "panels" },
      h("figure", {}, map, h("figcaption", {}, "every token's row; a click chooses one")),
      h("figure", { class: "next" }, h("figcaption", {}, "what the model expects after it"), bars),
    ),
    words,
  );

  function row(name, label, count) {
    const holder = name === "layer" ? layers : heads;
    const chosen = Math.min(model.get(name), count - 1);
    holder.replaceChildren(
      h("span", { class: "label" }, `${label} `),
      choice(
        label,
        Array.from({ length: count }, (_, i) => [i, String(i)]),
        chosen,
        (value) => {
          send(model, { [name]: value });
          draw();
        },
      ),
    );
    return chosen;
  }

  // --- the weights ------------------------------------------------------------------------------------------------

  let bytes = new Uint8Array(0);
  let packed = null;
  function weights() {
    const { weights: text } = model.get("reading");
    if (text !== packed) {
      packed = text;
      bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    }
    return bytes;
  }

  function choose(token, keep) {
    const { tokens: list } = model.get("reading");
    const next = Math.max(0, Math.min(list.length - 1, token));
    if (keep) pinned = next;
    if (next !== model.get("token")) send(model, { token: next });
    draw();
  }

  tokens.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const last = model.get("reading").tokens.length - 1;
    choose(Math.min(model.get("token"), last) + by, true); // the text may have become shorter
  });
  tokens.addEventListener("pointerleave", () => {
    if (pinned !== null && pinned !== model.get("token")) choose(pinned, true);
  });
  map.addEventListener("click", (event) => {
    const box = map.getBoundingClientRect();
    const { tokens: list } = model.get("reading");
    choose(Math.floor(((event.clientY - box.top) / box.height) * list.length), true);
  });

  // --- the picture ------------------------------------------------------------------------------------------------

  let drawn = null;
  let spans = [];
  function drawTokens(list) {
    const key = JSON.stringify(list);
    if (key === drawn) return;
    drawn = key;
    spans = list.map((token, i) => {
      const span = h("span", { class: "token", role: "option", id: `token-${i}`, "data-token": i }, visible(token));
      span.addEventListener("pointerenter", (event) => {
        if (event.pointerType === "mouse") {
          pinned ??= model.get("token");
          choose(i, false);
        }
      });
      span.addEventListener("click", () => choose(i, true));
      return span;
    });
    tokens.replaceChildren(...spans);
  }

  function drawMap(all, start, length, token) {
    const scale = Math.max(2, Math.floor(200 / length));
    if (map.width !== length * scale) {
      map.width = length * scale;
      map.height = length * scale;
    }
    const context = map.getContext("2d");
    const [paper, ink, accent] = ["--dls-bg", "--dls-blue", "--dls-orange"].map((name) => rgb(root, name));
    for (let t = 0; t < length; t += 1) {
      for (let k = 0; k < length; k += 1) {
        const share = (all[start + t * length + k] ?? 0) / 255;
        const colour = t === token ? accent : ink;
        const blend = k > t ? 0.04 : 0.1 + 0.9 * share;
        context.fillStyle = `rgb(${paper.map((value, i) => Math.round(value + (colour[i] - value) * blend)).join(",")})`;
        context.fillRect(k * scale, t * scale, scale, scale);
      }
    }
  }

  function rgb(node, name) {
    const text = getComputedStyle(node).getPropertyValue(name).trim();
    return [1, 3, 5].map((i) => parseInt(text.slice(i, i + 2), 16));
  }

  function draw() {
    const { tokens: list, layers: depth, heads: width, guesses, note } = model.get("reading");
    if (!list.length) {
      drawTokens([]);
      bars.replaceChildren();
      layers.replaceChildren();
      heads.replaceChildren();
      map.width = 0;
      say(words, note);
      return;
    }
    const length = list.length;
    const layer = row("layer", "layer", depth);
    const head = row("head", "head", width);
    const token = Math.min(model.get("token"), length - 1);
    drawTokens(list);
    const all = weights();
    const start = (layer * width + head) * length * length;
    const shares = list.map((_, k) => (all[start + token * length + k] ?? 0) / 255);
    spans.forEach((span, k) => {
      span.classList.toggle("chosen", k === token);
      span.classList.toggle("later", k > token);
      span.setAttribute("aria-selected", String(k === token));
      span.style.background =
        k > token ? "" : `color-mix(in srgb, var(--dls-blue) ${Math.round(shares[k] * 62)}%, var(--dls-bg))`;
      span.title = k > token ? "comes later: not seen" : percent(shares[k]);
    });
    tokens.setAttribute("aria-activedescendant", `token-${token}`);
    drawMap(all, start, length, token);
    map.setAttribute("aria-label", `Weights of layer ${layer}, head ${head}: ${length} rows of ${length}`);
    bars.replaceChildren(
      ...guesses[token].flatMap(([guess, chance]) => {
        const came = token + 1 < length && guess === list[token + 1];
        const bar = h("i", { class: came ? "came" : "" });
        bar.style.width = `${100 * chance}%`;
        return [
          h("span", { class: "name" }, visible(guess)),
          h("span", { class: "track" }, bar),
          h("span", { class: "number" }, percent(chance)),
        ];
      }),
    );
    const best = shares
      .map((share, k) => [share, k])
      .sort((a, b) => b[0] - a[0])
      .filter(([share]) => share >= 0.05)
      .slice(0, 4);
    const looked = best
      .map(
        ([share, k]) => `${percent(share)} at “${visible(list[k])}” (${k === token ? "itself" : `${token - k} back`})`,
      )
      .join(", ");
    const [guess, chance] = guesses[token][0];
    say(
      words,
      `Token ${token}, “${visible(list[token])}”, in layer ${layer}, head ${head}, looks ${looked || "a little everywhere"}. Next the model expects “${visible(guess)}” (${percent(chance)}). ${note}`.trim(),
    );
  }

  const unfollow = follow(model, ["reading", "layer", "head", "token"], () => {
    if (waiting === null && root.getRootNode().activeElement !== typed) typed.value = model.get("text");
    draw();
  });
  const observer = new MutationObserver(draw); // the map is a canvas, and does not follow the theme by itself
  observer.observe(document.body, { attributes: true, attributeFilter: ["class", "data-theme"] });
  draw();
  return () => {
    unfollow();
    observer.disconnect();
    clearTimeout(waiting);
  };
}

export default { render };
