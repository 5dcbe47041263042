# ruff: noqa: D102 - a derivative is described by the line under its class
"""Losses that compare two tensors element by element, each beside its derivative.

A loss is one operation, reduction included: the tape keeps the two inputs and nothing in between. Values, gradients and
second derivatives are compared with torch's in tests/scratch/test_losses.py.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from dlstudy.scratch.array_or_tensor import constant, is_array, unary
from dlstudy.scratch.quiet import quiet
from dlstudy.scratch.shapes import broadcast_shapes
from dlstudy.scratch.tape import Node, record
from dlstudy.scratch.tensor import Tensor, wrap
from dlstudy.scratch.types import Array, ArrayOrTensor

from .functions import sigmoid_array
from .pointwise import operands

REDUCTIONS = ("none", "mean", "sum")
SMALLEST_ODDS = float(np.float32(1e-12))  # torch's bound for p (1 - p), a float32 there


# -- reduction ---------------------------------------------------------------------------------------------
def reduction_of(reduction: str, size_average: bool | None = None, reduce: bool | None = None) -> str:
    """Return the reduction, also from torch's old pair of flags; ValueError if it is none of REDUCTIONS."""
    if size_average is not None or reduce is not None:
        reduction = "none" if reduce is False else "sum" if size_average is False else "mean"
        text = f"size_average and reduce args will be deprecated, please use reduction='{reduction}' instead."
        warnings.warn(text, UserWarning, stacklevel=3)
    if reduction not in REDUCTIONS:
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return reduction


def reduce_array(losses: Array, reduction: str) -> Array:
    """Return the array of losses as it is, or its mean or sum as a 0-d array; the mean of nothing is nan."""
    if reduction == "none":
        return losses
    total = np.add.reduce(losses, axis=None)
    return np.asarray(total if reduction == "sum" else total / losses.dtype.type(losses.size))


def reduce_tensor(losses: Tensor, reduction: str) -> Tensor:
    """Return the tensor of losses as it is, or its mean or sum, recorded."""
    return losses if reduction == "none" else losses.mean() if reduction == "mean" else losses.sum()


class Loss(Node):
    """A loss of `input` and `target`, elements (...) to (...) or to one number; `share` is what each element counts."""

    share: float  # 1/n if the mean was taken, else 1


def share_of(reduction: str, count: int) -> float:
    """Return what one of `count` elements counts in the result."""
    return 1 / count if reduction == "mean" and count else 1.0


