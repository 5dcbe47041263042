"""Compare what came with what was expected, and put either into words that a learner can read.

What came may be anything: a list that holds itself, a number of 5,000 digits, an object whose `__eq__` or `__repr__`
raises. Whatever it is, it ends in a sentence, and the sentence is short.
"""

import math
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np

_FEW = 16  # arrays with no more elements are printed in full
_LONG = 300  # characters of anything printed
_ITEMS = 50  # items of a list, tuple or dictionary that are looked at before it is cut
_DEEP = 6  # lists inside lists that are shown
_DIGITS = 60  # digits of a whole number that are shown


@dataclass(frozen=True)
class Tolerance:
    """How near two floating-point numbers must be; None means by their precision. Whole numbers must be equal.

    Without `kinds`, values alone count: a list in place of a tuple, or another dtype, is no difference.
    """

    rtol: float | None = None
    atol: float | None = None
    kinds: bool = True

    @property
    def of_values(self) -> "Tolerance":
        """The same, for values alone."""
        return replace(self, kinds=False)

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
    """Return the first way in which `got` differs from `expected`, or None when it is as expected.

    Inside tuples, lists and dictionaries a wrong value is told before a wrong dtype. What cannot be compared at all
    differs.
    """
    try:
        if tolerance.kinds and isinstance(expected, tuple | list | dict):
            found = _difference(got, expected, tolerance.of_values, where)
            if found:
                return found
        return _difference(got, expected, tolerance, where)
    except BaseException as error:  # from a method of the learner's own value, which may raise anything
        return Difference("type", _upper(f"{where or 'the result'} {_odd(got, error)}."), where)


def _difference(got: Any, expected: Any, tolerance: Tolerance, where: str) -> Difference | None:
    name = where or "the result"
    if isinstance(expected, np.bool_):
        expected = bool(expected)
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
    """Return `value` as text for a sentence: short arrays in full, long ones by shape and dtype.

    Takes a moment and a few hundred characters, however large the value is, and raises nothing.
    """
    return shorten(_shown(value, ()))


def _shown(value: Any, inside: tuple[int, ...]) -> str:
    """`show`, for a value inside the lists and dictionaries with these ids."""
    try:
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, np.ndarray) or is_tensor(value):
            return _show_array(value, inside)
        if type(value) is int:
            return _show_whole(value)
        if type(value) is float:
            return repr(_rounded(value))
        if isinstance(value, str | bytes):
            return shorten(repr(value[: 2 * _LONG]))
        if isinstance(value, tuple | list | dict | set | frozenset):
            return _show_items(value, inside)
        return shorten(repr(value))
    except BaseException as error:  # a `__repr__` of the learner's own may raise anything
        return f"something that cannot be shown ({_name(type(error))})"


def _show_items(value: Any, inside: tuple[int, ...]) -> str:
    """A list, tuple, set or dictionary, as far as there is room for it."""
    brackets = "()" if isinstance(value, tuple) else "[]" if isinstance(value, list) else "{}"
    first, last = brackets[0], brackets[1]
    if id(value) in inside or len(inside) >= _DEEP:
        return f"{first}...{last}"
    inside = (*inside, id(value))
    if isinstance(value, dict):
        pairs = islice(dict.items(value), _ITEMS)
        parts: Iterator[str] = (f"{_shown(key, inside)}: {_shown(item, inside)}" for key, item in pairs)
        count = dict.__len__(value)
    else:
        kind: Any = next(kind for kind in _PLAIN if isinstance(value, kind))
        parts = (_shown(item, inside) for item in islice(kind.__iter__(value), _ITEMS))
        count = kind.__len__(value)
    if isinstance(value, set | frozenset) and not count:
        return "an empty set"
    kept = list(_until(parts, 4 * _LONG))
    rest = [f"... {count} in all"] if count > len(kept) else []
    comma = "," if isinstance(value, tuple) and count == 1 else ""
    return f"{first}{', '.join([*kept, *rest])}{comma}{last}"


_PLAIN = (tuple, list, dict, set, frozenset)


def _until(parts: Iterable[str], length: int) -> Iterator[str]:
    """The texts that come before there are `length` characters of them."""
    for part in parts:
        yield part
        length -= len(part)
        if length < 0:
            return


