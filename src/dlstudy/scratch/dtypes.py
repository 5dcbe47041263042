"""Number formats and torch's rules for mixing them.

NumPy and torch agree on the formats and differ on the mixtures: an int64 tensor times a float32 tensor is float32 in
torch and float64 in NumPy. `result_type` follows torch.
"""

import math
from typing import Any

import numpy as np


class dtype:
    """A number format, printed as torch prints it (scripts import this package under the name `torch`)."""

    def __init__(self, name: str, category: int):
        self.name = name
        self.numpy = np.dtype(name)
        self.itemsize = self.numpy.itemsize
        self.is_floating_point = category == FLOATING
        self.is_complex = False
        self.is_signed = self.numpy.kind in "if"
        self.category = category

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return {"bool": "bool_"}.get(self.name, self.name)


BOOLEAN, INTEGER, FLOATING = 0, 1, 2

bool_ = dtype("bool", BOOLEAN)
uint8 = dtype("uint8", INTEGER)
int8 = dtype("int8", INTEGER)
int16 = dtype("int16", INTEGER)
int32 = dtype("int32", INTEGER)
int64 = dtype("int64", INTEGER)
float16 = dtype("float16", FLOATING)
float32 = dtype("float32", FLOATING)
float64 = dtype("float64", FLOATING)

ALL = (bool_, uint8, int8, int16, int32, int64, float16, float32, float64)
FROM_NUMPY = {d.numpy: d for d in ALL}
FROM_PYTHON = {bool: bool_, int: int64, float: float64}
_LADDER = (float64, float32, float16)
_default = [float32]


def get_default_dtype() -> dtype:
    """Return the format of tensors made from Python floats: float32 unless changed."""
    return _default[0]


def set_default_dtype(d: dtype) -> None:
    """Make `d`, a floating-point format, the one of tensors made from Python floats; TypeError for any other."""
    if not (isinstance(d, dtype) and d.is_floating_point):
        raise TypeError(f"expected a floating-point dtype as the default, got {d}")
    _default[0] = d


def as_dtype(d: Any) -> dtype:
    """Return the dtype meant by `d`: one of ours, a Python type (bool, int, float) or anything that np.dtype
    understands.
    """
    if isinstance(d, dtype):
        return d
    if d in FROM_PYTHON:
        return FROM_PYTHON[d]
    try:
        return FROM_NUMPY[np.dtype(d)]
    except (KeyError, TypeError):
        known = ", ".join(known.name for known in ALL)
        raise TypeError(f"expected one of the formats {known}, got {d!r}") from None


def fitting(value: Any, kind: np.dtype[Any]) -> Any:
    """Return the Python number `value` as an array of `kind`; RuntimeError if it lies outside of what that can hold.

    As torch, which cuts 2.7 to the integer 2 and takes -1 for the largest uint8, but refuses nan as an integer.
    """
    if kind.kind in "iu":
        limits = np.iinfo(kind)
        lowest = -int(limits.max) if kind.kind == "u" else int(limits.min)
        if not (math.isfinite(value) and lowest <= int(value) <= int(limits.max)):
            raise RuntimeError(f"value cannot be converted to type {kind} without overflow: got {value}")
        value = int(value)
        return np.asarray(value % (int(limits.max) + 1) if value < 0 and kind.kind == "u" else value, kind)
    if kind.kind == "f" and math.isfinite(value) and abs(value) > float(np.finfo(kind).max):
        raise RuntimeError(f"value cannot be converted to type {kind} without overflow: got {value}")
    return np.asarray(value).astype(kind)


def promote_types(a: dtype, b: dtype) -> dtype:
    """Return the smallest format that holds both, by torch's table: a float beats every integer, whatever their
    widths.
    """
    if a is b:
        return a
    if a.category == b.category == FLOATING:
        return next(d for d in _LADDER if d is a or d is b)
    if a.category != b.category:
        return a if a.category > b.category else b
    return FROM_NUMPY[np.promote_types(a.numpy, b.numpy)]


def _combine(higher: dtype | None, lower: dtype | None) -> dtype | None:
    """Combine two priority groups: the lower one only counts if it is of a higher kind (bool < integer < float)."""
    if higher is None or lower is None:
        return higher or lower
    return promote_types(higher, lower) if lower.category > higher.category else higher


def result_type(*operands: Any) -> dtype:
    """Return the format of an operation on tensors and Python numbers, as `torch.result_type` does.

    Tensors with dimensions decide; 0-d tensors come second and Python numbers last, and these change the format only
    when they are of a higher kind: a float32 tensor times a 0-d float64 tensor stays float32, an int64 tensor times 1.5
    becomes float32.
    """
    groups: list[dtype | None] = [None, None, None]
    for operand in operands:
        if isinstance(operand, bool | np.bool_):
            group, found = 2, bool_
        elif isinstance(operand, int | np.integer):
            group, found = 2, int64
        elif isinstance(operand, float | np.floating):
            group, found = 2, get_default_dtype()
        else:
            group, found = (0 if operand.ndim else 1), operand.dtype
        current = groups[group]
        groups[group] = found if current is None else promote_types(current, found)
    result = _combine(groups[0], _combine(groups[1], groups[2]))
    if result is None:
        raise TypeError("expected at least one tensor or number")
    return result


class finfo:
    """Limits of a floating-point format, as `torch.finfo`: bits, eps, max, min, tiny."""

    def __init__(self, d: dtype | None = None):
        self.dtype = get_default_dtype() if d is None else as_dtype(d)
        info = np.finfo(self.dtype.numpy)
        self.bits = int(info.bits)
        self.eps, self.max, self.min = float(info.eps), float(info.max), float(info.min)
        self.tiny = self.smallest_normal = float(info.tiny)


class iinfo:
    """Limits of an integer format, as `torch.iinfo`: bits, max, min."""

    def __init__(self, d: dtype):
        self.dtype = as_dtype(d)
        info = np.iinfo(self.dtype.numpy)
        self.bits, self.max, self.min = info.bits, int(info.max), int(info.min)