def pair(name: str, input: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return the two tensors, broadcast to one shape with a warning if theirs differ."""
    if not (isinstance(input, Tensor) and isinstance(target, Tensor)):
        wrong = target if isinstance(input, Tensor) else input
        raise TypeError(f"{name}: expected input and target to be Tensors, got {type(wrong).__name__}")
    if input._data.shape != target._data.shape:
        text = (
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}). This will "
            "likely lead to incorrect results due to broadcasting. Please ensure they have the same size."
        )
        warnings.warn(text, UserWarning, stacklevel=3)
        shape = broadcast_shapes(input._data.shape, target._data.shape)
        input, target = input.expand(shape), target.expand(shape)
    return input, target


def floats(name: str, input: Tensor, target: Tensor) -> tuple[Array, Array]:
    """Return the values of both in their common format, which must be a floating-point one."""
    x, y = operands(input, target)
    if x.dtype.kind != "f":
        raise NotImplementedError(f"{name}: expected floating-point tensors, got {input.dtype}: use .float() first")
    return x, y


def between(x: ArrayOrTensor, low: float, high: float) -> ArrayOrTensor:
    """Return `x`, an array or a Tensor, limited to [low, high]."""
    return np.clip(x, low, high) if is_array(x) else x.clamp(low, high)


# -- differences -------------------------------------------------------------------------------------------
class MseLossBackward0(Loss):
    """y = (a - b)^2"""

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor, b: ArrayOrTensor) -> ArrayOrTensor:
        return (a - b) * (grad * (2 * self.share))

    def grad_b(self, grad: ArrayOrTensor, a: ArrayOrTensor, b: ArrayOrTensor) -> ArrayOrTensor:
        return (b - a) * (grad * (2 * self.share))


class HuberLossBackward0(Loss):
    """y = d^2 / 2 where |d| < delta, delta (|d| - delta / 2) elsewhere, with d = a - b"""

    delta: float

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor, b: ArrayOrTensor) -> ArrayOrTensor:
        return between(a - b, -self.delta, self.delta) * (grad * self.share)

    def grad_b(self, grad: ArrayOrTensor, a: ArrayOrTensor, b: ArrayOrTensor) -> ArrayOrTensor:
        return between(b - a, -self.delta, self.delta) * (grad * self.share)


class SmoothL1LossBackward0(Loss):
    """y = d^2 / (2 beta) where |d| < beta, |d| - beta / 2 elsewhere, with d = a - b"""

    beta: float

    def slope(self, d: ArrayOrTensor, grad: ArrayOrTensor) -> ArrayOrTensor:
        steep = between(d / self.beta, -1, 1) if self.beta else unary("sign", d)
        return steep * (grad * self.share)

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor, b: ArrayOrTensor) -> ArrayOrTensor:
        return self.slope(a - b, grad)

    def grad_b(self, grad: ArrayOrTensor, a: ArrayOrTensor, b: ArrayOrTensor) -> ArrayOrTensor:
        return self.slope(b - a, grad)


def weighted(loss: Callable[..., Tensor], input: Tensor, target: Tensor, weight: Tensor, **settings: Any) -> Tensor:
    """Return the loss of each element times its weight; ValueError unless there is one for each."""
    if not isinstance(weight, Tensor) or weight._data.shape != input._data.shape:
        raise ValueError("Weights and input must have the same size.")
    return loss(input, target, reduction="none", **settings) * weight


@quiet
def mse_loss(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean", weight: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Return the squared differences (...), or their mean or sum (); with `weight` (...) the mean divides by its sum.

    Input and target have one shape (else they are broadcast, with a warning).
    """
    reduction = reduction_of(reduction, size_average, reduce)
    input, target = pair("mse_loss", input, target)
    if weight is not None:
        losses = weighted(mse_loss, input, target, weight)
        return losses.sum() / weight.sum() if reduction == "mean" else reduce_tensor(losses, reduction)
    x, y = floats("mse_loss", input, target)
    d = np.subtract(x, y, out=...)
    out = wrap(reduce_array(np.multiply(d, d, out=d), reduction))
    return record(MseLossBackward0, out, (input, target), (x, y), share=share_of(reduction, x.size))


@quiet
def l1_loss(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean", weight: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Return the absolute differences (...), or their mean or sum (); with `weight` (...) the mean divides by its
    sum. The derivative where the two are equal is taken as 0.
    """
    reduction = reduction_of(reduction, size_average, reduce)
    input, target = pair("l1_loss", input, target)
    if weight is not None:
        losses = weighted(l1_loss, input, target, weight)
        return losses.sum() / weight.sum() if reduction == "mean" else reduce_tensor(losses, reduction)
    return reduce_tensor((input - target).abs(), reduction)


@quiet
def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """Return d^2 / 2 for differences |d| < delta and delta (|d| - delta / 2) for larger ones (Huber 1964).

    `weight` (...) multiplies the elements. RuntimeError unless delta > 0.
    """
    reduction_of(reduction)
    input, target = pair("huber_loss", input, target)
    if delta <= 0:
        raise RuntimeError(f"huber_loss does not support non-positive values for delta: got {delta}")
    if weight is not None:
        return reduce_tensor(weighted(huber_loss, input, target, weight, delta=delta), reduction)
    x, y = floats("huber_loss", input, target)
    d = np.absolute(x - y)
    losses = np.where(d < delta, 0.5 * d * d, delta * (d - 0.5 * delta))
    out = wrap(reduce_array(losses, reduction))
    return record(HuberLossBackward0, out, (input, target), (x, y), share=share_of(reduction, x.size), delta=delta)


@quiet
def smooth_l1_loss(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean", beta: float = 1.0,
) -> Tensor:  # fmt: skip
    """Return d^2 / (2 beta) for differences |d| < beta and |d| - beta / 2 for larger ones (Fast R-CNN [1504.08083],
    equation 3): the Huber loss divided by beta. RuntimeError for a negative beta.
    """
    reduction = reduction_of(reduction, size_average, reduce)
    input, target = pair("smooth_l1_loss", input, target)
    if beta < 0:
        raise RuntimeError(f"smooth_l1_loss does not support negative values for beta: got {beta}")
    if beta == 0:
        return l1_loss(input, target, reduction=reduction)
    x, y = floats("smooth_l1_loss", input, target)
    d = np.absolute(x - y)
    losses = np.where(d < beta, 0.5 * d * d / beta, d - 0.5 * beta)
    out = wrap(reduce_array(losses, reduction))
    return record(SmoothL1LossBackward0, out, (input, target), (x, y), share=share_of(reduction, x.size), beta=beta)


# -- two classes -------------------------------------------------------------------------------------------
class BinaryCrossEntropyBackward0(Loss):
    """y = -w (b ln a + (1 - b) ln(1 - a)) for a probability a"""

    weight: Any  # an array that broadcasts to the input, or 1.0

    def scale(self, grad: ArrayOrTensor) -> ArrayOrTensor:
        weight = self.weight if isinstance(self.weight, float) else constant(self.weight, grad)
        return grad * self.share * weight

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor, b: ArrayOrTensor) -> ArrayOrTensor:
        odds = a * (1 - a)
        odds = np.maximum(odds, SMALLEST_ODDS) if is_array(odds) else odds.clamp(SMALLEST_ODDS)
        return (a - b) / odds * self.scale(grad)

    def grad_b(self, grad: ArrayOrTensor, a: ArrayOrTensor) -> ArrayOrTensor:
        return (unary("log", 1 - a) - unary("log", a)) * self.scale(grad)


class BinaryCrossEntropyWithLogitsBackward0(BinaryCrossEntropyBackward0):
    """y = w ((1 - b) a + (1 + (p - 1) b) ln(1 + exp -a)) for a score a; p is the weight of the positive class"""

    pos_weight: Any  # an array that broadcasts to the input, or 1.0

    def positive(self, like: ArrayOrTensor) -> ArrayOrTensor | float:
        return self.pos_weight if isinstance(self.pos_weight, float) else constant(self.pos_weight, like)

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor, b: ArrayOrTensor) -> ArrayOrTensor:
        probability = sigmoid_array(a) if is_array(a) else a.sigmoid()
        if isinstance(self.pos_weight, float):
            return (probability - b) * self.scale(grad)
        positive = b * self.positive(b)
        return (probability * (positive + (1 - b)) - positive) * self.scale(grad)

    def grad_b(self, grad: ArrayOrTensor, a: ArrayOrTensor) -> ArrayOrTensor:
        if isinstance(self.pos_weight, float):
            return -a * self.scale(grad)
        # ln(1 + exp -a), safe for large |a|
        tail = unary("log1p", unary("exp", -unary("abs", a))) + between(-a, 0, np.inf)
        return ((self.positive(a) - 1) * tail - a) * self.scale(grad)


def _weight_array(weight: Tensor | None, kind: np.dtype[Any]) -> Array | float:
    return 1.0 if weight is None else np.asarray(weight._data, kind)


@quiet
def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """Return -w (y ln p + (1 - y) ln(1 - p)) for probabilities `input` and `target` (...), both in [0, 1].

    Logarithms are limited to -100 from below, so that p = 0 costs 100 and not inf. `weight` broadcasts to the input.
    ValueError if the shapes differ, RuntimeError for a p outside [0, 1].
    """
    reduction = reduction_of(reduction, size_average, reduce)
    if input._data.shape != target._data.shape:
        raise ValueError(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}) is deprecated. "
            "Please ensure they have the same size."
        )
    p, y = input._data, target._data
    if p.dtype is not y.dtype or p.dtype.kind != "f":
        raise RuntimeError(f"binary_cross_entropy: expected input and target of one floating-point format, got "
                           f"{input.dtype} and {target.dtype}")  # fmt: skip
    if not ((p >= 0) & (p <= 1)).all():
        raise RuntimeError("all elements of input should be between 0 and 1: use binary_cross_entropy_with_logits")
    w = _weight_array(weight, p.dtype)
    losses = (y - 1) * np.maximum(np.log1p(-p), -100) - y * np.maximum(np.log(p), -100)
    out = wrap(reduce_array(np.asarray(losses * w), reduction))
    share = share_of(reduction, p.size)
    return record(BinaryCrossEntropyBackward0, out, (input, target), (p, y), share=share, weight=w)


@quiet
def binary_cross_entropy_with_logits(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean", pos_weight: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Return the binary cross-entropy of sigmoid(input) and `target` (...), computed without ever forming exp of a
    large number. `pos_weight` multiplies the part of the positive class, `weight` the whole; both broadcast.

    ValueError if the shapes differ.
    """
    reduction = reduction_of(reduction, size_average, reduce)
    if input._data.shape != target._data.shape:
        raise ValueError(f"Target size ({target.shape}) must be the same as input size ({input.shape})")
    x, y = floats("binary_cross_entropy_with_logits", input, target)
    w, positive = _weight_array(weight, x.dtype), _weight_array(pos_weight, x.dtype)
    tail = np.log1p(np.exp(-np.absolute(x))) + np.maximum(-x, 0)  # ln(1 + exp -x)
    losses = (1 - y) * x + (tail if pos_weight is None else (1 + (positive - 1) * y) * tail)
    out = wrap(reduce_array(np.asarray(losses * w), reduction))
    operation = BinaryCrossEntropyWithLogitsBackward0
    settings = {"share": share_of(reduction, x.size), "weight": w, "pos_weight": positive}
    return record(operation, out, (input, target), (x, y), **settings)
