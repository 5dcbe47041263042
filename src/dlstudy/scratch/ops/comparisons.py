# ruff: noqa: D102 - a derivative is described by the line under its class
"""Comparisons, logic, and what chooses by them: where, maximum, clamp."""

from collections.abc import Callable
from typing import Any

import numpy as np

from dlstudy.scratch import dtypes
from dlstudy.scratch.array_or_tensor import masked, plain, select
from dlstudy.scratch.quiet import quiet
from dlstudy.scratch.shapes import broadcast_shapes
from dlstudy.scratch.tape import Node, record
from dlstudy.scratch.tensor import Tensor, wrap
from dlstudy.scratch.types import Array, ArrayOrTensor, Operand

from .pointwise import array_operand, operands


class WhereBackward0(Node):
    """y = a where the mask is true, else b"""

    def grad_a(self, grad: ArrayOrTensor, mask: Array) -> ArrayOrTensor:
        return masked(grad, mask)

    def grad_b(self, grad: ArrayOrTensor, mask: Array) -> ArrayOrTensor:
        return masked(grad, ~mask)


@quiet
def where(condition: Tensor, input: Any = None, other: Any = None) -> Tensor | tuple[Tensor, ...]:
    """Return `input` where `condition` (a bool tensor) is true and `other` elsewhere; either may be a number.

    With the condition alone: a tuple of index tensors, one per dimension, of the places where it is true.
    """
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    if condition._data.dtype != bool:
        raise RuntimeError(
            f"where expected condition to be a boolean tensor, but got a tensor with dtype {condition.dtype}"
        )
    x, y = operands(input, other)
    mask = condition._data
    broadcast_shapes(mask.shape, x.shape, y.shape)
    return record(WhereBackward0, wrap(np.where(mask, x, y)), (input, other), mask=mask)


class MaskedFillBackward0(Node):
    """y = a, but a given value where the mask is true"""

    def grad_a(self, grad: ArrayOrTensor, mask: Array) -> ArrayOrTensor:
        return masked(grad, ~mask)

    def grad_value(self, grad: ArrayOrTensor, mask: Array) -> ArrayOrTensor:
        return masked(grad, mask)


@quiet
def masked_fill(input: Tensor, mask: Tensor, value: Operand) -> Tensor:
    """Return a copy of `input` with `value` (a number or 0-d tensor) where `mask` is true."""
    if mask._data.dtype != bool:
        raise RuntimeError(f"masked_fill only supports boolean masks, but got mask with dtype {mask.dtype}")
    if isinstance(value, Tensor) and value._data.ndim:
        raise RuntimeError(
            f"masked_fill only supports a 0-dimensional value tensor, but got one with {value._data.ndim} dimension(s)"
        )
    kind = input._data.dtype
    number = value._data.astype(kind) if isinstance(value, Tensor) else dtypes.fitting(value, kind)
    broadcast_shapes(input._data.shape, mask._data.shape)
    out = wrap(np.where(mask._data, number, input._data))
    return record(MaskedFillBackward0, out, (input, value), mask=mask._data)


class MaximumBackward0(Node):
    """y = max(a, b); equal numbers share the gradient"""

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor, b: ArrayOrTensor) -> ArrayOrTensor:
        return share(grad, plain(a), plain(b))

    def grad_b(self, grad: ArrayOrTensor, a: ArrayOrTensor, b: ArrayOrTensor) -> ArrayOrTensor:
        return share(grad, plain(b), plain(a))


class MinimumBackward0(Node):
    """y = min(a, b); equal numbers share the gradient"""

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor, b: ArrayOrTensor) -> ArrayOrTensor:
        return share(grad, -plain(a), -plain(b))

    def grad_b(self, grad: ArrayOrTensor, a: ArrayOrTensor, b: ArrayOrTensor) -> ArrayOrTensor:
        return share(grad, -plain(b), -plain(a))


def share(grad: ArrayOrTensor, mine: Array, other: Array) -> ArrayOrTensor:
    """Return the gradient for the one with value `mine` in max(mine, other): all, none, or half of it where they are
    equal.
    """
    return masked(select(mine == other, grad / 2, grad), ~(mine < other))


def _extremum(ufunc: np.ufunc, operation: type[Node]) -> Callable[[Tensor, Any], Tensor]:
    @quiet
    def apply(input: Tensor, other: Tensor) -> Tensor:
        if not isinstance(other, Tensor):
            raise TypeError(f"{ufunc.__name__}(): expected a Tensor as the second argument, got {type(other).__name__}")
        x, y = operands(input, other)
        broadcast_shapes(x.shape, y.shape)
        return record(operation, wrap(ufunc(x, y, out=...)), (input, other), (x, y))

    apply.__name__ = ufunc.__name__
    apply.__doc__ = f"Return the {ufunc.__name__} of two tensors, element by element; nan wins."
    return apply


