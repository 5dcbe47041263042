"""A proof on a page: our results beside a reference's, case by case, and the largest errors as a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from dlstudy.figures import tables


def largest_error(ours: Iterable[Any], theirs: Iterable[Any], *, relative: bool = False) -> float:
    """Return the largest absolute difference of any element, over pairs of arrays or tensors; 0 where there is none.

    `relative` divides each pair's by the largest absolute number of `theirs`. A result that is not a number is an error
    that is not a number. ValueError where one side has more results than the other, or results of another shape.
    """
    return float(np.max([_error(a, b, relative) for a, b in zip(ours, theirs, strict=True)], initial=0.0))


def _error(ours: Any, theirs: Any, relative: bool) -> float:
    mine, right = _array(ours), _array(theirs)
    if mine.shape != right.shape:
        raise ValueError(f"expected a result of shape {right.shape}, got {mine.shape}")
    if not right.size:
        return 0.0
    error = np.abs(mine - right).max()
    return float(error / max(np.abs(right).max(), 1e-12) if relative else error)


def _array(value: Any) -> np.ndarray:
    return np.asarray(value if isinstance(value, np.ndarray) else value.detach().numpy())


class Proof:
    """The rows of a proof: for each thing compared, how many cases, and the largest errors of values and gradients.

    Args:
        what: heads the names of what is compared, such as "layer".
        cases: heads how many were compared; "" where every name is compared once.
    """

    def __init__(self, what: str, cases: str = "") -> None:
        self._what, self._cases = what, cases
        self._rows: dict[str, dict[str, Any]] = {}

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One row for each name, in the order of their first cases; a "gradient error" of None was never compared."""
        return list(self._rows.values())

    def case(self, name: str, ours: Sequence[Any], theirs: Sequence[Any], *, values: int = 1) -> None:
        """Compare two lists of results, first so many values, then gradients.

        Raises ValueError as `largest_error` does.
        """
        row = self._rows.get(name)
        if row is None:
            counted = {self._cases: 0} if self._cases else {}
            row = self._rows[name] = {self._what: name, **counted, "value error": 0.0, "gradient error": None}
        if self._cases:
            row[self._cases] += 1
        found = {"value error": slice(values), "gradient error": slice(values, None)}
        for kind, part in found.items():
            if ours[part] or theirs[part]:
                row[kind] = float(np.max([row[kind] or 0.0, self._error(name, ours[part], theirs[part])]))

    @staticmethod
    def _error(name: str, ours: Sequence[Any], theirs: Sequence[Any]) -> float:
        try:
            return largest_error(ours, theirs)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows that share their keys as a Markdown table under these keys.

    Errors are written in powers of ten, ratios of times in two decimals; None is what was compared only forward.
    """
    return tables.markdown(list(rows[0]), [[_words(value) for value in row.values()] for row in rows])


def _words(value: Any) -> str:
    if value is None:
        return "only forward"
    if not isinstance(value, float):
        return str(value)
    return f"{value:.1e}" if 0 < abs(value) < 0.01 else "0" if value == 0 else f"{value:.2f}"
