"""The float explorer: type a number, see its bits in three formats, flip a bit."""

from __future__ import annotations

from typing import Any

import traitlets

from dlstudy.figures.widget import Figure, module, stylesheet
from dlstudy.lessons.lesson01.float_bits_numbers import FORMATS, NumberError, explain, read_number

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
"""Numbers worth a look, with what they show."""


class FloatBits(Figure):
    """Show how a number is stored in float32, float16 and bfloat16.

    Args:
        number: a number, or a text such as `"2**24 + 1"`.

    The traits `number` (a text) and `pattern` (a format's name and its bits, for example
    `["float16", "0011..."]`; setting the same pattern twice is harmless) can be set from either side; `report` is
    what `float_bits_numbers.explain` returned and `error` a sentence about a text that is no number.
    """

    _esm = module(__file__)
    _css = stylesheet(__file__)

    number = traitlets.Unicode("0.1").tag(sync=True)
    pattern = traitlets.List().tag(sync=True)
    report = traitlets.Dict().tag(sync=True)
    error = traitlets.Unicode("").tag(sync=True)
    examples = traitlets.List().tag(sync=True)

    def __init__(self, number: float | str = "0.1") -> None:
        super().__init__(number=str(number), examples=[list(example) for example in EXAMPLES])
        self._update()
        self.observe(self._update, names=["number"])
        self.observe(self._decode, names=["pattern"])

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

    def _decode(self, change: Any = None) -> None:
        """Show the number that a bit pattern stands for."""
        if len(self.pattern) != 2:
            return
        name, bits = self.pattern
        chosen = next(
            (f for f in FORMATS if f.name == name and f.bits == len(bits) and not set(bits) - {"0", "1"}), None
        )
        if chosen is None:
            raise ValueError(f"expected a format's name and all its bits, got {self.pattern!r}")
        value = chosen.decode(int(bits, 2))
        self.pattern = []  # so that the same pattern counts as a change again after another number
        self.number = repr(value).removesuffix(".0") if value else repr(value)
