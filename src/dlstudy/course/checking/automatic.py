"""Wrong answers that are wrong for every exercise: zeros, the input handed back, a changed input, another dtype, ...

Each is the solution with something done to what it returns, or to what it was given. Whether a thing applies is decided
on what the function returns, before any check sees it: a check that cannot tell the difference is what is looked for.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from dlstudy.course.checking.case import Check
from dlstudy.course.checking.compare import Tolerance, arrays_in, difference, is_tensor

Function = Callable[..., Any]
_EXACT = Tolerance(0.0, 0.0)
_OTHER_DTYPE = {"float64": "float32", "float32": "float64", "int64": "float64", "int32": "float64", "bool": "int64"}


class Automatic:
    """One automatic wrong answer: call it like the solution; `applied` tells whether it ever made a difference."""

    def __init__(self, change: Callable[[Any, tuple[Any, ...]], Any], solution: Function) -> None:
        self._change, self._solution = change, solution
        self.applied = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return the changed result."""
        right = self._solution(*args, **kwargs)
        made = self._change(right, args)
        if made is _CHANGED:
            self.applied = True
            return right
        if difference(made, right, _EXACT) is not None:
            self.applied = True
        return made


class _Given(Automatic):
    """One that the check itself provides, in a form that fits; it applies because somebody wrote it."""

    def __init__(self, function: Function) -> None:
        super().__init__(lambda right, args: right, function)
        self.applied = True


_CHANGED = object()


def automatic_answers(made: Check, solution: Function) -> dict[str, Automatic]:
    """Return every automatic wrong answer for a check, by name."""
    first = made.expected[0].value
    changes: dict[str, Callable[[Any, tuple[Any, ...]], Any]] = {
        "zeros": lambda right, args: _each(right, lambda array: array * 0, lambda number: number * 0),
        "identity": lambda right, args: args[0] if args else right,
        "mutated": lambda right, args: _spoil(args) or right,
        "wrong-dtype": lambda right, args: _retyped(right),
        "transposed": lambda right, args: _each(right, _transposed, lambda number: number),
        "sum-for-mean": lambda right, args: _scaled(right, args),
        "negated": lambda right, args: _each(right, lambda array: -array, lambda number: -number),
        "none": lambda right, args: None,
        "constant": lambda right, args: first,
    }
    answers = {name: Automatic(change, solution) for name, change in changes.items()}
    own = getattr(made.module, "AUTOMATIC", {})
    return answers | {name: _Given(build(solution)) for name, build in own.items()}


def _each(value: Any, on_array: Callable[[Any], Any], on_number: Callable[[Any], Any]) -> Any:
    """Apply one function to every array in a result and another to every plain number."""
    if isinstance(value, np.ndarray) and value.dtype.kind == "b":
        return on_array(value.astype(np.int64)).astype(bool)
    if isinstance(value, np.ndarray) or is_tensor(value):
        return on_array(value)
    if isinstance(value, tuple | list):
        return type(value)(_each(item, on_array, on_number) for item in value)
    if isinstance(value, dict):
        return {key: _each(item, on_array, on_number) for key, item in value.items()}
    if isinstance(value, int | float | complex | np.generic) and not isinstance(value, bool | np.bool_):
        return on_number(value)
    return value


def _transposed(array: Any) -> Any:
    if array.ndim < 2:
        return array
    return array.permute(*range(array.ndim - 1, -1, -1)) if is_tensor(array) else array.T


def _scaled(right: Any, args: tuple[Any, ...]) -> Any:
    """Multiply by the length of the first array that went in, as who forgets to divide by it."""
    lengths = [array.shape[0] for array in arrays_in(args) if array.ndim and array.shape[0] > 1]
    if not lengths:
        return right

    def times(number: Any) -> Any:
        return number * lengths[0] if isinstance(number, float | np.floating) else number

    return _each(right, lambda array: array * lengths[0], times)


def _retyped(value: Any) -> Any:
    if is_tensor(value):
        return value.float() if str(value.dtype) != "torch.float32" else value.double()
    if isinstance(value, np.ndarray | np.floating):
        return value.astype(_OTHER_DTYPE.get(str(value.dtype), "float64"))
    if isinstance(value, bool | str) or value is None:
        return value
    if isinstance(value, int | np.integer):
        return float(value)
    if isinstance(value, dict):
        return {key: _retyped(item) for key, item in value.items()}
    if isinstance(value, tuple | list) and arrays_in(value):
        return type(value)(_retyped(item) for item in value)
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, list):
        return tuple(value)
    return value


def _spoil(value: Any) -> Any:
    """Change the first array or list in `value` in place; say whether there was one."""
    for array in arrays_in(value):
        if 0 not in array.shape:
            array[...] = ~array if str(array.dtype).endswith("bool") else array + 1
            return _CHANGED
    for item in value:
        if isinstance(item, list):
            item.append(item[-1] if item else 0)
            return _CHANGED
    return None
