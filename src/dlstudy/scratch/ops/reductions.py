# ruff: noqa: D102 - a derivative is described by the line under its class
"""Sums, means and other reductions over dimensions, each beside its derivative."""

from collections.abc import Callable
from typing import Any

import numpy as np

from dlstudy.scratch import dtypes
from dlstudy.scratch.array_or_tensor import expand, masked, plain
from dlstudy.scratch.quiet import quiet
from dlstudy.scratch.shapes import Shape
from dlstudy.scratch.tape import Node, record
from dlstudy.scratch.tensor import Tensor, wrap, wrap_dim
from dlstudy.scratch.types import ArrayOrTensor, DType, Ints

add_up: Any = np.add.reduce
multiply_up: Any = np.multiply.reduce


def reduced_dims(dim: Ints | None, ndim: int) -> Shape:
    """Return the dimensions meant by `dim` (None or () for all, a number, or several), counted from the front."""
    if dim is None or (isinstance(dim, tuple | list) and not dim):
        return tuple(range(ndim))
    given = [dim] if isinstance(dim, int | np.integer) else dim
    dims = tuple(wrap_dim(int(d), ndim) for d in given)
    if len(set(dims)) != len(dims):
        raise RuntimeError(f"dim appears multiple times in the list of dims: got {tuple(given)}")
    return dims if ndim else ()


max_of = max  # Python's, before this module defines torch's


def count_of(shape: Shape, dims: Shape) -> int:
    """Return how many elements are reduced to one."""
    count = 1
    for d in dims:
        count *= shape[d]
    return count


def floats_only(name: str, input: Tensor) -> None:
    """Refuse integers and booleans, whose `name` would not be of their own kind."""
    if input._data.dtype.kind != "f":
        raise RuntimeError(
            f"{name}: expected a floating-point tensor, got {input.dtype}. Convert it with .float() first."
        )


def one_dim(input: Tensor, dim: int) -> int:
    """Return the dimension meant by `dim`, which must be one number."""
    if not isinstance(dim, int | np.integer):
        raise TypeError(f"expected one dimension, got {dim!r}")
    return wrap_dim(dim, input._data.ndim)


class Reduction(Node):
    """A reduction over `dims` of an input of `input_shape`."""

    input_shape: Shape
    dims: Shape
    keepdim: bool

    def spread(self, x: ArrayOrTensor) -> ArrayOrTensor:
        """Return `x`, of the output's shape, with the reduced dimensions put back as size 1, so that it meets the
        input.
        """
        if self.keepdim or not self.dims:
            return x
        return x.reshape(tuple(1 if d in self.dims else size for d, size in enumerate(self.input_shape)))

    def count(self) -> int:
        """Return how many elements became one."""
        return count_of(self.input_shape, self.dims)


# -- sums and means ----------------------------------------------------------------------------------------
class SumBackward0(Reduction):
    """y = sum of a: every element counts once"""

    def grad_a(self, grad: ArrayOrTensor) -> ArrayOrTensor:
        return expand(self.spread(grad), self.input_shape)


class SumBackward1(SumBackward0):
    """y = sum of a over some dimensions"""


@quiet
def sum(
    input: Tensor, dim: Ints | None = None, keepdim: bool = False, *, dtype: DType | None = None,
    axis: Ints | None = None, keepdims: bool = False,
) -> Tensor:  # fmt: skip
    """Return the sum over `dim` (all dimensions if None); integers and booleans are summed as int64,
    unless `dtype` says otherwise.
    """
    dim, keepdim = axis if dim is None else dim, keepdim or keepdims
    if dtype is not None:
        input = input.to(dtype)
    x = input._data
    dims = reduced_dims(dim, x.ndim)
    kind = np.int64 if x.dtype.kind != "f" and dtype is None else x.dtype
    out = wrap(np.asarray(add_up(x, axis=dims, keepdims=keepdim, dtype=kind)))
    operation = SumBackward0 if dim is None else SumBackward1
    return record(operation, out, (input,), input_shape=x.shape, dims=dims, keepdim=keepdim)


class MeanBackward0(Reduction):
    """y = mean of a: every element counts 1/n"""

    def grad_a(self, grad: ArrayOrTensor) -> ArrayOrTensor:
        return expand(self.spread(grad) / float(self.count() or np.nan), self.input_shape)


class MeanBackward1(MeanBackward0):
    """y = mean of a over some dimensions"""


