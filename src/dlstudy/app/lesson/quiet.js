/* What marimo's page does for people who make notebooks, and would startle a reader, it does not do here. */
import { boxIn, cellOf, isInEditor, isProseBox } from "./marimo.js";

/* A double click on a word of the prose would open its source. */
addEventListener(
  "dblclick",
  (event) => {
    const box = boxIn(event.target);
    if (box && isProseBox(box) && !isInEditor(event.target)) event.stopPropagation();
  },
  { capture: true },
);

/* Shift and Backspace would delete the whole box; a writer who holds Shift means one letter. */
addEventListener(
  "keydown",
  (event) => {
    if (!(event.shiftKey && event.key === "Backspace" && cellOf(event.target))) return;
    event.preventDefault();
    event.stopPropagation();
    if (isInEditor(event.target)) document.execCommand("delete");
  },
  { capture: true },
);
