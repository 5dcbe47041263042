"""The broadcasting visualiser: change two or three shapes and see what stretches, what clashes and what sums back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import traitlets

from dlstudy.figures.widget import Figure, module, stylesheet
from dlstudy.lessons.lesson01.broadcast_visualiser_numbers import ShapeError, explain, read_shape

EXAMPLES: tuple[tuple[str, tuple[tuple[int, ...], ...]], ...] = (
    ("A column and a row", ((3, 1), (4,))),
    ("A bias for every row", ((4, 3), (3,))),
    ("One number for all", ((2, 3), ())),
    ("Does not fit: 3 against 4", ((3, 4), (3,))),
    ("A mean per image", ((2, 3, 4), (2, 1, 1))),
    ("Both stretch, in three dimensions", ((2, 1, 4), (3, 1))),
    ("Three at once", ((3, 1), (1, 4), (2, 1, 1))),
)
"""Worked examples: a title and shapes."""


class BroadcastVisualiser(Figure):
    """Show how arrays of the given shapes are broadcast together, and how the gradient finds its way back.

    Args:
        a, b, c: shapes of at most 3 dimensions with sizes 1 to 5; `c` may be left out.
        backward: start with the gradients on their way back instead of the values.

    The traits `shapes` (lists, or texts such as `"3, 1"`) and `mode` ("forward" or "backward") can be set from
    either side; `report` is what `broadcast_visualiser_numbers.explain` returned and `error` a sentence about a
    shape that cannot be drawn, in which case the last good picture stays.
    """

    _esm = module(__file__)
    _css = stylesheet(__file__)

    shapes = traitlets.List().tag(sync=True)
    mode = traitlets.Unicode("forward").tag(sync=True)
    report = traitlets.Dict().tag(sync=True)
    error = traitlets.Unicode("").tag(sync=True)
    examples = traitlets.List().tag(sync=True)

    def __init__(
        self,
        a: Sequence[int] = (3, 1),
        b: Sequence[int] = (4,),
        c: Sequence[int] | None = None,
        *,
        backward: bool = False,
    ) -> None:
        shapes = [a, b] if c is None else [a, b, c]
        super().__init__(
            shapes=[list(read_shape(shape)) for shape in shapes],
            mode="backward" if backward else "forward",
            examples=[{"title": title, "shapes": [list(s) for s in shapes]} for title, shapes in EXAMPLES],
        )
        self._restoring = False
        self._update()
        self.observe(self._update, names=["shapes"])

    @traitlets.validate("mode")
    def _known_mode(self, proposal: Any) -> str:
        if proposal["value"] not in ("forward", "backward"):
            raise traitlets.TraitError(f"expected mode 'forward' or 'backward', got {proposal['value']!r}")
        return str(proposal["value"])

    def _update(self, change: Any = None) -> None:
        """Work the report out anew; on bad input put the last good shapes back and say what is wrong."""
        if self._restoring:
            return
        try:
            if not 2 <= len(self.shapes) <= 3:
                raise ShapeError(f"Expected two or three shapes, got {len(self.shapes)}.")
            shapes = [read_shape(shape) for shape in self.shapes]
        except ShapeError as problem:
            self._restoring = True
            self.shapes = [array["shape"] for array in self.report["arrays"]]
            self._restoring = False
            self.error = str(problem)
            return
        with self.hold_trait_notifications():
            self.error = ""
            self.shapes = [list(shape) for shape in shapes]
            self.report = explain(shapes)
