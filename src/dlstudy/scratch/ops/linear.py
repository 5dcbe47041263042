# ruff: noqa: D102 - a derivative is described by the line under its class
"""The linear layer, y = x W^T + b, as one operation."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from dlstudy.scratch.quiet import SILENT, hush, unhush
from dlstudy.scratch.tape import OUTPUT, Node, edge_of, mode
from dlstudy.scratch.tensor import Tensor
from dlstudy.scratch.types import Array, ArrayOrTensor

from .einsum import einsum
from .functions import relu_array, relu_backward
from .matrix import matmul

new = object.__new__


class LinearBackward0(Node):
    """y = x W^T + b, with x (..., in), W (out, in), b (out) and y (..., out)"""

    __slots__ = ()

    def grad_x(self, grad: ArrayOrTensor, weight: ArrayOrTensor) -> ArrayOrTensor:
        return grad @ weight

    def grad_weight(self, grad: ArrayOrTensor, x: ArrayOrTensor) -> ArrayOrTensor:
        return rows(grad).mT @ rows(x)  # (out, n) @ (n, in)

    def grad_bias(self, grad: ArrayOrTensor) -> ArrayOrTensor:
        return rows(grad).sum(0)


class LinearReluBackward0(LinearBackward0):
    """y = max(x W^T + b, 0): the gradient passes where y is not 0, and then goes on as that of the linear layer"""

    __slots__ = ()
    keeps = (*LinearBackward0.keeps, "out")
    sources = (*LinearBackward0.sources, OUTPUT)
    users = (*LinearBackward0.users, (0, 1, 2))

    def name(self) -> str:
        return "ReluBackward0"

    def gate(self, grad: ArrayOrTensor, saved: tuple[Any, ...], may_change: bool) -> ArrayOrTensor:
        return relu_backward(grad, saved[-1], may_change)


def rows(x: ArrayOrTensor) -> ArrayOrTensor:
    """Return `x` as a matrix, all dimensions but the last in one: (..., k) as (n, k)."""
    return x if x.ndim == 2 else x.reshape((math.prod(x.shape[:-1]), x.shape[-1]))


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return input @ weight.T + bias: (..., in), (out, in) and (out) give (..., out).

    RuntimeError if sizes or formats do not fit. Proven equal to `torch.nn.functional.linear`.
    """
    if weight._data.ndim == 1:  # one output, without a dimension of its own
        _check(input, weight, bias)
        product = matmul(input, weight)
        return product if bias is None else product + bias
    return _affine(input, weight, bias, None)


def linear_relu(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return relu(linear(input, weight, bias)) as one operation, in the memory of one result: what
    `Sequential(Linear, ReLU)` does when nobody looks at what is between the two.
    """
    return _affine(input, weight, bias, relu_array)


def _affine(input: Tensor, weight: Tensor, bias: Tensor | None, activation: Callable[..., Array] | None) -> Tensor:
    """Return activation(input @ weight.T + bias), written out as the steps of a network are mostly this."""
    x, w = input._data, weight._data
    b = None if bias is None else bias._data
    plain = x.ndim == w.ndim == 2
    fits = plain and x.shape[1] == w.shape[1] and x.dtype is w.dtype
    if not fits or (b is not None and (b.shape != w.shape[:1] or b.dtype is not x.dtype)):
        _check(input, weight, bias)
    token = hush(SILENT)
    try:
        y = np.dot(x, w.T) if plain else np.matmul(x, w.T, out=...)
        if b is not None:
            y += b
        if activation is not None:
            activation(y, out=y)
    finally:
        unhush(token)
    out = new(Tensor)
    out._data = y
    if mode.enabled:
        edges = (edge_of(input), edge_of(weight), None if bias is None else edge_of(bias))
        if edges != NO_EDGES and y.dtype.kind == "f":
            kept = (x if edges[1] is not None else None, w if edges[0] is not None else None)
            if activation is None:
                node = out._node = LinearBackward0(edges, y.shape, y.dtype)
                node.saved = kept
            else:
                node = out._node = LinearReluBackward0(edges, y.shape, y.dtype)
                node.saved = (*kept, y)
    return out


NO_EDGES = (None, None, None)


def _check(input: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    """Say what does not fit."""
    x, w = input._data, weight._data
    if x.dtype != w.dtype:
        raise RuntimeError(
            f"linear: expected input and weight to have the same dtype, got {input.dtype} and {weight.dtype}"
        )
    if x.ndim == 0 or w.ndim not in (1, 2) or x.shape[-1] != w.shape[-1]:
        raise RuntimeError(
            f"linear: mat1 and mat2 shapes cannot be multiplied: got input {list(x.shape)} and weight {list(w.shape)}, "
            f"expected the last sizes to agree"
        )
    if bias is not None:
        b = bias._data
        if b.dtype != x.dtype:
            raise RuntimeError(f"linear: expected a bias of {input.dtype}, as the input, got {bias.dtype}")
        if w.ndim == 1 and (b.ndim or x.ndim == 2):
            raise RuntimeError(f"linear: expected no bias beside a weight without outputs, got shape {list(b.shape)}")
        if b.shape not in ((), (1,), w.shape[:-1]):
            raise RuntimeError(f"linear: expected a bias of shape {list(w.shape[:-1])}, got {list(b.shape)}")


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return y_k = input1^T weight_k input2 + bias_k: (..., i), (..., j), (k, i, j) and (k) give (..., k)."""
    out = einsum("...i,kij,...j->...k", input1, weight, input2)
    return out if bias is None else out + bias
