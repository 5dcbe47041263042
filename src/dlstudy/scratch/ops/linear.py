# ruff: noqa: D102 - a derivative is described by the line under its class
"""The linear layer, y = x W^T + b, as one operation."""

from typing import Any

import numpy as np

from dlstudy.scratch._quiet import quiet
from dlstudy.scratch.tape import Node, record
from dlstudy.scratch.tensor import Tensor, wrap

from .einstein import einsum

Array = Any


class LinearBackward0(Node):
    """y = x W^T + b, with x (..., in), W (out, in), b (out) and y (..., out)"""

    __slots__ = ()

    def grad_x(self, grad: Array, weight: Array) -> Array:
        return grad @ weight

    def grad_weight(self, grad: Array, x: Array) -> Array:
        return rows(grad).mT @ rows(x)  # (out, n) @ (n, in)

    def grad_bias(self, grad: Array) -> Array:
        return rows(grad).sum(0)


def rows(x: Array) -> Array:
    """Return `x` as a matrix, all dimensions but the last in one: (..., k) as (n, k)."""
    if x.ndim == 2:
        return x
    count = 1
    for size in x.shape[:-1]:
        count *= size
    return x.reshape((count, x.shape[-1]))


@quiet
def linear(input: Any, weight: Any, bias: Any = None) -> Any:
    """Return input @ weight.T + bias: (..., in), (out, in) and (out) give (..., out).

    RuntimeError if sizes or formats do not fit. Proven equal to `torch.nn.functional.linear`.
    """
    x, w = input._data, weight._data
    b = None if bias is None else bias._data
    if x.dtype is not w.dtype or x.ndim == 0 or x.shape[-1] != w.shape[-1] or w.ndim > 2 or w.ndim == 0:
        _refuse(input, weight)
    if b is not None and (b.dtype is not x.dtype or b.ndim > 1):
        raise RuntimeError(
            f"linear: expected a bias of {input.dtype} with at most one dimension, got {bias.dtype} and shape "
            f"{list(b.shape)}"
        )
    if x.ndim == 2 and w.ndim == 2:
        y = np.dot(x, w.T)
    else:
        y = np.matmul(x, w.T, out=...)
    if b is not None:
        if w.ndim == 2 and b.shape and b.shape[0] not in (1, w.shape[0]):
            raise RuntimeError(f"linear: expected a bias of shape [{w.shape[0]}], got {list(b.shape)}")
        y += b
    return record(LinearBackward0, wrap(y), (input, weight, bias))


def _refuse(input: Tensor, weight: Tensor) -> None:
    """Say what does not fit."""
    if input.dtype != weight.dtype:
        raise RuntimeError(
            f"linear: expected input and weight to have the same dtype, got {input.dtype} and {weight.dtype}"
        )
    raise RuntimeError(
        f"linear: mat1 and mat2 shapes cannot be multiplied: expected an input of shape (..., {weight.shape[-1:]}), "
        f"got input {list(input.shape)} and weight {list(weight.shape)}"
    )


def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Any:
    """Return y_k = input1^T weight_k input2 + bias_k: (..., i), (..., j), (k, i, j) and (k) give (..., k)."""
    out = einsum("...i,kij,...j->...k", input1, weight, input2)
    return out if bias is None else out + bias
