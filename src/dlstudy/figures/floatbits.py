"""The float explorer: type a number, see its bits in three formats, flip a bit."""

from __future__ import annotations

import math
from typing import Any

import traitlets

from dlstudy.figures.floats import FORMATS, NumberError, explain, read_number
from dlstudy.figures.widget import Figure, module, stylesheet

#: Numbers worth a look, with what they show.
EXAMPLES = (
    ("0.1", "has no finite binary form"),
    ("65504", "the largest float16"),
    ("70000", "too large for float16"),
    ("1e-8", "too small for float16"),
    ("2**24 + 1", "the first whole number float32 skips"),
    ("1/3", "never ends"),
    ("257", "bfloat16 skips it"),
    ("6e-8", "subnormal in float16"),
    ("-0.0", "minus zero exists"),
    ("inf", "all exponent bits are 1"),
)


class FloatBits(Figure):
    """Show how a number is stored in float32, float16 and bfloat16.

    Args:
        number: a number, or a text such as ``"2**24 + 1"``.

    The traits ``number`` (a text) and ``flip`` (a format's name and the place of a bit from the left, for example
    ``["float16", 0]``) can be set from either side; ``report`` is what `dlstudy.figures.floats.explain` returned and
    ``error`` a sentence about a text that is no number.
    """

    _esm = module("floatbits")
    _css = stylesheet("floatbits")

    number = traitlets.Unicode("0.1").tag(sync=True)
    flip = traitlets.List().tag(sync=True)
    report = traitlets.Dict().tag(sync=True)
    error = traitlets.Unicode("").tag(sync=True)
    examples = traitlets.List().tag(sync=True)

    def __init__(self, number: float | str = "0.1") -> None:
        super().__init__(number=str(number), examples=[list(example) for example in EXAMPLES])
        self._update()
        self.observe(self._update, names=["number"])
        self.observe(self._flip, names=["flip"])

    def _update(self, change: Any = None) -> None:
        """Work the report out anew; on bad input keep the last one and say what is wrong."""
        try:
            report = explain(read_number(self.number))
        except NumberError as problem:
            self.error = str(problem)
            return
        with self.hold_trait_notifications():
            self.error = ""
            self.report = report

    def _flip(self, change: Any = None) -> None:
        """Turn one bit over and show the number that the new pattern stands for."""
        if len(self.flip) < 2:
            return
        name, bit = self.flip[0], int(self.flip[1])
        chosen = next(f for f in FORMATS if f.name == name)
        shown = next(one for one in self.report["formats"] if one["name"] == name)
        if not 0 <= bit < chosen.bits:
            raise ValueError(f"expected a bit from 0 to {chosen.bits - 1} of {name}, got {bit}")
        value = chosen.decode(int(shown["bits"], 2) ^ 1 << (chosen.bits - 1 - bit))
        self.flip = []  # so that flipping the same bit again is a change
        self.number = "nan" if math.isnan(value) else repr(value).removesuffix(".0") if value else repr(value)
