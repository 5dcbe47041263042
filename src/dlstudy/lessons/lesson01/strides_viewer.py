"""The strides viewer: one strip of memory, and the tensors that shape, strides and offset read from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import traitlets

from dlstudy.figures.widget import Figure, module, stylesheet
from dlstudy.lessons.lesson01.strides_viewer_numbers import ChainError, explain


def _digit() -> list[float]:
    """The pixels of the first "3" of the digits set, 64 numbers from 0 to 16."""
    from dlstudy import data

    digits = data.load("digits")
    three = int(np.flatnonzero(digits.labels == 3)[0])
    return [float(value) for value in digits.images[three].ravel()]


PRESETS: dict[str, tuple[str, tuple[int, ...], Callable[[], list[float]]]] = {
    "numbers": ("numbers (3, 4)", (3, 4), lambda: [float(i) for i in range(12)]),
    "digit": ("a real digit (8, 8)", (8, 8), _digit),
    "block": ("numbers (2, 3, 4)", (2, 3, 4), lambda: [float(i) for i in range(24)]),
}
"""Tensors to look at: a key, a title, a shape, and the numbers in memory."""

BUTTONS = (".T", "[1:]", "[:, ::2]", "[:, 1]", ".reshape(-1)", ".view(-1)", ".contiguous()")
"""Links that buttons append to the chain."""


class StridesViewer(Figure):
    """Show a strip of memory and the tensor that a chain of views reads from it.

    Args:
        preset: "numbers", "digit" or "block".
        chain: for example `x.T[:, ::2]`; see `strides_viewer_numbers.explain`.

    The traits `preset` and `chain` can be set from either side; `report` is what
    `strides_viewer_numbers.explain` returned and `error` a sentence about a chain that cannot be followed, in which
    case the last good one stays drawn.
    """

    _esm = module(__file__)
    _css = stylesheet(__file__)

    preset = traitlets.Enum(list(PRESETS), default_value="digit").tag(sync=True)
    chain = traitlets.Unicode("x").tag(sync=True)
    report = traitlets.Dict().tag(sync=True)
    error = traitlets.Unicode("").tag(sync=True)
    presets = traitlets.List().tag(sync=True)
    buttons = traitlets.List().tag(sync=True)

    def __init__(self, preset: str = "digit", chain: str = "x") -> None:
        super().__init__(
            preset=preset,
            chain=chain,
            presets=[[key, title] for key, (title, _, _) in PRESETS.items()],
            buttons=list(BUTTONS),
        )
        self._update()
        self.observe(self._update, names=["chain"])
        self.observe(self._start_over, names=["preset"])

    def tensor(self) -> tuple[Sequence[float], tuple[int, ...]]:
        """Return the numbers in memory and the shape of `x`."""
        _, shape, values = PRESETS[self.preset]
        return values(), shape

    def _start_over(self, change: Any = None) -> None:
        if self.chain == "x":
            self._update()
        else:
            self.chain = "x"

    def _update(self, change: Any = None) -> None:
        """Follow the chain anew; on bad input keep the last drawing and say what is wrong."""
        values, shape = self.tensor()
        try:
            report = explain(values, shape, self.chain)
        except ChainError as problem:
            self.error = str(problem)
            return
        with self.hold_trait_notifications():
            self.error = ""
            self.report = {**report, "picture": self.preset == "digit"}
