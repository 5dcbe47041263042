"""Compare what came with what was expected, and put either into words that a learner can read."""

import sys
from dataclasses import dataclass
from numbers import Number
from typing import Any

import numpy as np

_FEW = 16  # arrays with no more elements are printed in full
_LONG = 300  # characters of anything printed


@dataclass(frozen=True)
class Tolerance:
    """How near two floating-point numbers must be; None means by their precision. Whole numbers must be equal."""

    rtol: float | None = None
    atol: float | None = None

    def close(self, got: np.ndarray, expected: np.ndarray) -> np.ndarray:
        """Return element by element whether `got` is near `expected`; a NaN equals a NaN."""
        if not (_is_float(got) or _is_float(expected)):
            return np.asarray(got == expected)
        coarse = any(array.dtype in (np.float32, np.float16, np.complex64) for array in (got, expected))
        rtol = self.rtol if self.rtol is not None else (1e-4 if coarse else 1e-7)
        atol = self.atol if self.atol is not None else (1e-5 if coarse else 1e-9)
        with np.errstate(all="ignore"):
            return np.isclose(got, expected, rtol=rtol, atol=atol, equal_nan=True)


@dataclass(frozen=True)
class Difference:
    """How two values differ: `kind` is "none", "type", "dtype", "shape", "length", "keys" or "value".

    `sentence` says it in words. `where` names the part of a tuple, list or dict it was found in.
    """

    kind: str
    sentence: str
    where: str = ""


def difference(got: Any, expected: Any, tolerance: Tolerance, where: str = "") -> Difference | None:
    """Return the first way in which `got` differs from `expected`, or None when it is as expected."""
    name = where or "the result"
    if got is None and expected is not None:
        return Difference("none", _upper(f"{name} is None. Does every path end in a return?"), where)
    if expected is None or isinstance(expected, str | bool):
        if type(got) is not type(expected) and not (isinstance(expected, bool) and isinstance(got, np.bool_)):
            return _type_difference(got, expected, where)
        return None if got == expected else _value(got, expected, where)
    if isinstance(expected, dict):
        return _dict_difference(got, expected, tolerance, where)
    if isinstance(expected, tuple | list):
        return _sequence_difference(got, expected, tolerance, where)
    if _is_scalar(expected):
        return _scalar_difference(got, expected, tolerance, where)
    if is_tensor(expected) or isinstance(expected, np.ndarray):
        return _array_difference(got, expected, tolerance, where)
    return None if type(got) is type(expected) and got == expected else _value(got, expected, where)


def show(value: Any) -> str:
    """Return `value` as text for a sentence: short arrays in full, long ones by shape and dtype."""
    if isinstance(value, np.generic):
        return show(value.item())
    if isinstance(value, np.ndarray) or is_tensor(value):
        return _show_array(value)
    if isinstance(value, bool) or value is None:
        return repr(value)
    if isinstance(value, float):
        return repr(float(f"{value:.6g}"))
    if isinstance(value, tuple | list):
        inner = ", ".join(show(item) for item in value)
        comma = "," if isinstance(value, tuple) and len(value) == 1 else ""
        return shorten(f"({inner}{comma})" if isinstance(value, tuple) else f"[{inner}]")
    if isinstance(value, dict):
        return shorten("{" + ", ".join(f"{key}: {show(item)}" for key, item in value.items()) + "}")
    return shorten(repr(value))


def shorten(text: str, length: int = _LONG) -> str:
    """Return `text`, its middle left out when it is longer than `length` characters."""
    if len(text) <= length:
        return text
    return f"{text[: length * 2 // 3]} ... {text[-length // 4 :]}"


def is_tensor(value: Any) -> bool:
    """Whether `value` is a PyTorch tensor; asks without importing torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def to_array(value: Any) -> np.ndarray:
    """Return a NumPy view of an array, a tensor (detached) or a number."""
    if is_tensor(value):
        value = value.detach().cpu()
        torch = sys.modules["torch"]
        return np.asarray((value.float() if value.dtype == torch.bfloat16 else value).numpy())
    return np.asarray(value)


def arrays_in(value: Any) -> list[Any]:
    """Return the arrays and tensors inside tuples, lists and dicts, in order."""
    if isinstance(value, np.ndarray) or is_tensor(value):
        return [value]
    if isinstance(value, tuple | list):
        return [array for item in value for array in arrays_in(item)]
    if isinstance(value, dict):
        return [array for item in value.values() for array in arrays_in(item)]
    return []


def kind_of(value: Any) -> str:
    """Return what a value is, in a learner's words: "a NumPy array", "a tuple", "an int"."""
    if isinstance(value, np.ndarray):
        return "a NumPy array"
    if is_tensor(value):
        return "a PyTorch tensor"
    if isinstance(value, np.generic):
        return f"a {type(value).__name__}"
    if value is None:
        return "None"
    if callable(value):
        return "a function"
    plain = type(value).__name__
    name = {"str": "text", "dict": "dictionary", "bool": "True or False"}.get(plain, plain)
    if name in ("text", "True or False"):
        return name
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _array_difference(got: Any, expected: Any, tolerance: Tolerance, where: str) -> Difference | None:
    if is_tensor(got) != is_tensor(expected) or not (isinstance(got, np.ndarray) or is_tensor(got)):
        scalar = np.ndim(to_array(expected)) == 0 and _is_scalar(got)
        if not scalar:
            return _type_difference(got, expected, where)
    one, other = to_array(got), to_array(expected)
    name = f"{where} " if where else "the result "
    if one.shape != other.shape:
        return Difference("shape", _upper(f"{name}should have shape {other.shape}, and has shape {one.shape}."), where)
    close = tolerance.close(one, other)
    if not close.all():
        return _value_in_array(one, other, close, where)
    if str(_dtype(got)) != str(_dtype(expected)) and not _is_scalar(got):
        return Difference(
            "dtype",
            f"The numbers are right, but {name}should have dtype {_dtype(expected)}, and has {_dtype(got)}.",
            where,
        )
    return None