maximum = _extremum(np.maximum, MaximumBackward0)
minimum = _extremum(np.minimum, MinimumBackward0)


class ClampBackward1(Node):
    """y = a held between two numbers: the gradient passes where a lies between them"""

    low: Any
    high: Any

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor) -> ArrayOrTensor:
        x = plain(a)
        inside = np.ones(x.shape, bool)
        if self.low is not None:
            inside &= x > self.low
        if self.high is not None:
            inside &= x < self.high
        return masked(grad, inside)


@quiet
def clamp(input: Tensor, min: Operand | None = None, max: Operand | None = None) -> Tensor:
    """Return `input` held between `min` and `max` (numbers or tensors; either may be left out); nan stays nan."""
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if isinstance(min, Tensor) or isinstance(max, Tensor):
        return _clamp_by_tensors(input, min, max)
    numbers = [n for n in (min, max) if n is not None]
    kind = dtypes.result_type(input, *numbers).numpy
    x = input._data.astype(kind, copy=False)
    out = x
    if min is not None:
        out = np.maximum(out, np.asarray(min).astype(kind), out=...)
    if max is not None:
        out = np.minimum(out, np.asarray(max).astype(kind), out=...)
    return record(ClampBackward1, wrap(out), (input,), (x,), low=min, high=max)


class ClampBackward0(Node):
    """y = a held between two tensors"""

    def grad_a(self, grad: ArrayOrTensor, inside: Array) -> ArrayOrTensor:
        return masked(grad, inside)

    def grad_low(self, grad: ArrayOrTensor, below: Array) -> ArrayOrTensor:
        return masked(grad, below)

    def grad_high(self, grad: ArrayOrTensor, above: Array) -> ArrayOrTensor:
        return masked(grad, above)


def _clamp_by_tensors(input: Tensor, min: Operand | None, max: Operand | None) -> Tensor:
    """clamp with tensors as limits: where the lower limit exceeds the upper one, the upper one wins."""
    limits = [t for t in (min, max) if t is not None]
    kind = dtypes.result_type(input, *limits).numpy
    x = input._data.astype(kind, copy=False)
    low = np.asarray(-np.inf if min is None else min._data if isinstance(min, Tensor) else min)
    high = np.asarray(np.inf if max is None else max._data if isinstance(max, Tensor) else max)
    broadcast_shapes(x.shape, low.shape, high.shape)
    out = x
    if min is not None:
        out = np.maximum(out, low.astype(kind, copy=False), out=...)
    if max is not None:
        out = np.minimum(out, high.astype(kind, copy=False), out=...)
    settings = {
        "inside": (x >= low) & (x <= high),
        "below": (x < low) & (low < high),
        "above": (x > high) | (low > high),
    }
    return record(ClampBackward0, wrap(out), (input, min, max), **settings)


def comparison(ufunc: np.ufunc) -> Callable[[Tensor, Any], Tensor]:
    """Return the tensor function for a NumPy comparison; its result is a bool tensor."""

    def apply(input: Tensor, other: Operand) -> Tensor:
        if isinstance(other, np.ndarray):
            other = array_operand(other)
        if not isinstance(other, Tensor | float | int | np.number | np.bool_):
            return NotImplemented
        x, y = operands(input, other)
        broadcast_shapes(x.shape, np.shape(y))
        return wrap(ufunc(x, y, out=...))

    apply.__name__ = ufunc.__name__
    apply.__doc__ = f"Return whether input {ufunc.__name__} other holds, element by element, as a bool tensor."
    return apply


eq, ne = comparison(np.equal), comparison(np.not_equal)
lt, le = comparison(np.less), comparison(np.less_equal)
gt, ge = comparison(np.greater), comparison(np.greater_equal)


def _test(function: np.ufunc) -> Callable[[Tensor], Tensor]:
    def apply(input: Tensor) -> Tensor:
        return wrap(np.asarray(function(input._data)))

    apply.__name__ = function.__name__
    apply.__doc__ = f"Return where {function.__name__} holds, as a bool tensor."
    return apply


isnan, isinf, isfinite = _test(np.isnan), _test(np.isinf), _test(np.isfinite)
logical_not = _test(np.logical_not)


