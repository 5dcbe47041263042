# ruff: noqa: D102 - a derivative is described by the line under its class
"""Normalization: subtract the mean and divide by the standard deviation, then scale and shift by learnt numbers.

Batch, layer and group norm differ only in what is averaged over: examples and places for each channel; the features of
each example; groups of channels of each example. One derivative serves all three.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dlstudy.scratch.array_or_tensor import constant, is_array
from dlstudy.scratch.changes import note_change
from dlstudy.scratch.dtypes import finfo
from dlstudy.scratch.quiet import quiet
from dlstudy.scratch.shapes import Shape
from dlstudy.scratch.tape import Node, record
from dlstudy.scratch.tensor import Tensor, wrap
from dlstudy.scratch.types import Array, ArrayOrTensor

from .reductions import floats_only


class NormalizationBackward(Node):
    """y = w (a - mean) / sqrt(variance + eps) + b, with mean and variance of a itself

    The statistics are those of `a` reshaped to `view`, over the dimensions `dims`; w and b meet `a` in the shape
    `parameter_shape`. With n numbers in each mean, g = w dy and x = (a - mean) / sqrt(variance + eps):
    da = (g - mean(g) - x mean(g x)) / sqrt(variance + eps)   (Ioffe and Szegedy, arXiv:1502.03167, section 3)
    """

    view: Shape
    dims: Shape
    parameter_shape: Shape
    shared: Shape  # the dimensions along which a weight is the same
    weight_shape: Shape
    eps: float

    def grad_a(
        self, grad: ArrayOrTensor, a: ArrayOrTensor, weight: ArrayOrTensor | None, mean: Array, scale: Array
    ) -> ArrayOrTensor:
        g = grad if weight is None else grad * weight.reshape(self.parameter_shape)
        g = g.reshape(self.view)
        x, scale = self.normalized(a, mean, scale)
        n = float(math.prod(self.view[d] for d in self.dims) or 1)
        mean_g = g.sum(axis=self.dims, keepdims=True) / n
        mean_gx = (g * x).sum(axis=self.dims, keepdims=True) / n
        return ((g - mean_g - x * mean_gx) * scale).reshape(a.shape)

    def grad_weight(self, grad: ArrayOrTensor, a: ArrayOrTensor, mean: Array, scale: Array) -> ArrayOrTensor:
        x, _ = self.normalized(a, mean, scale)
        return self.over_shared(grad * x.reshape(a.shape))

    def grad_bias(self, grad: ArrayOrTensor) -> ArrayOrTensor:
        return self.over_shared(grad)

    def normalized(self, a: ArrayOrTensor, mean: Array, scale: Any) -> tuple[ArrayOrTensor, Any]:
        """Return x and 1 / sqrt(variance + eps), in the shape `view`; as Tensors both know how they depend on a."""
        x = a.reshape(self.view)
        if not is_array(a):
            x = x - x.mean(self.dims, keepdim=True)
            scale = ((x * x).mean(self.dims, keepdim=True) + self.eps).rsqrt()
            return x * scale, scale
        return (x - mean) * scale, scale

    def over_shared(self, grad: ArrayOrTensor) -> ArrayOrTensor:
        """Return `grad` summed over everything that shares one weight, in the weights' own shape."""
        return (grad.sum(axis=self.shared) if self.shared else grad).reshape(self.weight_shape)


class NativeBatchNormBackward0(NormalizationBackward):
    """y = batch norm of a with the statistics of the batch"""


class NativeGroupNormBackward0(NormalizationBackward):
    """y = group norm of a"""


class NativeLayerNormBackward0(NormalizationBackward):
    """y = layer norm of a"""


def _normalize(
    operation: type[Node], input: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float, view: Shape,
    dims: Shape, shared: Shape,
) -> tuple[Tensor, Array, Array]:  # fmt: skip
    """Return the normalized tensor, and mean and variance in the shape `view` with `dims` as 1.

    `shared` are the dimensions of the input along which the weight is the same.
    """
    a = input._data
    x = a.reshape(view)
    n = x.dtype.type(math.prod(view[d] for d in dims))
    mean = np.add.reduce(x, axis=dims, keepdims=True) / n
    x = x - mean
    variance = np.add.reduce(x * x, axis=dims, keepdims=True) / n
    scale = 1 / np.sqrt(variance + x.dtype.type(eps))
    x *= scale
    y = x.reshape(a.shape)
    shape = tuple(1 if d in shared else size for d, size in enumerate(a.shape))
    if weight is not None:
        y *= weight._data.reshape(shape)
    if bias is not None:
        y += bias._data.reshape(shape)
    given = bias if weight is None else weight
    own = () if given is None else given._data.shape
    out = record(
        operation, wrap(y), (input, weight, bias), mean=mean, scale=scale, view=view, dims=dims, shared=shared,
        parameter_shape=shape, weight_shape=own, eps=eps,
    )  # fmt: skip
    return out, mean, variance


