# ruff: noqa: D102 - a derivative is described by the line under its class
"""Softmax and its logarithm along one dimension, and running sums, each beside its derivative."""

from typing import Any

import numpy as np

from dlstudy.scratch.array_or_tensor import cumsum as cumsum_both
from dlstudy.scratch.array_or_tensor import flip
from dlstudy.scratch.quiet import quiet
from dlstudy.scratch.tape import Node, record
from dlstudy.scratch.tensor import Tensor, wrap
from dlstudy.scratch.types import Array, ArrayOrTensor, DType

from .reductions import floats_only, one_dim


class CumsumBackward0(Node):
    """y_i = a_0 + ... + a_i: a_i is in every later sum"""

    along: int

    def grad_a(self, grad: ArrayOrTensor) -> ArrayOrTensor:
        return flip(cumsum_both(flip(grad, (self.along,)), self.along), (self.along,)) if grad.ndim else grad


@quiet
def cumsum(input: Tensor, dim: int, *, dtype: DType | None = None) -> Tensor:
    """Return the running sum along `dim`; integers and booleans are summed as int64."""
    if dtype is not None:
        input = input.to(dtype)
    x = input._data
    d = one_dim(input, dim)
    kind = np.int64 if x.dtype.kind != "f" and dtype is None else x.dtype
    out = np.cumsum(x, axis=d, dtype=kind) if x.ndim else x.astype(kind)
    return record(CumsumBackward0, wrap(out), (input,), along=d)


class SoftmaxBackward0(Node):
    """y_i = exp a_i / sum of exp a"""

    along: int

    def grad_a(self, grad: ArrayOrTensor, out: ArrayOrTensor) -> ArrayOrTensor:
        weighted = grad * out
        return weighted - out * weighted.sum(axis=self.along, keepdims=True) if weighted.ndim else weighted * 0


class LogSoftmaxBackward0(Node):
    """y_i = a_i - ln(sum of exp a)"""

    along: int

    def grad_a(self, grad: ArrayOrTensor, out: ArrayOrTensor) -> ArrayOrTensor:
        if not grad.ndim:
            return grad * 0
        return grad - (out.exp() if isinstance(out, Tensor) else np.exp(out)) * grad.sum(axis=self.along, keepdims=True)


@quiet
def softmax(input: Tensor, dim: int, dtype: DType | None = None) -> Tensor:
    """Return exp(input) / sum(exp(input)) along `dim`, computed without overflow."""
    x, d = _shifted("softmax", input, dim, dtype)
    np.exp(x, out=x)
    x /= np.add.reduce(x, axis=d, keepdims=True) if x.ndim else x.copy()
    return record(SoftmaxBackward0, wrap(x), (input,), along=d)


@quiet
def log_softmax(input: Tensor, dim: int, dtype: DType | None = None) -> Tensor:
    """Return the logarithm of softmax(input) along `dim`, computed without overflow."""
    x, d = _shifted("log_softmax", input, dim, dtype)
    x -= np.log(np.add.reduce(np.exp(x), axis=d, keepdims=True) if x.ndim else np.exp(x))
    return record(LogSoftmaxBackward0, wrap(x), (input,), along=d)


def _shifted(name: str, input: Tensor, dim: int, dtype: DType | None) -> tuple[Array, int]:
    """Return input minus its largest element along `dim`, as a new array, and the dimension."""
    if dtype is not None:
        input = input.to(dtype)
    floats_only(name, input)
    x, d = input._data, one_dim(input, dim)
    if x.ndim == 0:
        return np.subtract(x, x, out=...), d
    return x - (np.maximum.reduce(x, axis=d, keepdims=True) if x.shape[d] else 0), d


FUNCTIONS: dict[str, Any] = {"cumsum": cumsum, "softmax": softmax, "log_softmax": log_softmax}
METHODS: dict[str, Any] = FUNCTIONS
