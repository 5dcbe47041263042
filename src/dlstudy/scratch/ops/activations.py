# ruff: noqa: D102 - a derivative is described by the line under its class
"""Activation functions, each beside its derivative: what stands between the layers and makes a network more than one.

relu, sigmoid and tanh are in `functions.py`, softmax in `softmax.py`. `a` is the input. The functions are held against
torch's in values, first and second derivatives.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from dlstudy.scratch import random
from dlstudy.scratch.array_or_tensor import is_array, masked, plain, select, unary
from dlstudy.scratch.quiet import quiet
from dlstudy.scratch.shapes import Shape
from dlstudy.scratch.tape import Node, record
from dlstudy.scratch.tensor import Tensor, wrap
from dlstudy.scratch.types import Array, ArrayOrTensor

from .functions import sigmoid_array
from .reductions import floats_only
from .special import erf_array


def sigmoid_of(x: ArrayOrTensor) -> ArrayOrTensor:
    """Return 1 / (1 + exp(-x)) of an array or a Tensor."""
    return sigmoid_array(x) if is_array(x) else x.sigmoid()


def negative_part(x: ArrayOrTensor) -> ArrayOrTensor:
    """Return min(x, 0) of an array or a Tensor."""
    return np.minimum(x, 0) if is_array(x) else x.clamp(max=0)


def softplus_array(x: Array) -> Array:
    """Return ln(1 + exp x) of an array, without overflow."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def pointwise(
    name: str, input: Tensor, operation: type[Node], compute: Callable[[Array], Array], **settings: Any
) -> Tensor:
    """Return `compute` of the input's array as a tensor that leaves `operation` on the tape; half precision is computed
    in single.
    """
    floats_only(name, input)
    x = input._data
    y = compute(x) if x.dtype != np.float16 else compute(x.astype(np.float32)).astype(np.float16)
    return record(operation, wrap(np.asarray(y, x.dtype)), (input,), **settings)


# -- bent lines --------------------------------------------------------------------------------------------
class LeakyReluBackward0(Node):
    """y = a above 0, slope * a below"""

    slope: float

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor) -> ArrayOrTensor:
        return select(plain(a) > 0, grad, grad * self.slope)


@quiet
def leaky_relu(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """Return the input where it is positive, and negative_slope times it elsewhere (Maas et al., 2013)."""
    return pointwise(
        "leaky_relu", input, LeakyReluBackward0, lambda x: np.where(x > 0, x, x * negative_slope), slope=negative_slope
    )


class PreluKernelBackward0(Node):
    """y = a above 0, w * a below, where w is learnt"""

    weight_shape: Shape  # that w has when it meets a

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor, w: ArrayOrTensor) -> ArrayOrTensor:
        return select(plain(a) > 0, grad, grad * w.reshape(self.weight_shape))

    def grad_w(self, grad: ArrayOrTensor, a: ArrayOrTensor) -> ArrayOrTensor:
        per_element = masked(grad * a, ~(plain(a) > 0))
        kept = tuple(d for d, size in enumerate(self.weight_shape) if size != 1)
        dims = tuple(d for d in range(grad.ndim) if d not in kept)
        return (per_element.sum(axis=dims) if dims else per_element).reshape((math.prod(self.weight_shape),))


@quiet
def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """Return the input where it is positive, and `weight` times it elsewhere: one weight, or one for each channel (the
    second dimension). He et al., arXiv:1502.01852.
    """
    floats_only("prelu", input)
    x, w = input._data, weight._data
    channels = x.shape[1] if x.ndim > 1 else 1
    if w.dtype != x.dtype:
        raise RuntimeError(f"prelu: Type promoting not supported. Got {input.dtype} and {weight.dtype}")
    if w.ndim > 1 or w.size not in (1, channels):
        raise RuntimeError(
            f"prelu: expected one weight, or one for each of the {channels} channels, got shape {list(w.shape)}"
        )
    shape = (1,) * x.ndim if w.size == 1 else tuple(w.size if d == 1 else 1 for d in range(x.ndim))
    out = wrap(np.asarray(np.where(x > 0, x, w.reshape(shape) * x)))
    return record(PreluKernelBackward0, out, (input, weight), weight_shape=shape)


class RreluWithNoiseBackward0(Node):
    """y = a above 0, slope * a below, with a random slope for each element"""

    def grad_a(self, grad: ArrayOrTensor, slope: Array) -> ArrayOrTensor:
        return grad * (slope if is_array(grad) else wrap(slope))


@quiet
def rrelu(input: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False) -> Tensor:
    """Return leaky_relu with slopes drawn evenly from [lower, upper), one for each element that is not positive; when
    not training, with the mean of the two.
    """
    if not training:
        return leaky_relu(input, (lower + upper) / 2)
    floats_only("rrelu", input)
    x = input._data
    slope = np.ones_like(x)
    below = x <= 0
    slope[below] = random.uniform_array(int(below.sum()), np.dtype(float), None) * (upper - lower) + lower
    return record(RreluWithNoiseBackward0, wrap(np.asarray(x * slope)), (input,), slope=slope)


