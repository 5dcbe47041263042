# ruff: noqa: D102 - a derivative is described by the line under its class
"""Dropout: setting a random part of the numbers to 0 (Srivastava et al., 2014).

"Inverted": what is kept is divided by the probability of being kept while training, so that nothing is left to do
afterwards. After the same `manual_seed` the same numbers are dropped as in torch.
"""

import math
import warnings
from typing import Any

import numpy as np

from dlstudy.scratch import random
from dlstudy.scratch.array_or_tensor import constant
from dlstudy.scratch.shapes import Shape
from dlstudy.scratch.tape import Node, record
from dlstudy.scratch.tensor import Tensor, wrap
from dlstudy.scratch.types import Array, ArrayOrTensor

from .reductions import floats_only


class DropoutBackward0(Node):
    """y = a * noise, where the noise is 0 or 1 / (1 - p)"""

    def grad_a(self, grad: ArrayOrTensor, noise: Array) -> ArrayOrTensor:
        return grad * constant(noise, grad)


def _check(p: float) -> None:
    if p < 0.0 or p > 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def _kept(shape: Shape, kind: np.dtype[Any], p: float) -> Array:
    """Return an array of ones, of which each has become 0 with probability p."""
    return random.bernoulli_array(math.prod(shape), 1 - p, None).reshape(shape).astype(kind)


def _drop(input: Tensor, p: float, training: bool, shape: Shape) -> Tensor:
    """Return the input times noise of `shape`, which broadcasts to the input's."""
    _check(p)
    x = input._data
    if not training or p == 0 or x.size == 0:
        return input
    floats_only("dropout", input)
    noise = np.zeros(shape, x.dtype) if p == 1 else _kept(shape, x.dtype, p)
    if p < 1:
        noise /= x.dtype.type(1 - p)
    return record(DropoutBackward0, wrap(np.multiply(x, noise, out=...)), (input,), noise=noise)


def dropout(input: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    """Return the input with each element set to 0 with probability p and the others divided by 1 - p; the input itself
    if not `training`.
    """
    return _drop(input, p, training, input._data.shape)


def feature_dropout(input: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    """Return the input (N, C, ...) with whole channels of single examples set to 0, with probability p."""
    shape = _with_channels(input) if training and 0 < p < 1 else input._data.shape
    return _drop(input, p, training, (*shape[:2], *(1 for _ in shape[2:])))


def _with_channels(input: Tensor) -> Shape:
    shape: Shape = input._data.shape
    if len(shape) < 2:
        raise RuntimeError(f"Feature dropout requires at least 2 dimensions in the input, got shape {list(shape)}")
    return shape


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    """Return the input (N, C, L) or (C, L) with whole channels set to 0, with probability p."""
    _check(p)
    if input._data.ndim not in (2, 3):
        raise RuntimeError(f"dropout1d: Expected 2D or 3D input, but received a {input._data.ndim}D input.")
    if input._data.ndim == 2:
        return feature_dropout(input.unsqueeze(0), p, training).squeeze(0)
    return feature_dropout(input, p, training)


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    """Return the input (N, C, H, W) with whole channels set to 0, with probability p; (N, C, L) is taken as well."""
    _check(p)
    if input._data.ndim not in (3, 4):
        warnings.warn(f"dropout2d: Received a {input._data.ndim}-D input, expected (N, C, H, W).", stacklevel=3)
    if input._data.ndim == 3:
        warnings.warn("dropout2d: a 3-D input is taken as (N, C, L): use dropout1d for that.", stacklevel=3)
    return feature_dropout(input, p, training)


def dropout3d(input: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    """Return the input (N, C, D, H, W) or (C, D, H, W) with whole channels set to 0, with probability p."""
    _check(p)
    if input._data.ndim not in (4, 5):
        warnings.warn(f"dropout3d: Received a {input._data.ndim}-D input, expected (N, C, D, H, W).", stacklevel=3)
    if input._data.ndim != 5:
        return feature_dropout(input.unsqueeze(0), p, training).squeeze(0)
    return feature_dropout(input, p, training)


SELU_FLOOR = 1.7580993408473766  # the negative of what selu gives for very negative input


def _alpha_drop(input: Tensor, p: float, training: bool, shape: Shape) -> Tensor:
    _check(p)
    x = input._data
    if not training or p == 0 or x.size == 0:
        return input
    floats_only("dropout", input)
    if p == 1:
        return input * 0
    kept = _kept(shape, x.dtype, p)
    scale = 1 / math.sqrt((SELU_FLOOR * SELU_FLOOR * p + 1) * (1 - p))
    moved = (kept - 1) * x.dtype.type(SELU_FLOOR * scale) + x.dtype.type(SELU_FLOOR * scale * p)
    noise = kept * x.dtype.type(scale)
    return record(DropoutBackward0, wrap(np.add(x * noise, moved, out=...)), (input,), noise=noise)


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False) -> Tensor:
    """Return the input with elements set to selu's lowest value with probability p, scaled and moved so that mean 0 and
    variance 1 stay (Klambauer et al., arXiv:1706.02515).
    """
    return _alpha_drop(input, p, training, input._data.shape)


def feature_alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False) -> Tensor:
    """Return alpha_dropout of whole channels: (N, C, ...)."""
    shape = _with_channels(input) if training and 0 < p < 1 else input._data.shape
    return _alpha_drop(input, p, training, (*shape[:2], *(1 for _ in shape[2:])))
