// Drawing on a grid of pixels with a mouse, a finger, a pen or the keyboard. Put in front of figures that are drawn on.

// Let `node` be drawn on. It shows `rows` x `columns` pixels edge to edge; positions are in pixels, (0, 0) is the upper
// left corner of the upper left pixel. `paint(y, x, first)` is called along the way of the pointer, at most half a pixel
// apart. By keyboard a cursor moves with the arrow keys; Space puts the pen down and lifts it, and while it is down every
// step paints. `moved(cursor, down)` shows the cursor, `key(event, cursor)` sees all other keys and returns true if it
// used one. Returns {cursor, lift}.
function drawable(node, { rows, columns, paint, moved, key = () => false }) {
  const hand = { cursor: [Math.floor(rows / 2), Math.floor(columns / 2)], down: false };
  let last = null;

  function position(event) {
    const box = node.getBoundingClientRect();
    return [((event.clientY - box.top) / box.height) * rows, ((event.clientX - box.left) / box.width) * columns];
  }

  function walk(from, to) {
    const steps = Math.max(1, Math.ceil(Math.hypot(to[0] - from[0], to[1] - from[1]) * 2));
    for (let n = 1; n <= steps; n += 1) {
      const t = n / steps;
      paint(from[0] + (to[0] - from[0]) * t, from[1] + (to[1] - from[1]) * t, false);
    }
  }

  node.style.touchAction = "none"; // a finger draws here and does not scroll the page
  node.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    node.focus({ preventScroll: true });
    node.setPointerCapture(event.pointerId);
    last = position(event);
    paint(last[0], last[1], true);
  });
  node.addEventListener("pointermove", (event) => {
    if (!last) return;
    for (const one of event.getCoalescedEvents?.() ?? [event]) {
      const next = position(one);
      walk(last, next);
      last = next;
    }
  });
  const up = () => {
    last = null;
  };
  node.addEventListener("pointerup", up);
  node.addEventListener("pointercancel", up);

  const middle = () => [hand.cursor[0] + 0.5, hand.cursor[1] + 0.5];
  const lift = () => {
    hand.down = false;
    moved(hand.cursor, false);
  };
  node.addEventListener("keydown", (event) => {
    const way = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (way) {
      const before = middle();
      hand.cursor = [
        Math.min(rows - 1, Math.max(0, hand.cursor[0] + way[0])),
        Math.min(columns - 1, Math.max(0, hand.cursor[1] + way[1])),
      ];
      if (hand.down) walk(before, middle());
    } else if (event.key === " " || event.key === "Enter") {
      hand.down = !hand.down;
      if (hand.down) paint(...middle(), true);
    } else if (!key(event, hand.cursor)) return;
    event.preventDefault();
    moved(hand.cursor, hand.down);
  });
  node.addEventListener("focus", () => moved(hand.cursor, hand.down));
  node.addEventListener("blur", () => {
    hand.down = false;
    moved(null, false);
  });
  return {
    get cursor() {
      return hand.cursor;
    },
    lift,
  };
}
