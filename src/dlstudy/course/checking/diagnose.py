"""Say what is odd about a wrong result that no known mistake explains: sign, scale, order of axes, all zeros."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from dlstudy.course.checking.compare import Difference, arrays_in, difference, to_array

if TYPE_CHECKING:
    from dlstudy.course.checking.case import Case, Check, Outcome

_Pattern = Callable[["Check", "Case", "Outcome", "Outcome"], str]


def diagnose(made: "Check", outcomes: list["Outcome"], number: int, found: Difference) -> str:
    """Return one sentence about a pattern that holds in every wrong case, or an empty text.

    A pattern that holds in one case only may be chance (2 is twice 1); so one case alone counts only if it is all
    there is.
    """
    if found.kind == "changed":
        return (
            f"{' and '.join(outcomes[number].changed)} belongs to whoever called: which line writes into it, and what "
            "could that line make instead?"
        )
    if found.kind in ("dtype", "raises", "none", "type", "unusable"):
        return ""
    wrong = [
        (case, outcome, expected)
        for case, outcome, expected in zip(made.cases, outcomes, made.expected)
        if made.difference(outcome, expected) is not None
    ]
    for pattern in (_zeros, _input, _sign, _transposed, _scale, _offset):
        said = [pattern(made, case, outcome, expected) for case, outcome, expected in wrong]
        if said and said[0] and all(text == said[0] for text in said):
            return said[0] if pattern not in (_scale, _offset) or _numbers(wrong) > 1 else ""
    return ""


def _numbers(wrong: "list[tuple[Case, Outcome, Outcome]]") -> int:
    """How many numbers other than zero a pattern was seen in: to a single one, some factor always fits."""
    pairs = [_pair(outcome, expected) for _, outcome, expected in wrong]
    return sum(int(np.count_nonzero(pair[1])) for pair in pairs if pair)


def _pair(outcome: "Outcome", expected: "Outcome") -> tuple[np.ndarray, np.ndarray] | None:
    """The result and what was expected as numeric arrays, where both are such."""
    if outcome.raised is not None or expected.raised is not None:
        return None
    values = []
    for value in (outcome.value, expected.value):
        try:
            array = to_array(value)
        except Exception:  # odd tensors, and a learner's own classes, have errors of their own
            return None
        if array.dtype.kind not in "iufc" or not array.size:
            return None
        values.append(array)
    return values[0], values[1]


def _zeros(made: "Check", case: "Case", outcome: "Outcome", expected: "Outcome") -> str:
    pair = _pair(outcome, expected)
    if pair and not pair[0].any() and pair[1].any():
        return "Every number that came is zero: is what you work out also what you return?"
    return ""


def _input(made: "Check", case: "Case", outcome: "Outcome", expected: "Outcome") -> str:
    for name, value in zip(made.parameters, case.args):
        if arrays_in(value) and outcome.raised is None and difference(outcome.value, value, made.tolerance) is None:
            return f"What came is {name} itself, unchanged."
    return ""


def _sign(made: "Check", case: "Case", outcome: "Outcome", expected: "Outcome") -> str:
    pair = _pair(outcome, expected)
    if pair and pair[0].shape == pair[1].shape and pair[1].any() and made.tolerance.close(-pair[0], pair[1]).all():
        return "The size is right and the sign is the other way round."
    return ""


def _transposed(made: "Check", case: "Case", outcome: "Outcome", expected: "Outcome") -> str:
    pair = _pair(outcome, expected)
    if not pair or pair[1].ndim < 2 or pair[0].T.shape != pair[1].shape:
        return ""
    if made.tolerance.close(pair[0].T, pair[1]).all():
        return "It is the right result with its axes in the reverse order: where does a transpose belong?"
    return ""


def _scale(made: "Check", case: "Case", outcome: "Outcome", expected: "Outcome") -> str:
    pair = _pair(outcome, expected)
    if not pair or pair[0].shape != pair[1].shape or not pair[1].any() or not pair[0].any():
        return ""
    if any(array.dtype.kind == "c" for array in pair):
        return ""
    got, wanted = pair[0].astype(np.float64), pair[1].astype(np.float64)
    if not (np.isfinite(got).all() and np.isfinite(wanted).all()):
        return ""
    ratio = float(np.vdot(wanted, got) / np.vdot(wanted, wanted))
    if abs(ratio - 1) < 1e-3 or not np.allclose(got, ratio * wanted, rtol=1e-5, atol=1e-8):
        return ""
    sizes = {size for value in case.args for array in arrays_in(value) for size in _sizes(array)}
    if any(size > 2 and abs(ratio - size) < 1e-6 * size for size in sizes):
        return "Every number is as many times too large as elements went in: is a sum standing where a mean belongs?"
    if any(size > 2 and abs(ratio * size - 1) < 1e-6 for size in sizes):
        return "Every number is as many times too small as elements went in: is a mean standing where a sum belongs?"
    return f"Every number is {ratio:.4g} times what it should be: where does that factor come from?"


def _sizes(array: Any) -> tuple[int, ...]:
    """The lengths of an array's or a tensor's axes, and how many elements it has."""
    return (*array.shape, math.prod(array.shape))


def _offset(made: "Check", case: "Case", outcome: "Outcome", expected: "Outcome") -> str:
    pair = _pair(outcome, expected)
    if not pair or pair[0].shape != pair[1].shape or not all(array.dtype.kind in "iu" for array in pair):
        return ""
    if any(np.abs(array.astype(np.float64)).max() > 2**60 for array in pair):
        return ""
    gaps = np.unique(pair[0].astype(np.int64) - pair[1].astype(np.int64))
    if gaps.size == 1 and abs(gaps[0]) == 1:
        return f"Every number is one too {'large' if gaps[0] > 0 else 'small'}: where does counting start?"
    return ""
