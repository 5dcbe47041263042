"""Wrong answers that are wrong for every exercise: zeros, the input handed back, a changed input, another dtype, ...

Each is the solution with something done to what it returns, or to what it was given. Whether a thing applies is decided
on what the function returns, before any check sees it: a check that cannot tell the difference is what is looked for.

Some make sense for some tasks only, and are left out elsewhere: *detached* where tensors of floats are at work,
*own-generator* where a generator is handed in, *float32* and *float64* where arrays of floats are returned,
*mutated-last* where several arrays go in, *no-error* where an exception is expected.
"""

import inspect
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from dlstudy.course.checking.case import Check
from dlstudy.course.checking.compare import Tolerance, arrays_in, difference, is_tensor

Function = Callable[..., Any]
_EXACT = Tolerance(0.0, 0.0)
_OTHER_SEED = 987_654_321
_OTHER_DTYPE = {"float64": "float32", "float32": "float64", "int64": "float64", "int32": "float64", "bool": "int64"}


class Automatic:
    """One automatic wrong answer: call it like the solution; `applied` tells whether it ever made a difference."""

    def __init__(self, change: Callable[[Any, tuple[Any, ...]], Any], solution: Function) -> None:
        self._change, self._solution = change, solution
        self.applied = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return the changed result."""
        right = self._solution(*args, **kwargs)
        made = self._change(right, (*args, *kwargs.values()))
        if made is _CHANGED:
            self.applied = True
            return right
        if isinstance(made, _Cut):
            self.applied = True
            return made.value
        if difference(made, right, _EXACT) is not None:
            self.applied = True
        return made


class _Given(Automatic):
    """One that the check itself provides, in a form that fits; it applies because somebody wrote it."""

    def __init__(self, function: Function) -> None:
        super().__init__(lambda right, args: right, function)
        self.applied = True


class _OwnGenerator(Automatic):
    """The solution with a generator of its own in place of the one that it was handed."""

    def __init__(self, solution: Function) -> None:
        super().__init__(lambda right, args: right, solution)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the solution makes of other random numbers."""
        swapped = [_another(value) for value in args]
        named = {name: _another(value) for name, value in kwargs.items()}
        self.applied |= any(
            one is not other for one, other in zip([*args, *kwargs.values()], [*swapped, *named.values()])
        )
        return self._solution(*swapped, **named)


class _NoError(Automatic):
    """The solution with every exception caught: it returns what it has, which is nothing."""

    def __init__(self, solution: Function) -> None:
        super().__init__(lambda right, args: right, solution)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return the right result, or None where the solution refuses the input."""
        try:
            return self._solution(*args, **kwargs)
        except Exception:
            self.applied = True
            return None


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
    values = [value for case in made.cases for value in (*case.args, *case.kwargs.values())]
    results = [outcome.value for outcome in made.expected]
    plain = not inspect.isclass(solution)  # what a class returns is an object: its check says how to spoil that
    if plain and any(is_tensor(array) and _is_real(array) for array in arrays_in([*values, *results])):
        changes["detached"] = lambda right, args: _detached(right)
    if plain and any(_is_real(array) for array in arrays_in(results)):
        changes["float32"] = lambda right, args: _as_float(right, 32)
        changes["float64"] = lambda right, args: _as_float(right, 64)
    several = any(len(arrays_in([*case.args, *case.kwargs.values()])) > 1 for case in made.cases)
    if several and plain and not getattr(made.module, "MUTATES", False):
        changes["mutated-last"] = lambda right, args: _spoil(args[::-1]) or right
    answers = {name: Automatic(change, solution) for name, change in changes.items()}
    if _takes_generator(made, values):
        answers["own-generator"] = _OwnGenerator(solution)
    if any(outcome.raised is not None for outcome in made.expected):
        answers["no-error"] = _NoError(solution)
    own = getattr(made.module, "AUTOMATIC", {})
    return answers | {name: _Given(build(solution)) for name, build in own.items()}


NEW_KINDS = ("detached", "float32", "float64", "mutated-last", "own-generator", "no-error")
"""The automatic answers that belong to some tasks only; a finding about one is named after it."""
_GENERATORS = frozenset({"generator", "rng"})


def _takes_generator(made: Check, values: list[Any]) -> bool:
    return bool(_GENERATORS & set(made.parameters)) or any(_another(value) is not value for value in values)


def _another(value: Any) -> Any:
    """Another generator in place of one; every other value as it is."""
    torch = sys.modules.get("torch")
    if isinstance(value, np.random.Generator):
        return np.random.default_rng(_OTHER_SEED)
    if torch is not None and isinstance(value, torch.Generator):
        return torch.Generator().manual_seed(_OTHER_SEED)
    return value


def _is_real(array: Any) -> bool:
    return str(array.dtype).rpartition(".")[2].startswith(("float", "bfloat"))


def _detached(right: Any) -> Any:
    """The same numbers, cut off from the graph that they came from."""
    if not any(is_tensor(array) and array.requires_grad for array in arrays_in(right)):
        return right
    return _Cut(_each(right, lambda array: array.detach() if is_tensor(array) else array, lambda number: number))


class _Cut:
    """A result that differs from the right one though its numbers do not."""

    def __init__(self, value: Any) -> None:
        self.value = value


def _as_float(right: Any, bits: int) -> Any:
    def other(array: Any) -> Any:
        if not _is_real(array):
            return array
        if is_tensor(array):
            return array.float() if bits == 32 else array.double()
        return array.astype(f"float{bits}")

    return _each(right, other, lambda number: number)


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