class GivenStatisticsBackward0(Node):
    """y = w (a - mean) * scale + b with given statistics: batch norm in evaluation mode"""

    shared: Shape
    parameter_shape: Shape

    def name(self) -> str:
        return "NativeBatchNormBackward0"

    def grad_a(self, grad: ArrayOrTensor, weight: ArrayOrTensor | None, scale: Array) -> ArrayOrTensor:
        factor = constant(scale, grad)
        return grad * (factor if weight is None else weight.reshape(self.parameter_shape) * factor)

    def grad_weight(self, grad: ArrayOrTensor, a: ArrayOrTensor, mean: Array, scale: Array) -> ArrayOrTensor:
        return (grad * ((a - constant(mean, a)) * constant(scale, a))).sum(axis=self.shared)

    def grad_bias(self, grad: ArrayOrTensor) -> ArrayOrTensor:
        return grad.sum(axis=self.shared)


def _check_parameters(name: str, input: Tensor, shape: Shape, *parameters: Tensor | None) -> None:
    """Refuse weights, biases and statistics of another shape or format than the input calls for."""
    for which, p in zip(("weight", "bias", "running_mean", "running_var"), parameters):
        if p is None:
            continue
        if p._data.shape != shape:
            raise RuntimeError(f"{name}: expected {which} of shape {list(shape)}, got {list(p.shape)}")
        if p._data.dtype != input._data.dtype:
            raise RuntimeError(f"{name}: expected {which} of {input.dtype}, the input's format, got {p.dtype}")


def _in_single(function: Callable[..., Tensor], input: Tensor, *tensors: Tensor | None, **settings: Any) -> Tensor:
    """Return what `function` gives for half-precision tensors, computed in single precision."""
    converted = [t if t is None else t.float() for t in tensors]
    return function(input.float(), *converted, **settings).half()


