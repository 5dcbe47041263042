"""Losses of distances and margins, and of parameters of a distribution, each composed of operations on the tape."""

import math

import numpy as np

from dlstudy.scratch.shapes import broadcast_shapes
from dlstudy.scratch.tensor import Tensor, wrap

from .losses import reduce_tensor, reduction_of


def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """Return max(0, -y (a - b) + margin) for tensors (...) of one size and y = `target` of 1 or -1."""
    reduction = reduction_of(reduction, size_average, reduce)
    if input1.dim() != input2.dim() or input1.dim() != target.dim():
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: {input1.size()}, input2: {input2.size()}, target: {target.size()}"
        )
    return reduce_tensor((-target * (input1 - input2) + margin).clamp(min=0), reduction)


def hinge_embedding_loss(
    input: Tensor, target: Tensor, margin: float = 1.0, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """Return x where the target is 1 and max(0, margin - x) where it is -1, for distances x = `input` (...)."""
    reduction = reduction_of(reduction, size_average, reduce)
    y = target._data
    apart = (margin - input).clamp(min=0).masked_fill(wrap(np.asarray(y == 1)), 0.0)
    alike = input.masked_fill(wrap(np.asarray(y == -1)), 0.0)
    return reduce_tensor(apart + alike, reduction)


def soft_margin_loss(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
) -> Tensor:
    """Return ln(1 + exp(-y x)) for scores x = `input` (...) and y = `target` of 1 or -1."""
    reduction = reduction_of(reduction, size_average, reduce)
    return reduce_tensor((-target * input).exp().log1p(), reduction)


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """Return x1 . x2 / (|x1| |x2|) along `dim`, each length taken as `eps` at least."""
    shape = broadcast_shapes(x1._data.shape, x2._data.shape)  # first, as both are summed along what may be stretched
    x1, x2 = x1.expand(shape) * 1.0, x2.expand(shape) * 1.0
    length1, length2 = (_length(x, dim, eps) for x in (x1, x2))
    return ((x1 / length1) * (x2 / length2)).sum(dim)


def _length(x: Tensor, dim: int, eps: float) -> Tensor:
    square = (x * x).sum(dim, keepdim=True)
    zero = wrap(np.asarray(square._data == 0))  # where the root has no derivative, 0 is taken
    length = square.masked_fill(zero, 1.0).sqrt().masked_fill(zero, 0.0)
    # as in torch, raising a length to eps is no operation of the graph: it keeps its gradient
    return length + wrap(np.asarray(np.maximum(eps - length._data, 0), length._data.dtype))


def cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """Return 1 - cos(a, b) where the target (N) is 1 and max(0, cos(a, b) - margin) where it is -1, for (N, D).

    For two vectors (D) the target is a single number.
    """
    reduction = reduction_of(reduction, size_average, reduce)
    if target.dim() not in (0, 1) or input1.dim() != target.dim() + 1 or input1.size() != input2.size():
        raise RuntimeError(
            "cosine_embedding_loss: expected inputs of one size (N, D) and a target (N), or (D) and (), "
            f"got {list(input1.size())}, {list(input2.size())} and {list(target.size())}"
        )
    tiny = 1e-12  # torch adds it to the squares of the lengths
    dot, one, two = ((a * b).sum(-1) for a, b in ((input1, input2), (input1, input1), (input2, input2)))
    cosine = dot / ((one + tiny) * (two + tiny)).sqrt()
    y = target._data
    alike = (1 - cosine).masked_fill(wrap(np.asarray(y != 1)), 0.0)
    apart = (cosine - margin).clamp(min=0).masked_fill(wrap(np.asarray(y != -1)), 0.0)
    return reduce_tensor(alike + apart, reduction)


def triplet_margin_loss(
    anchor: Tensor, positive: Tensor, negative: Tensor, margin: float = 1.0, p: float = 2, eps: float = 1e-6,
    swap: bool = False, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """Return max(0, |a - p| - |a - n| + margin) for (N, D) or (D) (FaceNet [1503.03832], equation 3, with plain
    distances as in torch); `p` is the power of the norm, `eps` is added to the differences.

    With `swap` the distance of the positive to the negative counts instead of the anchor's where it is smaller.
    """
    reduction = reduction_of(reduction, size_average, reduce)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")

    def distance(a: Tensor, b: Tensor) -> Tensor:
        gap = (a - b + eps).abs()
        return (gap * gap).sum(-1).sqrt() if p == 2 else gap.pow(p).sum(-1).pow(1 / p)

    far = distance(anchor, negative)
    if swap:
        far = far.minimum(distance(positive, negative))
    return reduce_tensor((distance(anchor, positive) - far + margin).clamp(min=0), reduction)


def poisson_nll_loss(
    input: Tensor, target: Tensor, log_input: bool = True, full: bool = False, size_average: bool | None = None,
    eps: float = 1e-8, reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """Return rate - k ln(rate) for counts k = `target` (...); `input` is ln(rate), or the rate if not `log_input`.

    `full` adds Stirling's k ln k - k + ln(2 pi k) / 2 where k > 1, which has no gradient to the input.
    """
    reduction = reduction_of(reduction, size_average, reduce)
    losses = input.exp() - target * input if log_input else input - target * (input + eps).log()
    if full:
        many = wrap(np.asarray(target._data > 1))
        k = target.masked_fill(wrap(np.logical_not(many._data, out=...)), 2.0)
        stirling = k * k.log() - k + 0.5 * (2 * math.pi * k).log()
        losses = losses + stirling * many.to(stirling.dtype)
    return reduce_tensor(losses, reduction)


def gaussian_nll_loss(
    input: Tensor, target: Tensor, var: Tensor, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Tensor:
    """Return (ln v + (x - y)^2 / v) / 2 for a predicted mean x = `input` (...) and variance v = `var`, at least `eps`.

    `var` has the input's shape, or its last size may be 1 or missing. `full` adds ln(2 pi) / 2.
    """
    reduction = reduction_of(reduction)
    if not hasattr(var, "dim"):
        var = input.detach() * 0 + float(var)
    if var.size() != input.size():
        if tuple(input.size()[:-1]) == tuple(var.size()):
            var = var.unsqueeze(-1)
        elif len(var.size()) != len(input.size()) or tuple(var.size()[:-1]) != tuple(input.size()[:-1]):
            raise ValueError(f"var is of incorrect size: expected {list(input.size())}, got {list(var.size())}")
    if (var._data < 0).any():
        raise ValueError("var has negative entry/entries")
    # the bound is no operation of the graph in torch: what lies below it keeps its gradient
    var = var + wrap(np.asarray(np.maximum(eps - var._data, 0), var._data.dtype))
    losses = 0.5 * (var.log() + (input - target) ** 2 / var)
    if full:
        losses = losses + 0.5 * math.log(2 * math.pi)
    return reduce_tensor(losses, reduction)


__all__ = ["cosine_embedding_loss", "hinge_embedding_loss", "margin_ranking_loss", "triplet_margin_loss"]
