"""The architecture explorer: for a model and a size of image what each stage makes, holds, computes, keeps and sees."""

from __future__ import annotations

from typing import Any

import traitlets

from dlstudy.figures.widget import Figure, module, stylesheet
from dlstudy.lessons.lesson06 import architecture_explorer_numbers as architectures
from dlstudy.models.registry import REGISTRY

STEP = 8
"""Sizes on offer; the slider takes every multiple of 8 in between."""


class ArchitectureExplorer(Figure):
    """Show the stages of a model as boxes and as a table, for a size of image and a batch.

    Args:
        model: a name of `architectures.names()`, such as "resnet50".
        size: side of the images in pixels, `architectures.SMALLEST` to `LARGEST`; by default the model's own.
        batch: images at a time, 1 to 512.
        beside: another model to compare with, or nothing.

    The traits `model`, `size`, `batch`, `beside`, `shown` (which cost the bars show) and `stage` (the row
    that is explained) can be set from either side; `rows`, `totals` and `other` follow them and hold what is
    drawn. A name that is not there is answered in `problem`, and the rows stay.
    """

    _esm = module(__file__)
    _css = stylesheet(__file__)

    model = traitlets.Unicode("resnet50").tag(sync=True)
    beside = traitlets.Unicode("").tag(sync=True)
    size = traitlets.Int(224, min=architectures.SMALLEST, max=architectures.LARGEST).tag(sync=True)
    batch = traitlets.Int(1, min=1, max=512).tag(sync=True)
    shown = traitlets.Enum(["parameters", "multiply_adds", "activation_bytes"], "multiply_adds").tag(sync=True)
    stage = traitlets.Int(1, min=0).tag(sync=True)
    models = traitlets.List().tag(sync=True)
    limits = traitlets.List([architectures.SMALLEST, architectures.LARGEST, STEP]).tag(sync=True)
    rows = traitlets.List().tag(sync=True)
    totals = traitlets.Dict().tag(sync=True)
    other = traitlets.Dict().tag(sync=True)
    problem = traitlets.Unicode("").tag(sync=True)

    def __init__(
        self, model: str = "resnet50", size: int | None = None, *, batch: int = 1, beside: str = "", stage: int = 1
    ) -> None:
        models: list[Any] = [
            [name, REGISTRY[name].title, REGISTRY[name].image_size or 224] for name in architectures.names()
        ]
        own = {name: side for name, _, side in models}
        for name in filter(None, (model, beside)):
            if name not in own:
                raise ValueError(f"expected one of {', '.join(own)}; got {name!r}")
        super().__init__(
            model=model, size=size or own[model], batch=batch, beside=beside, stage=stage, models=models
        )  # fmt: skip
        self.observe(self._changed, names=["model", "beside", "size", "batch"])
        self._changed()

    def _changed(self, _: Any = None) -> None:
        """Work out the table again."""
        try:
            stages = architectures.stages(self.model, self.size, self.batch)
            other = architectures.stages(self.beside, self.size, self.batch) if self.beside else []
        except ValueError as error:
            self.problem = str(error)
            return
        self.problem = ""
        with self.hold_sync():
            self.rows = [vars(stage) for stage in stages]
            self.totals = _totals(stages)
            self.other = _totals(other) if other else {}


def _totals(stages: list[architectures.StageCost]) -> dict[str, int]:
    return {
        name: sum(getattr(stage, name) for stage in stages)
        for name in ("parameters", "multiply_adds", "activation_bytes")
    }
