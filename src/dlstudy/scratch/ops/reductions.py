"""Sums, means and other reductions over dimensions."""

from typing import Any

import numpy as np

from .._quiet import quiet
from ..both import expand
from ..shapes import Shape
from ..tape import Node, record
from ..tensor import Tensor, wrap, wrap_dim

Array = Any


def reduced_dims(dim: Any, ndim: int) -> Shape:
    """Return the dimensions meant by `dim` (None or () for all, a number, or several), counted from the front."""
    if dim is None or (isinstance(dim, tuple | list) and not dim):
        return tuple(range(ndim))
    dims = tuple(wrap_dim(d, ndim) for d in ([dim] if isinstance(dim, int) else dim))
    if len(set(dims)) != len(dims):
        raise RuntimeError(f"expected each dimension once, got {tuple(dim)}")
    return dims if ndim else ()


def restore(grad: Array, shape: Shape, dims: Shape, keepdim: bool) -> Array:
    """Return `grad` with the reduced dimensions put back as size 1, so that it broadcasts against the input of `shape`."""
    if keepdim or not dims:
        return grad
    return grad.reshape(tuple(1 if d in dims else size for d, size in enumerate(shape)))


class SumBackward0(Node):
    """y = sum of a: every element counts once"""

    input_shape: Shape
    dims: Shape
    keepdim: bool

    def grad_a(self, grad: Array) -> Array:
        return expand(restore(grad, self.input_shape, self.dims, self.keepdim), self.input_shape)


class SumBackward1(SumBackward0):
    """y = sum of a over some dimensions"""


@quiet
def sum(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the sum over `dim` (all dimensions if None); integers and booleans are summed as int64."""
    dim, keepdim = axis if dim is None else dim, keepdim or keepdims
    if dtype is not None:
        input = input.to(dtype)
    x = input._data
    dims = reduced_dims(dim, x.ndim)
    kind = np.int64 if x.dtype.kind != "f" else None
    out = wrap(np.asarray(np.add.reduce(x, axis=dims, keepdims=keepdim, dtype=kind)))
    operation = SumBackward0 if dim is None else SumBackward1
    return record(operation, out, (input,), input_shape=x.shape, dims=dims, keepdim=keepdim)


class MeanBackward0(Node):
    """y = mean of a: every element counts 1/n"""

    input_shape: Shape
    dims: Shape
    keepdim: bool

    def grad_a(self, grad: Array) -> Array:
        count = int(np.prod([self.input_shape[d] for d in self.dims]))
        return expand(restore(grad, self.input_shape, self.dims, self.keepdim), self.input_shape) / count


class MeanBackward1(MeanBackward0):
    """y = mean of a over some dimensions"""


@quiet
def mean(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the mean over `dim` (all dimensions if None); RuntimeError for integers, whose mean is not one."""
    dim, keepdim = axis if dim is None else dim, keepdim or keepdims
    if dtype is not None:
        input = input.to(dtype)
    x = input._data
    if x.dtype.kind != "f":
        raise RuntimeError(f"mean(): expected a floating point input, got {input.dtype}. Convert it with .float() first.")
    dims = reduced_dims(dim, x.ndim)
    count = int(np.prod([x.shape[d] for d in dims]))
    total = np.add.reduce(x, axis=dims, keepdims=keepdim)
    out = wrap(np.asarray(np.divide(total, x.dtype.type(count), out=...)))
    operation = MeanBackward0 if dim is None else MeanBackward1
    return record(operation, out, (input,), input_shape=x.shape, dims=dims, keepdim=keepdim)


METHODS: dict[str, Any] = {"sum": sum, "mean": mean}
__all__ = ["METHODS", "Tensor", "mean", "sum"]
