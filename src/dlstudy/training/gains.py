"""What a change gained, and how sure that is: means over seeds with their standard errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Numbers = Sequence[float] | np.ndarray


@dataclass(frozen=True)
class Gain:
    """A mean and its standard error; a format such as `f"{gain:.1f}"` writes both: "24.0 ± 4.0"."""

    mean: float
    error: float

    @property
    def clear(self) -> bool:
        """Whether the sign is beyond doubt here: more than two standard errors from nought."""
        return abs(self.mean) > 2 * self.error

    def __rmul__(self, factor: float) -> Gain:
        """Return the gain in another unit: `100 * gain` is in points where `gain` is in shares."""
        return Gain(factor * self.mean, abs(factor) * self.error)

    def __format__(self, how: str) -> str:
        digits = how[how.index(".") :] if "." in how else ""  # an error has no sign, and no width of its own
        return f"{self.mean:{how}} ± {self.error:{digits}}"


def paired(after: Numbers, before: Numbers) -> Gain:
    """Return the gain of `after` over `before`, seed by seed: mean and standard error of the differences.

    Raises ValueError unless there are as many of one as of the other, and two at least.
    """
    if len(after) != len(before):
        raise ValueError(f"expected a value before for every value after, got {len(before)} and {len(after)}")
    return mean_of(np.subtract(after, before))


def mean_of(values: Any) -> Gain:
    """Return the mean of independent values and its standard error, s / √n, where s divides by n - 1.

    Raises ValueError for fewer than two values, which say nothing about an error.
    """
    values = np.asarray(values, float)
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(f"expected two or more values in a row, got the shape {values.shape}")
    return Gain(float(values.mean()), float(values.std(ddof=1) / len(values) ** 0.5))