@quiet
def mean(
    input: Tensor, dim: Ints | None = None, keepdim: bool = False, *, dtype: DType | None = None,
    axis: Ints | None = None, keepdims: bool = False,
) -> Tensor:  # fmt: skip
    """Return the mean over `dim` (all dimensions if None); integers are refused, as their mean is not one."""
    dim, keepdim = axis if dim is None else dim, keepdim or keepdims
    if dtype is not None:
        input = input.to(dtype)
    if input._data.dtype.kind != "f":
        raise NotImplementedError(
            f"mean(): expected a floating-point tensor, got {input.dtype}. Convert it with .float() first."
        )
    x = input._data
    dims = reduced_dims(dim, x.ndim)
    total = add_up(x, axis=dims, keepdims=keepdim)
    out = wrap(np.divide(total, x.dtype.type(count_of(x.shape, dims)), out=...))
    operation = MeanBackward0 if dim is None else MeanBackward1
    return record(operation, out, (input,), input_shape=x.shape, dims=dims, keepdim=keepdim)


class VarBackward0(Reduction):
    """y = sum of (a - mean)^2 / (n - correction)"""

    correction: float

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor) -> ArrayOrTensor:
        centred = a - a.sum(axis=self.dims, keepdims=True) / float(self.count() or np.nan)
        degrees = max_of(self.count() - self.correction, 0)
        return self.spread(grad) * (2 / degrees if degrees else float("inf")) * centred


class StdBackward0(VarBackward0):
    """y = the square root of the variance; its derivative where it is 0 is taken as 0"""

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor, out: ArrayOrTensor) -> ArrayOrTensor:  # type: ignore[override]
        grad_of_variance = masked(grad / (2 * out), plain(out) != 0)
        return VarBackward0.grad_a(self, grad_of_variance, a)


def _spread_measure(name: str, operation: type[Node], root: bool) -> Callable[..., Any]:
    @quiet
    def apply(
        input: Tensor, dim: Ints | None = None, *args: Any, correction: float = 1, unbiased: bool | None = None,
        keepdim: bool = False, axis: Ints | None = None, keepdims: bool = False,
    ) -> Tensor:  # fmt: skip
        if isinstance(dim, bool):  # var(unbiased)
            dim, unbiased = None, dim
        if args:  # var(dim, unbiased, keepdim)
            unbiased, keepdim = args[0], (args[1] if len(args) > 1 else keepdim)
        dim, keepdim = axis if dim is None else dim, keepdim or keepdims
        if unbiased is not None:
            correction = int(unbiased)
        floats_only(name, input)
        x = input._data
        dims = reduced_dims(dim, x.ndim)
        count = count_of(x.shape, dims)
        centred = x - add_up(x, axis=dims, keepdims=True) / x.dtype.type(count)
        total = add_up(centred * centred, axis=dims, keepdims=keepdim)
        out = np.divide(total, x.dtype.type(max_of(count - correction, 0)), out=...)
        if root:
            out = np.sqrt(out, out=...)
        settings = {"input_shape": x.shape, "dims": dims, "keepdim": keepdim, "correction": correction}
        return record(operation, wrap(out), (input,), **settings)

    apply.__name__ = name
    apply.__doc__ = (
        f"Return the {'standard deviation' if root else 'variance'} over `dim` (all if None), "
        "dividing by n - correction; "
        "`unbiased` is the old name for correction 1 or 0."
    )
    return apply


var = _spread_measure("var", VarBackward0, root=False)
std = _spread_measure("std", StdBackward0, root=True)


class NormBackward(Reduction):
    """y = the square root of the sum of a^2; its derivative at 0 is taken as 0"""

    def name(self) -> str:
        return "LinalgVectorNormBackward0"

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor, out: ArrayOrTensor) -> ArrayOrTensor:
        return a * self.spread(masked(grad / out, plain(out) != 0))


class CountBackward(Reduction):
    """y = the number of elements of a that are not 0: flat almost everywhere"""

    def grad_a(self, grad: ArrayOrTensor) -> ArrayOrTensor:
        return expand(self.spread(grad) * 0, self.input_shape)


@quiet
def norm(input: Tensor, p: Any = 2, dim: Ints | None = None, keepdim: bool = False) -> Tensor:
    """Return the p-norm over `dim` (all if None): 2 (also "fro"), 1, inf, -inf, 0, or any other number."""
    floats_only("norm", input)
    if p in (2, "fro", None):
        x = input._data
        dims = reduced_dims(dim, x.ndim)
        out = wrap(np.sqrt(add_up(x * x, axis=dims, keepdims=keepdim), out=...))
        return record(NormBackward, out, (input,), input_shape=x.shape, dims=dims, keepdim=keepdim)
    dims = reduced_dims(dim, input._data.ndim)
    if p == float("inf"):
        return input.abs().amax(dims, keepdim)
    if p == float("-inf"):
        return input.abs().amin(dims, keepdim)
    if p == 0:
        out = wrap(np.asarray(add_up(input._data != 0, axis=dims, keepdims=keepdim, dtype=input._data.dtype)))
        return record(CountBackward, out, (input,), input_shape=input._data.shape, dims=dims, keepdim=keepdim)
    if p == 1:
        return sum(input.abs(), dims, keepdim)
    return sum(input.abs() ** p, dims, keepdim) ** (1 / p)


