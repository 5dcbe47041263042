"""The backprop stepper: two layers in numbers; step back through them, and ask each number where it is from."""

from __future__ import annotations

from typing import Any

import traitlets

from dlstudy.figures.widget import Figure, module, stylesheet
from dlstudy.lessons.lesson03.backprop_stepper_numbers import (
    LABELS,
    PARAMETERS,
    PRESETS,
    X,
    compute,
    explain,
    parameters_of,
)


class BackpropStepper(Figure):
    """Show the forward and backward pass of a network of two layers, one line of code at a time, in numbers.

    Args:
        preset: where to begin, a key of `backprop_stepper_numbers.PRESETS`.
        rate: learning rate of the button that takes a step downhill.

    The traits `preset`, `rate`, `step` and `descents` (how many steps downhill were taken from the preset) can
    be set from either side. `shown` is what `backprop_stepper_numbers.explain` returned, `losses` holds the loss
    before each step downhill, and now. Raises ValueError for an unknown preset.
    """

    _esm = module(__file__)
    _css = stylesheet(__file__)

    preset = traitlets.Unicode("usual").tag(sync=True)
    presets = traitlets.List().tag(sync=True)
    rate = traitlets.Float(1.0).tag(sync=True)
    step = traitlets.Int(0).tag(sync=True)
    descents = traitlets.Int(0).tag(sync=True)
    shown = traitlets.Dict().tag(sync=True)
    losses = traitlets.List().tag(sync=True)

    def __init__(self, preset: str = "usual", *, rate: float = 1.0) -> None:
        if preset not in PRESETS:
            raise ValueError(f"expected a preset out of {', '.join(PRESETS)}, got {preset!r}")
        super().__init__(
            preset=preset, rate=rate, presets=[{"id": key, "title": title} for key, (title, _, _) in PRESETS.items()]
        )
        self._begin()
        self.observe(self._begin, names=["preset"])
        self.observe(self._descend, names=["descents"])
        self.observe(self._clamp, names=["step"])

    def _begin(self, change: Any = None) -> None:
        """Go back to the weights of the preset; an unknown preset changes nothing."""
        if self.preset not in PRESETS:
            self.preset = change["old"]
            return
        self._parameters = parameters_of(self.preset)
        self._taken = 0
        self.losses = []
        self.descents = 0
        self.step = 0
        self._show(PRESETS[self.preset][1])

    def _descend(self, change: Any) -> None:
        """Take the steps downhill that were asked for; fewer than before means from the start again."""
        if self.descents < self._taken:
            asked = self.descents
            self._begin()
            self.descents = asked
            return
        while self._taken < min(self.descents, 1000):
            arrays = compute(X, LABELS, self._parameters)
            for name in PARAMETERS:
                self._parameters[name] = self._parameters[name] - self.rate * arrays[f"g_{name}"]
            self._taken += 1
            if self._taken < self.descents:
                self.losses = [*self.losses, float(compute(X, LABELS, self._parameters)["L"])]
        if self._taken:
            times = "one step" if self._taken == 1 else f"{self._taken} steps"
            self._show(f"These are the weights after {times} downhill.")

    def _show(self, note: str) -> None:
        self.shown = explain(self._parameters, note)
        self.losses = [*self.losses, self.shown["loss"]]

    def _clamp(self, change: Any) -> None:
        self.step = min(max(self.step, 0), len(self.shown["steps"]) - 1)