def _value_in_array(got: np.ndarray, expected: np.ndarray, close: np.ndarray, where: str) -> Difference:
    index = tuple(int(i) for i in np.argwhere(~close)[0])
    inside = f" of {where}" if where else ""
    if got.size <= _FEW:
        return _value(got, expected, where)
    count = int((~close).sum())
    position = index if len(index) != 1 else index[0]
    also = f"; {count} of {got.size} elements differ" if count > 1 else "; every other element is right"
    return Difference(
        "value",
        f"The first difference is at index {position}{inside}: expected {expected[index]:.7g}, "
        f"came {got[index]:.7g}{also}.",
        where,
    )


def _scalar_difference(got: Any, expected: Any, tolerance: Tolerance, where: str) -> Difference | None:
    if isinstance(got, np.ndarray) or is_tensor(got):
        if to_array(got).ndim:
            return _type_difference(got, expected, where)
        got = to_array(got)[()]
    if not _is_scalar(got) or isinstance(got, bool | np.bool_):
        return _type_difference(got, expected, where)
    if not bool(tolerance.close(np.asarray(got), np.asarray(expected)).all()):
        return _value(got, expected, where)
    if np.asarray(got).dtype.kind != np.asarray(expected).dtype.kind:
        return Difference(
            "dtype", f"The number is right, but should be {kind_of(expected)}, and is {kind_of(got)}: {got!r}.", where
        )
    return None


def _sequence_difference(got: Any, expected: Any, tolerance: Tolerance, where: str) -> Difference | None:
    if not isinstance(got, tuple | list):
        return _type_difference(got, expected, where)
    name = f"{where} " if where else "the result "
    if len(got) != len(expected):
        return Difference(
            "length",
            _upper(f"{name}should have {_items(expected)}, and has {len(got)}: {show(got)}."),
            where,
        )
    simple = not arrays_in(expected) and not any(isinstance(item, tuple | list | dict) for item in expected)
    for number, (one, other) in enumerate(zip(got, expected)):
        part = where if simple else f"part {number}{' of ' + where if where else ''}"
        found = difference(one, other, tolerance, part)
        if found:
            return _value(got, expected, where) if simple and found.kind == "value" else found
    if isinstance(got, list) != isinstance(expected, list):
        return Difference(
            "dtype", f"The content is right, but should be {kind_of(expected)}, and is {kind_of(got)}.", where
        )
    return None


def _dict_difference(got: Any, expected: dict[Any, Any], tolerance: Tolerance, where: str) -> Difference | None:
    if not isinstance(got, dict):
        return _type_difference(got, expected, where)
    for key in expected:
        if key not in got:
            return Difference("keys", f"There is nothing for {key!r}.", where)
    for key in got:
        if key not in expected:
            return Difference("keys", f"There is an entry {key!r} that should not be there.", where)
    for key, other in expected.items():
        found = difference(got[key], other, tolerance, str(key))
        if found:
            return found
    return None


def _type_difference(got: Any, expected: Any, where: str) -> Difference:
    name = where or "the result"
    return Difference(
        "type", _upper(f"{name} should be {kind_of(expected)}, and is {kind_of(got)}: {show(got)}."), where
    )


def _value(got: Any, expected: Any, where: str) -> Difference:
    name = f"For {where}: expected" if where else "Expected"
    wanted, came = show(expected), show(got)
    if wanted == came:  # they differ in a digit that is not shown
        wanted, came = shorten(repr(expected)), shorten(repr(got))
    return Difference("value", f"{name} {wanted}, came {came}.", where)


def _upper(text: str) -> str:
    return text[0].upper() + text[1:]


def _items(value: Any) -> str:
    return "one element" if len(value) == 1 else f"{len(value)} elements"


def _show_array(value: Any) -> str:
    array = to_array(value)
    if array.size > _FEW:
        return f"an array of shape {array.shape}, {_dtype(value)}"
    return show(array.tolist())


def _dtype(value: Any) -> str:
    return str(value.dtype) if hasattr(value, "dtype") else type(value).__name__


def _is_scalar(value: Any) -> bool:
    return isinstance(value, Number | np.generic)


def _is_float(array: np.ndarray) -> bool:
    return array.dtype.kind in "fc"
