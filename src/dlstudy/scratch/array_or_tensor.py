"""What derivatives need and NumPy arrays and Tensors spell differently.

A derivative is written once and runs on either; operators and shared methods need no help, the rest is here.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .shapes import Shape
from .tensor import wrap


def is_array(x: Any) -> bool:
    """Return whether `x` is a plain NumPy array or number."""
    return isinstance(x, np.ndarray | np.generic)


def plain(x: Any) -> Any:
    """Return the array inside a Tensor, or the array or number itself: for masks, which have no derivative."""
    return x._data if hasattr(x, "_data") else x


def constant(value: Any, like: Any) -> Any:
    """Return the array `value` as what `like` is, an array or a Tensor, so that the two can be multiplied."""
    if is_array(like):
        return value
    return wrap(np.asarray(value))


def expand(x: Any, shape: Sequence[int]) -> Any:
    """Return `x` broadcast to `shape`, without copying."""
    return np.broadcast_to(x, tuple(shape)) if is_array(x) else x.expand(tuple(shape))


def permute(x: Any, dims: Shape) -> Any:
    """Return `x` with its dimensions in the order `dims`."""
    return x.transpose(dims) if is_array(x) else x.permute(dims)


def unary(name: str, x: Any) -> Any:
    """Return the NumPy function, or the Tensor method, `name` of `x`."""
    return getattr(np, name)(x) if is_array(x) else getattr(x, name)()


def select(mask: Any, a: Any, b: Any) -> Any:
    """Return a where `mask` (an array) is true, else b, which may be a number."""
    return np.where(mask, a, b) if is_array(a) else a.where(wrap(np.asarray(mask)), b)


def masked(x: Any, mask: Any) -> Any:
    """Return x where `mask` (an array) is true, else 0 (also where x is inf or nan)."""
    return select(mask, x, 0)


def cumsum(x: Any, dim: int) -> Any:
    """Return the running sum along `dim`."""
    return np.cumsum(x, axis=dim, dtype=x.dtype) if is_array(x) else x.cumsum(dim)


def flip(x: Any, dims: Any) -> Any:
    """Return `x` with the order of the elements along `dims` reversed."""
    return np.flip(x, dims) if is_array(x) else x.flip(dims)