def _show_whole(value: int) -> str:
    """A whole number; Python itself refuses to write one of more than 4,300 digits."""
    digits = int(value.bit_length() * math.log10(2)) + 1
    if digits <= _DIGITS:
        return repr(value)
    return f"a whole number {'below zero ' if value < 0 else ''}of about {digits} digits"


def _rounded(value: float) -> float:
    """The number to six digits, or to as many as it has before the point and one more."""
    return round(value, 1) if 1e5 <= abs(value) < 1e15 else float(f"{value:.6g}")


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
    """Return a NumPy view of an array, a tensor (detached, dense) or a number.

    Raises TypeError or RuntimeError where there is none, as for a tensor without data.
    """
    if not is_tensor(value):
        return np.asarray(value)
    torch = sys.modules["torch"]
    with torch._C.DisableTorchFunctionSubclass():  # a subclass of Tensor may answer anything
        value = value.detach().as_subclass(torch.Tensor)
        if value.is_quantized:
            value = value.dequantize()
        if value.layout != torch.strided:
            value = value.to_dense()
        value = value.cpu().resolve_conj().resolve_neg()
        if value.dtype.is_floating_point and value.dtype not in (torch.float16, torch.float32, torch.float64):
            value = value.float()  # NumPy has no bfloat16
        return np.asarray(value.numpy())


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
    try:
        return _kind_of(value)
    except BaseException:  # even to ask what it is may raise
        return "an object that cannot be asked what it is"


