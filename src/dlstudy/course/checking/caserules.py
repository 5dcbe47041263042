"""What a list of cases must hold: ties, a zero, an axis of one, a random order, and each error that is promised.

Mistakes hide where a case list has none of them: `<` for `<=` without ties, a division without zeros, a lost axis
without an axis of length one, a sort that is not there when everything comes in order. An exercise for which one makes
no sense says why in its `cannot`, under the rule's name: `case-ties = "the labels are all different"`.
"""

import ast
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from dlstudy.course.checking.case import Check
from dlstudy.course.checking.compare import arrays_in, to_array
from dlstudy.course.content.exercises import Exercise

RULES = {
    "case-ties": "no case has two numbers that are equal in one array",
    "case-zero": "no case has a zero among its numbers",
    "case-one": "no case has an axis of length one, or a list of one item",
    "case-order": "in every case the numbers come in order",
    "promised-error": "",
}
"""What is said of a case list that breaks the rule; a promised error is named by its own sentence."""
_PROMISE = re.compile(r"[Rr]aises?:?\s+(?:an? )?`?(\w+Error)")


def lacking(exercise: Exercise, made: Check) -> dict[str, str]:
    """Return what the cases lack, by the name of the rule, in sentences; without numbers, only promises count."""
    missing = _unkept(exercise, made)
    found = {"promised-error": f"the task promises {missing}, and no case expects it"} if missing else {}
    arrays = [array for case in made.cases for array in numbers_in([*case.args, *case.kwargs.values()])]
    if not any(array.ndim for array in arrays):
        return found
    checks = {"case-ties": _has_ties, "case-zero": _has_zero, "case-one": _has_one, "case-order": _is_mixed}
    return found | {name: RULES[name] for name, check in checks.items() if not any(map(check, arrays))}


def numbers_in(values: Any) -> Iterator[np.ndarray]:
    """Every array of numbers in `values`, a list of plain numbers among them."""
    for array in arrays_in(values):
        if to_array(array).dtype.kind in "biuf":
            yield to_array(array)
    for item in _parts(values):
        if isinstance(item, int | float) and not isinstance(item, bool):
            yield np.asarray(item, dtype=float)
        if isinstance(item, tuple | list):
            if item and all(isinstance(one, int | float) and not isinstance(one, bool) for one in item):
                yield np.asarray(item, dtype=float)
            elif not arrays_in(item):
                yield from numbers_in(item)


def _parts(values: Any) -> list[Any]:
    return list(values.values()) if isinstance(values, dict) else list(values)


def _has_ties(array: np.ndarray) -> bool:
    return array.size > 1 and np.unique(array).size < array.size


def _has_zero(array: np.ndarray) -> bool:
    return bool(array.size) and not array.all()


def _has_one(array: np.ndarray) -> bool:
    return 1 in array.shape


def _is_mixed(array: np.ndarray) -> bool:
    flat = array.ravel().astype(float)
    return flat.size > 2 and bool((np.diff(flat) < 0).any() and (np.diff(flat) > 0).any())


def _unkept(exercise: Exercise, made: Check) -> str:
    """The exceptions that the task, or the docstring of the solution, promises and no case expects."""
    promised = set(_PROMISE.findall(exercise.task))
    for node in ast.walk(ast.parse(exercise.solution)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            promised |= set(_PROMISE.findall(ast.get_docstring(node) or ""))
    expected = {type(outcome.raised).__name__ for outcome in made.expected if outcome.raised is not None}
    return ", ".join(sorted(promised - expected))