@quiet
def batch_norm(
    input: Tensor, running_mean: Tensor | None, running_var: Tensor | None, weight: Tensor | None = None,
    bias: Tensor | None = None, training: bool = False, momentum: float = 0.1, eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """Return the input (N, C, ...) with every channel normalized over examples and places.

    While `training` with the mean and variance of the batch, and running_mean and running_var (C) are moved towards
    them in place by the share `momentum` (the variance there divided by n - 1); otherwise with running_mean and
    running_var. Ioffe and Szegedy, arXiv:1502.03167. Proven equal to `torch.nn.functional.batch_norm`.
    """
    floats_only("batch_norm", input)
    a = input._data
    if a.ndim < 2:
        raise RuntimeError(f"batch_norm: expected an input of shape (N, C, ...), got {list(a.shape)}")
    shared = tuple(d for d in range(a.ndim) if d != 1)
    n = math.prod(a.shape[d] for d in shared)
    if training and n == 1:
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {input.shape}")
    if not training and (running_mean is None or running_var is None):
        raise RuntimeError("batch_norm: expected running_mean and running_var to be defined when training=False")
    if a.dtype == np.float16:
        if training and running_mean is not None:
            raise RuntimeError("batch_norm: running statistics of half-precision inputs are not kept, use float()")
        return _in_single(
            batch_norm, input, running_mean, running_var, weight, bias, training=training, momentum=momentum, eps=eps
        )
    _check_parameters("batch_norm", input, a.shape[1:2], weight, bias, running_mean, running_var)
    if not training and running_mean is not None and running_var is not None:
        return _with_given_statistics(input, running_mean, running_var, weight, bias, eps, shared)
    out, mean, variance = _normalize(NativeBatchNormBackward0, input, weight, bias, eps, a.shape, shared, shared)
    if n:
        _move(running_mean, mean.reshape(-1), momentum)
        _move(running_var, variance.reshape(-1) * (n / (n - 1)), momentum)
    return out


def _move(running: Tensor | None, new: Array, share: float) -> None:
    """Move a running statistic towards `new` by `share`, in place; None is left alone."""
    if running is not None:
        running._data[...] = (1 - share) * running._data + share * new
        note_change(running._data)


def _with_given_statistics(
    input: Tensor, running_mean: Tensor, running_var: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float,
    shared: Shape,
) -> Tensor:  # fmt: skip
    a = input._data
    shape = tuple(1 if d in shared else size for d, size in enumerate(a.shape))
    mean = running_mean._data.reshape(shape).copy()  # they may move on before the derivative is asked for
    scale = 1 / np.sqrt(running_var._data.reshape(shape) + a.dtype.type(eps))
    y = a - mean
    y *= scale if weight is None else scale * weight._data.reshape(shape)
    if bias is not None:
        y += bias._data.reshape(shape)
    inputs = (input, weight, bias)
    return record(
        GivenStatisticsBackward0, wrap(y), inputs, mean=mean, scale=scale, shared=shared, parameter_shape=shape
    )


@quiet
def layer_norm(
    input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None, bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """Return the input (..., *normalized_shape) with the last dimensions of each example normalized together.

    weight and bias have the shape `normalized_shape`. Ba et al., arXiv:1607.06450. Proven equal to
    `torch.nn.functional.layer_norm`.
    """
    floats_only("layer_norm", input)
    a, shape = input._data, tuple(normalized_shape)
    if not shape:
        raise RuntimeError("Expected normalized_shape to be at least 1-dimensional, but got normalized_shape = []")
    if a.shape[-len(shape) :] != shape:
        raise RuntimeError(
            f"Given normalized_shape={list(shape)}, expected input with shape [*, {', '.join(map(str, shape))}], "
            f"but got input of size{list(a.shape)}"
        )
    if a.dtype == np.float16:
        return _in_single(lambda x, w, b: layer_norm(x, shape, w, b, eps), input, weight, bias)
    _check_parameters("layer_norm", input, shape, weight, bias)
    leading = tuple(range(a.ndim - len(shape)))
    dims = tuple(range(a.ndim - len(shape), a.ndim))
    return _normalize(NativeLayerNormBackward0, input, weight, bias, eps, a.shape, dims, leading)[0]


@quiet
def group_norm(
    input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Return the input (N, C, ...) with the channels of each example normalized in num_groups groups.

    weight and bias are (C). Wu and He, arXiv:1803.08494. Proven equal to `torch.nn.functional.group_norm`.
    """
    floats_only("group_norm", input)
    a = input._data
    if a.ndim < 2:
        raise RuntimeError(f"Expected at least 2 dimensions for input tensor but received {a.ndim}")
    n, channels, *places = a.shape
    if num_groups <= 0 or channels % num_groups:
        raise RuntimeError(
            f"Expected number of channels in input to be divisible by num_groups, but got input of shape "
            f"{list(a.shape)} and num_groups={num_groups}"
        )
    if 0 in places:
        raise RuntimeError(f"Expected HxW to be greater than 0, got input of shape {list(a.shape)}")
    if n * channels // num_groups * math.prod(places) == 1:
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {input.shape}")
    if a.dtype == np.float16:
        return _in_single(lambda x, w, b: group_norm(x, num_groups, w, b, eps), input, weight, bias)
    _check_parameters("group_norm", input, (channels,), weight, bias)
    view = (n, num_groups, channels // num_groups * math.prod(places))
    shared = tuple(d for d in range(a.ndim) if d != 1)
    return _normalize(NativeGroupNormBackward0, input, weight, bias, eps, view, (2,), shared)[0]


def instance_norm(
    input: Tensor, running_mean: Tensor | None = None, running_var: Tensor | None = None,
    weight: Tensor | None = None, bias: Tensor | None = None, use_input_stats: bool = True, momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """Return the input (N, C, ...) with every channel of every example normalized on its own.

    running_mean and running_var (C), if given, move towards the means over the examples by the share `momentum`, and
    are used in place of the input's own when use_input_stats is off. Ulyanov et al., arXiv:1607.08022.
    """
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    places = tuple(range(2, input._data.ndim))
    n = math.prod(input._data.shape[2:])
    if n == 1 or not places:
        raise ValueError(f"Expected more than 1 spatial element when training, got input size {input.shape}")
    out = group_norm(input, input._data.shape[1], weight, bias, eps)
    if input._data.size:
        _move(running_mean, input._data.mean(places).mean(0), momentum)
        _move(running_var, input._data.var(places, ddof=1).mean(0), momentum)
    return out


def rms_norm(
    input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """Return the input (..., *normalized_shape) divided by the root of the mean of its squares over the last
    dimensions, times the weight (Zhang and Sennrich, arXiv:1910.07467).
    """
    dims = tuple(range(-len(tuple(normalized_shape)), 0))
    if input._data.shape[len(input._data.shape) - len(dims) :] != tuple(normalized_shape):
        raise RuntimeError(f"Given normalized_shape={list(normalized_shape)}, got input of size{list(input.shape)}")
    if eps is None:
        eps = finfo(input.dtype).eps
    out = input * ((input * input).mean(dims, keepdim=True) + eps).rsqrt()
    return out if weight is None else out * weight