def _kind_of(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return "a NumPy array"
    if is_tensor(value):
        return "a PyTorch tensor"
    if isinstance(value, np.generic):
        return f"a {_name(type(value))}"
    if value is None:
        return "None"
    if callable(value):
        return "a function"
    plain = _name(type(value))
    name = {"str": "text", "dict": "dictionary", "bool": "True or False"}.get(plain, plain)
    if name in ("text", "True or False"):
        return name
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _array_difference(got: Any, expected: Any, tolerance: Tolerance, where: str) -> Difference | None:
    if is_tensor(got) != is_tensor(expected) or not (isinstance(got, np.ndarray) or is_tensor(got)):
        scalar = np.ndim(to_array(expected)) == 0 and _is_scalar(got)
        if not scalar:
            return _type_difference(got, expected, where)
    found = _form(got, expected, where)
    if found:
        return found
    one, other = (_numbers(got) if _is_scalar(got) else to_array(got)), to_array(expected)
    name = f"{where} " if where else "the result "
    if one.dtype.kind not in _NUMBERS and other.dtype.kind in _NUMBERS:
        return Difference(
            "type",
            _upper(f"{name}should hold numbers of dtype {_dtype(expected)}, and has dtype {_dtype(got)}."),
            where,
        )
    if one.shape != other.shape:
        return Difference("shape", _upper(f"{name}should have shape {other.shape}, and has shape {one.shape}."), where)
    close = tolerance.close(one, other)
    if not close.all():
        return _value_in_array(one, other, close, where)
    if tolerance.kinds and str(_dtype(got)) != str(_dtype(expected)) and not _is_scalar(got):
        return Difference(
            "dtype",
            f"The numbers are right, but {name}should have dtype {_dtype(expected)}, and has {_dtype(got)}.",
            where,
        )
    return None


def _form(got: Any, expected: Any, where: str) -> Difference | None:
    """How a tensor is stored, where that is not as expected: sparse, nested, quantized, or without any data."""
    if not (is_tensor(got) and is_tensor(expected)):
        return None
    name = where or "the result"
    if got.is_meta:
        return Difference(
            "type", _upper(f"{name} is a tensor on the device `meta`, which has a shape and no data."), where
        )
    if got.is_nested:
        return Difference("type", _upper(f"{name} is a nested tensor, and should be one with a shape."), where)
    if got.layout != expected.layout:
        form = f"should have the layout {expected.layout}, and has {got.layout}"
        return Difference("type", _upper(f"{name} {form}."), where)
    if got.is_quantized != expected.is_quantized:
        return Difference("type", _upper(f"{name} is a quantized tensor, and should hold plain numbers."), where)
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
        if got.ndim:
            return _type_difference(got, expected, where)
        got = to_array(got)[()]
    if not _is_scalar(got):
        return _type_difference(got, expected, where)
    if isinstance(got, int) and isinstance(expected, int):
        return None if int(got) == int(expected) else _value(got, expected, where)
    one, other = _numbers(got), _numbers(expected)
    if not bool(tolerance.close(one, other).all()):
        return _value(got, expected, where)
    if tolerance.kinds and one.dtype.kind != other.dtype.kind:
        return Difference(
            "dtype",
            f"The number is right, but should be {kind_of(expected)}, and is {kind_of(got)}: {shorten(repr(got))}.",
            where,
        )
    return None


def _numbers(value: Any) -> np.ndarray:
    """A single number as an array; a whole number that is too large for 64 bits as a float, or infinite."""
    array = np.asarray(value)
    if array.dtype.kind in _NUMBERS:
        return array
    try:
        return np.asarray(float(value))
    except OverflowError:
        return np.asarray(math.copysign(math.inf, value))


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
        found = _difference(one, other, tolerance, part)
        if found:
            return _value(got, expected, where) if simple and found.kind == "value" else found
    if tolerance.kinds and isinstance(got, list) != isinstance(expected, list):
        return Difference(
            "dtype", f"The content is right, but should be {kind_of(expected)}, and is {kind_of(got)}.", where
        )
    return None


def _dict_difference(got: Any, expected: dict[Any, Any], tolerance: Tolerance, where: str) -> Difference | None:
    if not isinstance(got, dict):
        return _type_difference(got, expected, where)
    # What is there first: a check that goes no further where the shapes differ has nothing under the other names.
    for key, other in expected.items():
        found = _difference(got[key], other, tolerance, str(key)) if key in got else None
        if found:
            return found
    for key in expected:
        if key not in got:
            return Difference("keys", f"There is nothing for {show(key)}.", where)
    for key in got:
        if key not in expected:
            return Difference("keys", f"There is an entry {show(key)} that should not be there.", where)
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
        wanted, came = _in_full(expected), _in_full(got)
    return Difference("value", f"{name} {wanted}, came {came}.", where)


def _in_full(value: Any) -> str:
    """A value with every digit, where it is one that Python writes shortly."""
    if _is_scalar(value) or (isinstance(value, tuple | list) and len(value) <= _FEW and all(map(_is_scalar, value))):
        return shorten(repr(value)) if not _is_huge(value) else show(value)
    if (isinstance(value, np.ndarray) or is_tensor(value)) and to_array(value).size <= _FEW:
        return shorten(repr(to_array(value).tolist()))
    return show(value)


def _is_huge(value: Any) -> bool:
    values = value if isinstance(value, tuple | list) else (value,)
    return any(isinstance(item, int) and item.bit_length() > 4 * _DIGITS for item in values)


def _odd(got: Any, error: BaseException) -> str:
    """What is said about a value that stops whoever looks at it."""
    return f"is {kind_of(got)}, which cannot be compared with what was expected: it stops with {_name(type(error))}"


def _name(kind: type) -> str:
    """The name of a class, whatever its own class says."""
    return str(type.__dict__["__name__"].__get__(kind))


def _upper(text: str) -> str:
    return text[0].upper() + text[1:]


def _items(value: Any) -> str:
    return "one element" if len(value) == 1 else f"{len(value)} elements"


def _show_array(value: Any, inside: tuple[int, ...]) -> str:
    if is_tensor(value) and value.is_nested:
        return f"a nested tensor, {_dtype(value)}"
    if is_tensor(value) and value.is_meta:
        return f"a tensor without data of shape {tuple(value.shape)}, {_dtype(value)}"
    if math.prod(value.shape) > _FEW:
        return f"an array of shape {tuple(value.shape)}, {_dtype(value)}"
    return _shown(to_array(value).tolist(), inside)


def _dtype(value: Any) -> str:
    return str(value.dtype) if hasattr(value, "dtype") else type(value).__name__


_NUMBERS = "biufc"
"""The kinds of dtype that hold numbers."""


def _is_scalar(value: Any) -> bool:
    """Whether `value` is a number as Python or NumPy have them; True and False, a fraction or a Decimal are none."""
    return isinstance(value, int | float | complex | np.number) and not isinstance(value, bool)


def _is_float(array: np.ndarray) -> bool:
    return array.dtype.kind in "fc"
