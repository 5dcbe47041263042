# ruff: noqa: D102 - a derivative is described by the line under its class
"""The largest and smallest elements, each reduction beside its derivative."""

from collections.abc import Callable
from typing import Any

import numpy as np

from dlstudy.scratch.array_or_tensor import masked, plain
from dlstudy.scratch.printing import ValuesAndIndices
from dlstudy.scratch.quiet import quiet
from dlstudy.scratch.tape import Node, record
from dlstudy.scratch.tensor import Tensor, wrap
from dlstudy.scratch.types import Array, ArrayOrTensor, Ints

from .comparisons import maximum, minimum
from .gathering import pick
from .reductions import Reduction, count_of, one_dim, reduced_dims


class MaxBackward1(Reduction):
    """y = the largest (or smallest) of a; equal ones share the gradient"""

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor, out: ArrayOrTensor) -> ArrayOrTensor:
        x, y = plain(a), plain(self.spread(out))
        chosen = (x == y) | ((x != x) & (y != y))  # nan is the extremum of everything that holds one
        shares = np.add.reduce(chosen, axis=self.dims, keepdims=True, dtype=x.dtype)
        return masked(self.spread(grad) / (wrap(shares) if isinstance(grad, Tensor) else shares), chosen)


class MinBackward1(MaxBackward1):
    """y = the smallest of a"""


class AmaxBackward0(MaxBackward1):
    """y = the largest of a over some dimensions"""


class AminBackward0(MaxBackward1):
    """y = the smallest of a over some dimensions"""


def _extremum(name: str, ufunc: np.ufunc, operation: type[Node]) -> Callable[..., Any]:
    @quiet
    def apply(input: Tensor, dim: Ints = (), keepdim: bool = False) -> Tensor:
        x = input._data
        dims = reduced_dims(dim, x.ndim)
        if count_of(x.shape, dims) == 0:
            raise (IndexError if dim != () else RuntimeError)(
                f"{name}(): expected a reduction dim with non-zero size to reduce, got shape {list(x.shape)}"
            )
        out = wrap(np.asarray(ufunc.reduce(x, axis=dims, keepdims=keepdim)))
        return record(operation, out, (input,), input_shape=x.shape, dims=dims, keepdim=keepdim)

    apply.__name__ = name
    which = "largest" if "max" in name else "smallest"
    apply.__doc__ = f"Return the {which} element over `dim` (all if left out); ties share the gradient."
    return apply


amax, amin = _extremum("amax", np.maximum, AmaxBackward0), _extremum("amin", np.minimum, AminBackward0)
_max_of_all, _min_of_all = _extremum("max", np.maximum, MaxBackward1), _extremum("min", np.minimum, MinBackward1)


def no_elements(name: str, x: Array, dim: int) -> None:
    """Refuse to look for an extremum along a dimension of size 0."""
    if x.ndim and x.shape[dim] == 0:
        raise IndexError(f"{name}(): Expected reduction dim {dim} to have non-zero size.")


def _extremum_along(
    name: str, of_all: Callable[..., Tensor], pairwise: np.ufunc, arg: Callable[..., Any]
) -> Callable[..., Any]:
    @quiet
    def apply(input: Tensor, dim: int | Tensor | None = None, keepdim: bool = False) -> Tensor | ValuesAndIndices:
        if dim is None:
            return of_all(input)
        if isinstance(dim, Tensor):
            return (maximum if pairwise is np.maximum else minimum)(input, dim)
        d = one_dim(input, dim)
        no_elements(name, input._data, d)
        index = np.asarray(arg(input._data, axis=d, keepdims=True)) if input._data.ndim else np.zeros((), np.int64)
        values = pick(input, d, index, keepdim, name.capitalize())
        return ValuesAndIndices(name, values, wrap(index if keepdim or not index.ndim else index.squeeze(d)))

    apply.__name__ = name
    apply.__doc__ = (
        f"Return the {name} of all elements; with `dim` the pair (values, indices) along it; with a second tensor the "
        f"{name} of the two, element by element."
    )
    return apply


max = _extremum_along("max", _max_of_all, np.maximum, np.argmax)
min = _extremum_along("min", _min_of_all, np.minimum, np.argmin)


def _arg(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def apply(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
        x = input._data
        if x.dtype == bool:
            raise RuntimeError(f"{name}: bool tensors have no order, convert with .int() first")
        if dim is None:
            if x.size == 0:
                raise IndexError(f"{name}(): Expected reduction dim to be specified for input.numel() == 0.")
            index = np.asarray(function(x))
            return wrap(index.reshape((1,) * x.ndim) if keepdim else index)
        d = one_dim(input, dim)
        no_elements(name, x, d)
        return wrap(np.asarray(function(x, axis=d, keepdims=keepdim) if x.ndim else np.int64(0)))

    apply.__name__ = name
    which = "largest" if name == "argmax" else "smallest"
    apply.__doc__ = f"Return where the {which} element is: along `dim`, or in the flattened tensor."
    return apply


argmax, argmin = _arg("argmax", np.argmax), _arg("argmin", np.argmin)


FUNCTIONS: dict[str, Any] = {"amax": amax, "amin": amin, "max": max, "min": min, "argmax": argmax, "argmin": argmin}
METHODS: dict[str, Any] = FUNCTIONS