class HardtanhBackward0(Node):
    """y = a held between low and high"""

    low: float
    high: float

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor) -> ArrayOrTensor:
        x = plain(a)
        return masked(grad, ~((x <= self.low) | (x >= self.high)))


@quiet
def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """Return the input held between min_val and max_val."""
    if min_val > max_val:
        raise ValueError(f"min_val cannot be greater than max_val: got {min_val} and {max_val}")
    x = input._data
    if x.dtype == bool:
        raise RuntimeError("Bool inputs not supported for hardtanh")
    y = np.clip(x, x.dtype.type(min_val), x.dtype.type(max_val))
    return record(HardtanhBackward0, wrap(np.asarray(y)), (input,), low=min_val, high=max_val)


def relu6(input: Tensor) -> Tensor:
    """Return min(max(0, input), 6)."""
    return hardtanh(input, 0.0, 6.0)


class ThresholdBackward0(Node):
    """y = a above a threshold, a given value elsewhere"""

    threshold: float

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor) -> ArrayOrTensor:
        return masked(grad, ~(plain(a) <= self.threshold))


@quiet
def threshold(input: Tensor, threshold: float, value: float) -> Tensor:
    """Return the input where it is above `threshold`, and `value` elsewhere."""
    x = input._data
    if x.dtype == bool:
        raise NotImplementedError("threshold is not defined for bool tensors")
    y = np.where(x <= threshold, x.dtype.type(value), x)
    return record(ThresholdBackward0, wrap(np.asarray(y)), (input,), threshold=threshold)


class HardshrinkBackward0(Node):
    """y = a outside of [-limit, limit], 0 inside"""

    limit: float

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor) -> ArrayOrTensor:
        return masked(grad, ~(np.abs(plain(a)) <= self.limit))


@quiet
def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """Return the input where its size is above lambd, and 0 elsewhere."""
    return pointwise(
        "hardshrink", input, HardshrinkBackward0, lambda x: np.where(np.abs(x) <= lambd, 0, x), limit=lambd
    )


class SoftshrinkBackward0(HardshrinkBackward0):
    """y = a moved towards 0 by limit, 0 inside of [-limit, limit]"""


@quiet
def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """Return the input moved towards 0 by lambd, and 0 where that would change its sign."""
    if lambd < 0:
        raise RuntimeError(f"lambda must be greater or equal to 0, but found to be {lambd}.")

    def compute(x: Array) -> Array:
        return np.where(x > lambd, x - lambd, np.where(x < -lambd, x + lambd, x * 0))

    return pointwise("softshrink", input, SoftshrinkBackward0, compute, limit=lambd)


class HardsigmoidBackward0(Node):
    """y = a/6 + 1/2 held between 0 and 1"""

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor) -> ArrayOrTensor:
        x = plain(a)
        return masked(grad / 6, (x > -3) & (x < 3))


@quiet
def hardsigmoid(input: Tensor) -> Tensor:
    """Return input / 6 + 1/2 held between 0 and 1."""
    return pointwise("hardsigmoid", input, HardsigmoidBackward0, lambda x: np.clip(x + 3, 0, 6) / 6)


class HardswishBackward0(Node):
    """y = a * hardsigmoid a"""

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor) -> ArrayOrTensor:
        x = plain(a)
        return masked(select(x < 3, grad * (a / 3 + 0.5), grad), ~(x <= -3))


@quiet
def hardswish(input: Tensor) -> Tensor:
    """Return input * hardsigmoid(input) (Howard et al., arXiv:1905.02244)."""
    return pointwise("hardswish", input, HardswishBackward0, lambda x: x * np.clip(x + 3, 0, 6) / 6)


# -- smooth curves -----------------------------------------------------------------------------------------
class EluBackward0(Node):
    """y = scale * a above 0, scale * alpha * (exp(inner * a) - 1) below"""

    alpha: float
    scale: float
    inner: float

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor) -> ArrayOrTensor:
        below = unary("exp", negative_part(a) * self.inner) * (self.alpha * self.scale * self.inner)
        return select(plain(a) <= 0, grad * below, grad * self.scale)


def _elu(name: str, input: Tensor, alpha: float, scale: float, inner: float) -> Tensor:
    def compute(x: Array) -> Array:
        return np.where(x > 0, x * scale, np.expm1(np.minimum(x, 0) * inner) * (alpha * scale))

    return pointwise(name, input, EluBackward0, compute, alpha=alpha, scale=scale, inner=inner)


@quiet
def elu(input: Tensor, alpha: float = 1.0) -> Tensor:
    """Return the input above 0, alpha * (exp(input) - 1) below (Clevert et al., arXiv:1511.07289)."""
    return _elu("elu", input, alpha, 1.0, 1.0)


@quiet
def selu(input: Tensor) -> Tensor:
    """Return elu with the scale that keeps mean 0 and variance 1 (Klambauer et al., arXiv:1706.02515)."""
    return _elu("selu", input, SELU_ALPHA, SELU_SCALE, 1.0)