def _logic(function: np.ufunc) -> Callable[[Tensor, Any], Tensor]:
    def apply(input: Tensor, other: Tensor) -> Tensor:
        broadcast_shapes(input._data.shape, other._data.shape)
        return wrap(np.asarray(function(input._data, other._data)))

    apply.__name__ = function.__name__
    apply.__doc__ = f"Return {function.__name__} of two tensors (nonzero counts as true), as a bool tensor."
    return apply


logical_and, logical_or, logical_xor = _logic(np.logical_and), _logic(np.logical_or), _logic(np.logical_xor)


def _bits(ufunc: np.ufunc) -> Callable[[Tensor, Any], Tensor]:
    def apply(input: Tensor, other: Operand) -> Tensor:
        if isinstance(other, np.ndarray):
            other = array_operand(other)
        if not isinstance(other, Tensor | int | np.integer | np.bool_):
            return NotImplemented
        x, y = operands(input, other)
        if x.dtype.kind == "f":
            raise NotImplementedError(f"{ufunc.__name__}: expected integers or booleans, got {input.dtype}")
        broadcast_shapes(x.shape, y.shape)
        return wrap(ufunc(x, y, out=...))

    apply.__name__ = ufunc.__name__
    apply.__doc__ = f"Return {ufunc.__name__} of integers or booleans."
    return apply


bitwise_and, bitwise_or, bitwise_xor = _bits(np.bitwise_and), _bits(np.bitwise_or), _bits(np.bitwise_xor)


def bitwise_not(input: Tensor) -> Tensor:
    """Return the inverted bits of integers, or not of booleans."""
    if input._data.dtype.kind == "f":
        raise TypeError("~ (operator.invert) is only implemented on integer and Boolean-type tensors")
    return wrap(np.invert(input._data, out=...))


def nonzero(input: Tensor, *, as_tuple: bool = False) -> Tensor | tuple[Tensor, ...]:
    """Return the indices of the elements that are not 0: one row each, or with `as_tuple` one tensor per dimension."""
    found = np.nonzero(np.atleast_1d(input._data))
    if as_tuple:
        return tuple(wrap(i) for i in found)
    if input._data.ndim == 0:
        return wrap(np.zeros((found[0].size, 0), np.int64))
    return wrap(np.stack(found, axis=1))


def equal(input: Tensor, other: Tensor) -> bool:
    """Return whether two tensors have the same shape and the same values."""
    return input._data.shape == other._data.shape and bool((input._data == other._data).all())


@quiet
def isclose(input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Return where |input - other| <= atol + rtol |other|."""
    _same_format("isclose", input, other)
    return wrap(np.asarray(np.isclose(input._data, other._data, rtol, atol, equal_nan)))


@quiet
def allclose(input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Return whether |input - other| <= atol + rtol |other| everywhere."""
    _same_format("allclose", input, other)
    broadcast_shapes(input._data.shape, other._data.shape)
    return bool(np.allclose(input._data, other._data, rtol, atol, equal_nan))


def _same_format(name: str, input: Tensor, other: Tensor) -> None:
    if input._data.dtype != other._data.dtype:
        raise RuntimeError(f"{name}: expected both tensors to have one dtype, got {input.dtype} and {other.dtype}")


FUNCTIONS: dict[str, Any] = {
    "where": where, "masked_fill": masked_fill, "maximum": maximum, "minimum": minimum, "clamp": clamp, "clip": clamp,
    "eq": eq, "ne": ne, "lt": lt, "le": le, "gt": gt, "ge": ge, "isnan": isnan, "isinf": isinf, "isfinite": isfinite,
    "logical_not": logical_not, "logical_and": logical_and, "logical_or": logical_or, "logical_xor": logical_xor,
    "bitwise_and": bitwise_and, "bitwise_or": bitwise_or, "bitwise_xor": bitwise_xor, "bitwise_not": bitwise_not,
    "nonzero": nonzero, "equal": equal, "isclose": isclose, "allclose": allclose,
}  # fmt: skip
METHODS: dict[str, Any] = {
    **FUNCTIONS,
    "where": lambda input, condition, other: where(condition, input, other),
    "clamp_min": lambda input, min: clamp(input, min), "clamp_max": lambda input, max: clamp(input, None, max),
    "__eq__": eq, "__ne__": ne, "__lt__": lt, "__le__": le, "__gt__": gt, "__ge__": ge,
    "__and__": bitwise_and, "__rand__": bitwise_and, "__or__": bitwise_or, "__ror__": bitwise_or,
    "__xor__": bitwise_xor, "__rxor__": bitwise_xor, "__invert__": bitwise_not,
}  # fmt: skip