class LogsumexpBackward0(Reduction):
    """y = ln of the sum of exp a; its derivative is softmax a"""

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor, out: ArrayOrTensor) -> ArrayOrTensor:
        shifted = a - self.spread(out)
        return self.spread(grad) * (shifted.exp() if isinstance(a, Tensor) else np.exp(shifted))


@quiet
def logsumexp(input: Tensor, dim: Ints, keepdim: bool = False) -> Tensor:
    """Return ln(sum(exp(input))) over `dim`, computed without overflow."""
    x = input._data if input._data.dtype.kind == "f" else input._data.astype(dtypes.get_default_dtype().numpy)
    dims = reduced_dims(dim, x.ndim)
    top = np.max(x, axis=dims, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0).astype(x.dtype)
    total = np.log(add_up(np.exp(x - top), axis=dims, keepdims=True)) + top
    shape = add_up(x, axis=dims, keepdims=keepdim).shape
    out = wrap(np.asarray(total).reshape(shape))
    return record(LogsumexpBackward0, out, (input,), (x,), input_shape=x.shape, dims=dims, keepdim=keepdim)


# -- products ----------------------------------------------------------------------------------------------
class ProdBackward0(Reduction):
    """y = product of a: the derivative for one element is the product of the others"""

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor, out: ArrayOrTensor) -> ArrayOrTensor:
        if not self.input_shape:
            return grad
        if not (plain(a) == 0).any():
            return self.spread(grad * out) / a
        return self.spread(grad) * self._products_of_others(a)

    def _products_of_others(self, a: ArrayOrTensor) -> ArrayOrTensor:
        """Return, for every element, the product of the others: one copy of the row for each, with that one replaced
        by 1.
        """
        n = self.count()
        if len(self.dims) > 1:
            flat, dim, shape = a.reshape((n,)), 0, (n, n)  # type: Any, int, Shape
        else:
            flat, dim = a, self.dims[0]
            shape = (*self.input_shape[:dim], n, *self.input_shape[dim:])
        replaced = np.eye(n, dtype=bool).reshape((n, n) + (1,) * (len(shape) - dim - 2))
        rows = expand(flat.reshape((*shape[:dim], 1, *shape[dim + 1 :])), shape)
        if isinstance(a, Tensor):
            others = prod(rows.masked_fill(wrap(replaced), 1.0), dim + 1)
        else:
            others = np.prod(np.where(replaced, 1, rows), axis=dim + 1)
        return others.reshape(self.input_shape)


class ProdBackward1(ProdBackward0):
    """y = product of a along one dimension"""


@quiet
def prod(input: Tensor, dim: Ints | None = None, keepdim: bool = False, *, dtype: DType | None = None) -> Tensor:
    """Return the product over all elements, or along the one dimension `dim`; integers and booleans as int64,
    unless `dtype` says otherwise.
    """
    if dtype is not None:
        input = input.to(dtype)
    x = input._data
    dims = reduced_dims(dim, x.ndim)
    kind = np.int64 if x.dtype.kind != "f" and dtype is None else x.dtype
    out = wrap(np.asarray(multiply_up(x, axis=dims, keepdims=keepdim, dtype=kind)))
    operation = ProdBackward0 if dim is None else ProdBackward1
    return record(operation, out, (input,), input_shape=x.shape, dims=dims, keepdim=keepdim)


# -- logic and counting ------------------------------------------------------------------------------------
def _logical(name: str, ufunc: np.ufunc) -> Callable[..., Any]:
    def apply(input: Tensor, dim: Ints | None = None, keepdim: bool = False) -> Tensor:
        dims = () if dim == () else reduced_dims(dim, input._data.ndim)  # unlike elsewhere, () means none here
        out = np.asarray(ufunc.reduce(input._data, axis=dims, keepdims=keepdim, dtype=bool))
        return wrap(out.astype(np.uint8) if input._data.dtype == np.uint8 else out)

    apply.__name__ = name
    apply.__doc__ = f"Return whether {name} of the elements over `dim` (all if None) are nonzero."
    return apply


all, any = _logical("all", np.logical_and), _logical("any", np.logical_or)


def count_nonzero(input: Tensor, dim: Ints | None = None) -> Tensor:
    """Return how many elements are not 0."""
    return wrap(np.asarray(np.count_nonzero(input._data, axis=reduced_dims(dim, input._data.ndim)), np.int64))


FUNCTIONS: dict[str, Any] = {
    "sum": sum, "mean": mean, "var": var, "std": std, "norm": norm, "logsumexp": logsumexp, "prod": prod,
    "all": all, "any": any, "count_nonzero": count_nonzero,
}  # fmt: skip
METHODS: dict[str, Any] = FUNCTIONS
