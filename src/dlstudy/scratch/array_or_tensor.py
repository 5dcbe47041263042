"""What derivatives need and NumPy arrays and Tensors spell differently.

A derivative is written once and runs on either; operators and shared methods need no help, the rest is here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .shapes import Shape
from .tensor import Tensor, wrap
from .types import Array, ArrayOrTensor

if TYPE_CHECKING:
    from typing_extensions import TypeIs


def is_array(x: object) -> TypeIs[Array]:
    """Return whether `x` is a plain NumPy array or number."""
    return isinstance(x, np.ndarray | np.generic)


def plain(x: Array | Tensor) -> Array:
    """Return the array inside a Tensor, or the array or number itself: for masks, which have no derivative."""
    return x._data if isinstance(x, Tensor) else x


def constant(value: Array, like: ArrayOrTensor) -> ArrayOrTensor:
    """Return the array `value` as what `like` is, an array or a Tensor, so that the two can be multiplied."""
    return value if is_array(like) else wrap(np.asarray(value))


def expand(x: ArrayOrTensor, shape: Sequence[int]) -> ArrayOrTensor:
    """Return `x` broadcast to `shape`, without copying."""
    return np.broadcast_to(x, tuple(shape)) if is_array(x) else x.expand(tuple(shape))


def permute(x: ArrayOrTensor, dims: Shape) -> ArrayOrTensor:
    """Return `x` with its dimensions in the order `dims`."""
    return x.transpose(dims) if is_array(x) else x.permute(dims)


def unary(name: str, x: ArrayOrTensor) -> ArrayOrTensor:
    """Return the NumPy function, or the Tensor method, `name` of `x`."""
    return getattr(np, name)(x) if is_array(x) else getattr(x, name)()


def select(mask: Array, a: ArrayOrTensor, b: ArrayOrTensor | float) -> ArrayOrTensor:
    """Return a where `mask` (an array) is true, else b, which may be a number."""
    return np.where(mask, a, b) if is_array(a) else a.where(wrap(np.asarray(mask)), b)


def masked(x: ArrayOrTensor, mask: Array) -> ArrayOrTensor:
    """Return x where `mask` (an array) is true, else 0 (also where x is inf or nan)."""
    return select(mask, x, 0)


def cumsum(x: ArrayOrTensor, dim: int) -> ArrayOrTensor:
    """Return the running sum along `dim`."""
    return np.cumsum(x, axis=dim, dtype=x.dtype) if is_array(x) else x.cumsum(dim)


def flip(x: ArrayOrTensor, dims: Sequence[int]) -> ArrayOrTensor:
    """Return `x` with the order of the elements along `dims` reversed."""
    return np.flip(x, tuple(dims)) if is_array(x) else x.flip(dims)
