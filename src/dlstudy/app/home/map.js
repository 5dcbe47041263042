/* The map: arrows between the lessons, and the way to a lesson, which lights up. */
import { s } from "./dom.js";

export const map = document.querySelector(".map");
const svg = map.querySelector(".edges");

export const cards = () => [...map.querySelectorAll(".card")];

export function draw() {
  svg.replaceChildren();
  if (getComputedStyle(svg).display === "none") return;
  const origin = map.getBoundingClientRect();
  const boxes = new Map();
  const rows = new Map();
  for (const card of cards()) {
    const r = card.getBoundingClientRect();
    const box = {
      left: r.left - origin.left,
      right: r.right - origin.left,
      top: r.top - origin.top,
      bottom: r.bottom - origin.top,
      row: Number(card.dataset.row),
      card,
    };
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
    const height = from.top + 26;
    points.push([from.right, height], [to.left - 2, height]);
    tip = [to.left, height, 0];
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
  const [x, y, turn] = tip;
  const walked = from.card.classList.contains("complete");
  svg.append(
    s(
      "g",
      { "data-from": need, "data-to": to.card.dataset.number, class: walked && "walked" },
      s("path", { d: rounded(points, 9) }),
      s("path", { class: "head", d: "M0 0 L-7 -4 L-7 4 Z", transform: `translate(${x} ${y}) rotate(${turn})` }),
    ),
  );
}

function rounded(points, radius) {
  const path = points.filter((p, i) => i === 0 || p[0] !== points[i - 1][0] || p[1] !== points[i - 1][1]);
  let d = `M${path[0].join(" ")}`;
  for (let i = 1; i < path.length - 1; i++) {
    const [before, at, after] = [path[i - 1], path[i], path[i + 1]];
    const r = Math.min(radius, distance(before, at) / 2, distance(at, after) / 2);
    const a = towards(at, before, r);
    const b = towards(at, after, r);
    d += ` L${a.join(" ")} Q${at.join(" ")} ${b.join(" ")}`;
  }
  return `${d} L${path.at(-1).join(" ")}`;
}

const distance = (a, b) => Math.hypot(b[0] - a[0], b[1] - a[1]);

function towards(from, to, far) {
  const share = far / (distance(from, to) || 1);
  return [from[0] + (to[0] - from[0]) * share, from[1] + (to[1] - from[1]) * share];
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
      if (edge) {
        edge.classList.add("lit");
        svg.append(edge);
      }
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