@quiet
def celu(input: Tensor, alpha: float = 1.0) -> Tensor:
    """Return the input above 0, alpha * (exp(input / alpha) - 1) below (Barron, arXiv:1704.07483)."""
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return _elu("celu", input, alpha, 1.0, 1.0 / alpha)


SELU_ALPHA, SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


class SoftplusBackward0(Node):
    """y = ln(1 + exp(beta * a)) / beta; a itself where beta * a is above a threshold"""

    beta: float
    threshold: float

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor) -> ArrayOrTensor:
        return select(plain(a) * self.beta > self.threshold, grad, grad * sigmoid_of(a * self.beta))


@quiet
def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """Return ln(1 + exp(beta * input)) / beta, a smooth relu; the input itself where beta * input > threshold."""

    def compute(x: Array) -> Array:
        return np.where(x * beta > threshold, x, softplus_array(x * beta) / beta)

    return pointwise("softplus", input, SoftplusBackward0, compute, beta=beta, threshold=threshold)


class LogSigmoidBackward0(Node):
    """y = ln sigmoid a"""

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor) -> ArrayOrTensor:
        return grad * sigmoid_of(-a)


@quiet
def logsigmoid(input: Tensor) -> Tensor:
    """Return ln(1 / (1 + exp(-input))), computed without overflow."""
    return pointwise("logsigmoid", input, LogSigmoidBackward0, lambda x: -softplus_array(-x))


class SiluBackward0(Node):
    """y = a * sigmoid a"""

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor) -> ArrayOrTensor:
        s = sigmoid_of(a)
        return grad * (s * (1 + a * (1 - s)))


@quiet
def silu(input: Tensor) -> Tensor:
    """Return input * sigmoid(input), also called swish (Elfwing et al., arXiv:1702.03118)."""
    return pointwise("silu", input, SiluBackward0, lambda x: x / (1 + np.exp(-x)))


class MishBackward0(Node):
    """y = a * tanh(softplus a)"""

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor) -> ArrayOrTensor:
        t = np.tanh(softplus_array(a)) if is_array(a) else softplus(a).tanh()
        return grad * (t + a * sigmoid_of(a) * (1 - t * t))


@quiet
def mish(input: Tensor) -> Tensor:
    """Return input * tanh(softplus(input)) (Misra, arXiv:1908.08681)."""
    return pointwise("mish", input, MishBackward0, lambda x: x * np.tanh(softplus_array(x)))


ROOT_HALF = math.sqrt(0.5)
GELU_K, GELU_C = math.sqrt(2 / math.pi), 0.044715


class GeluBackward0(Node):
    """y = a * Phi(a), with the distribution function Phi of the normal distribution, exact or by tanh"""

    approximate: str

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor) -> ArrayOrTensor:
        if self.approximate == "tanh":
            t = unary("tanh", (a + a * a * a * GELU_C) * GELU_K)
            return grad * (0.5 * (1 + t) + 0.5 * a * (1 - t * t) * (1 + a * a * (3 * GELU_C)) * GELU_K)
        erf = erf_array(a * ROOT_HALF) if is_array(a) else (a * ROOT_HALF).erf()
        density = unary("exp", a * a * -0.5) / math.sqrt(2 * math.pi)
        return grad * (0.5 * (1 + erf) + a * density)


@quiet
def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """Return input * Phi(input), where Phi is the normal distribution function, or with "tanh" its approximation
    (Hendrycks and Gimpel, arXiv:1606.08415).
    """
    if approximate not in ("none", "tanh"):
        raise RuntimeError(f"approximate argument must be either none or tanh, got {approximate!r}")

    def compute(x: Array) -> Array:
        if approximate == "tanh":
            return 0.5 * x * (1 + np.tanh((x + x * x * x * GELU_C) * GELU_K))
        return 0.5 * x * (1 + erf_array(x * x.dtype.type(ROOT_HALF)))

    return pointwise("gelu", input, GeluBackward0, compute, approximate=approximate)


# -- made of others ----------------------------------------------------------------------------------------
def softsign(input: Tensor) -> Tensor:
    """Return input / (1 + |input|)."""
    return input / (input.abs() + 1)


def tanhshrink(input: Tensor) -> Tensor:
    """Return input - tanh(input)."""
    return input - input.tanh()


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """Return the first half of the input along `dim` times the sigmoid of the second (Dauphin et al.,
    arXiv:1612.08083).
    """
    floats_only("glu", input)
    if input._data.ndim == 0:
        raise RuntimeError("glu does not support 0-dimensional tensors")
    if input.size(dim) % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {dim} is size {input.size(dim)}")
    first, second = input.chunk(2, dim)
    return first * second.sigmoid()


FUNCTIONS: dict[str, Any] = {  # what torch has beside nn.functional
    "selu": selu, "celu": celu, "prelu": prelu, "rrelu": rrelu, "threshold": threshold, "hardshrink": hardshrink,
}  # fmt: skip
METHODS: dict[str, Any] = {"prelu": prelu, "hardshrink": hardshrink}
