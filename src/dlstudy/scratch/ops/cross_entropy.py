"""Losses of distributions over classes: cross-entropy, negative log-likelihood, Kullback-Leibler divergence.

Softmax and cross-entropy are one operation: the derivative is then simply the probabilities minus the target, and the
tape keeps the scores and one number a sample instead of a second array of scores. Values, gradients and second
derivatives are compared with torch's in tests/scratch/test_losses.py.
"""

import warnings
from typing import Any

import numpy as np

from dlstudy.scratch.array_or_tensor import constant, is_array, masked, plain, unary
from dlstudy.scratch.quiet import quiet
from dlstudy.scratch.tape import Node, edge_of, mode, record
from dlstudy.scratch.tensor import Tensor, wrap
from dlstudy.scratch.types import Array, ArrayOrTensor

from .losses import pair, reduce_array, reduce_tensor, reduction_of


def log_sum_exp(z: ArrayOrTensor, axis: int) -> ArrayOrTensor:
    """Return ln(sum(exp z)) over `axis`, which stays with size 1, for an array or a Tensor; no exp overflows."""
    largest = constant(np.maximum.reduce(plain(z), axis=axis, keepdims=True), z)
    powers = z - largest
    powers = np.exp(powers, out=powers) if is_array(powers) else powers.exp()
    return unary("log", powers.sum(axis=axis, keepdims=True)) + largest


def softmax_given(z: ArrayOrTensor, log_total: Array, axis: int) -> ArrayOrTensor:
    """Return the softmax of the scores `z`; `log_total` is their log_sum_exp as an array, which a Tensor computes
    again because it is to be differentiated.
    """
    if is_array(z):
        p = np.subtract(z, log_total, out=...)
        return np.exp(p, out=p)
    return unary("exp", z - log_sum_exp(z, axis))


class ClassIndices:
    """Where the target classes lie in scores (N, C, ...), or (C,), and what each sample counts.

    `target` (N, ...) holds class numbers; samples of class `ignore_index` count 0, the others the weight of their class
    (1 if there are no weights). If all count the same, `counts` is that number, else an array (N, ...).
    """

    def __init__(self, scores: Array, target: Array, weight: Array | None, ignore_index: int, reduction: str):
        classes = scores.shape[self.axis(scores)]
        self.target, self.reduction = target, reduction
        self.rows: Any = None  # 0 to N - 1, once asked for
        # as unsigned numbers negative ones are huge: one look tells whether all are classes, and none is to be ignored
        inside = not target.size or np.maximum.reduce(target.astype(np.uint64), axis=None) < classes
        self.kept: Any = True
        counts: Any = 1.0
        if not inside or 0 <= ignore_index < classes:
            self.kept = np.not_equal(target, ignore_index, out=...)
            self.target = np.where(self.kept, target, 0)
            outside = (self.target < 0) | (self.target >= classes)
            if outside.any():
                wrong = self.target[outside].ravel()[0]
                raise IndexError(f"Target {wrong} is out of bounds: expected a class from 0 to {classes - 1}")
            counts = np.asarray(self.kept.astype(scores.dtype))
        if weight is not None:
            counts = np.asarray(counts * weight[self.target])
        self.counts = counts
        if reduction == "mean":
            self.total = target.size if isinstance(counts, float) else float(np.add.reduce(counts, axis=None))
            # the mean of nothing is nan, and what was ignored still has gradient 0
            self.counts = counts / self.total if self.total else np.where(self.kept, np.nan, 0).astype(scores.dtype)

    @staticmethod
    def axis(scores: Array | Tensor) -> int:
        """Return the dimension of the classes: the second, or the only one."""
        return 0 if scores.ndim == 1 else 1

    def places(self, ndim: int) -> tuple[Array, ...]:
        """Return the index of each sample's target class in an array of `ndim` dimensions."""
        if ndim == 1:
            return (self.target,)
        if ndim == 2:
            if self.rows is None:
                self.rows = np.arange(self.target.size)
            return (self.rows, self.target)
        first, *rest = np.ogrid[tuple(slice(n) for n in self.target.shape)]
        return (first, self.target, *rest)

    def reduce(self, losses: Array) -> Array:
        """Return the losses (N, ...) weighted, and added up unless the reduction is "none"."""
        losses = np.asarray(losses * self.counts)
        if self.reduction == "none":
            return losses
        total = np.add.reduce(losses, axis=None)
        return np.asarray(total if self.reduction == "sum" or self.total else losses.dtype.type(np.nan))

    def shares(self, grad: ArrayOrTensor, ndim: int) -> ArrayOrTensor:
        """Return what a change of each sample's loss changes in the result: a number, or (N, 1, ...)."""
        counts = self.counts
        share: Any = grad * (counts if isinstance(counts, float) else constant(np.asarray(counts), grad))
        if share.ndim and ndim > 1:
            share = share.reshape((share.shape[0], 1, *share.shape[1:]))
        return share

    def subtract(self, x: ArrayOrTensor, share: ArrayOrTensor) -> ArrayOrTensor:
        """Return `x` (N, C, ...) with `share` taken off at each sample's target class; an array `x` is overwritten."""
        if is_array(x):
            values = share if share.ndim == 0 else share.reshape(self.target.shape)
            x[self.places(x.ndim)] -= values
            return x
        marks = np.zeros(x._data.shape, bool)
        marks[self.places(marks.ndim)] = True
        return x - masked(share, marks)


class CrossEntropyBackward0(Node):
    """y = ln(sum_c exp a_c) - a_t for the target class t"""

    classes: ClassIndices

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor, log_total: Array) -> ArrayOrTensor:
        p = softmax_given(a, log_total, ClassIndices.axis(a))
        share = self.classes.shares(grad, a.ndim)
        if is_array(p):
            return self.classes.subtract(np.multiply(p, share, out=p), share)
        return self.classes.subtract(p * share, share)


class CrossEntropyBackward1(Node):
    """y = -sum_c w_c b_c ln softmax(a)_c for a target distribution b over the classes"""

    counts: float  # 1 over the number of samples if the mean was taken, else 1
    weight: Any  # w as an array that broadcasts to the scores, or 1.0
    reduced: bool

    def share(self, grad: ArrayOrTensor, a: ArrayOrTensor) -> ArrayOrTensor:
        share = grad * self.counts
        return share if self.reduced or a.ndim == 1 else share.reshape((a.shape[0], 1, *a.shape[2:]))

    def parts(self, b: ArrayOrTensor) -> ArrayOrTensor:
        return b * (self.weight if isinstance(self.weight, float) else constant(self.weight, b))

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor, b: ArrayOrTensor, log_total: Array) -> ArrayOrTensor:
        axis, parts = ClassIndices.axis(a), self.parts(b)
        p = softmax_given(a, log_total, axis)
        return (p * parts.sum(axis=axis, keepdims=True) - parts) * self.share(grad, a)

    def grad_b(self, grad: ArrayOrTensor, a: ArrayOrTensor, log_total: Array) -> ArrayOrTensor:
        log_p = a - (log_total if is_array(a) else log_sum_exp(a, ClassIndices.axis(a)))
        return -self.parts(log_p) * self.share(grad, a)


class NllLossBackward0(Node):
    """y = -a_t for the target class t"""

    classes: ClassIndices
    input_shape: Any

    def grad_a(self, grad: ArrayOrTensor) -> ArrayOrTensor:
        share = self.classes.shares(grad, len(self.input_shape))
        zeros = np.zeros(self.input_shape, grad.dtype if is_array(grad) else grad._data.dtype)
        return self.classes.subtract(constant(zeros, grad), share)


def _checked(name: str, input: Tensor, target: Tensor, weight: Tensor | None) -> Array | None:
    """Return the class weights as an array or None, after checking the shapes of scores and class numbers."""
    for what, value in (("input", input), ("target", target)):
        if not isinstance(value, Tensor):
            raise TypeError(f"{name}: expected {what} to be a Tensor, got {type(value).__name__}")
    z, t = input._data, target._data
    if z.dtype.kind != "f":
        raise RuntimeError(f"{name}: expected floating-point scores, got {input.dtype}")
    if z.ndim == 0:
        raise ValueError(f"{name}: expected scores of shape (C,) or (N, C, ...), got a single number")
    axis = ClassIndices.axis(z)
    if weight is not None:
        if weight._data.shape != (z.shape[axis],):
            raise RuntimeError(
                f"weight tensor should be defined either for all {z.shape[axis]} classes or no classes but got weight "
                f"tensor of shape: {list(weight.shape)}"
            )
        if weight._data.dtype != z.dtype:
            raise RuntimeError(f"{name}: expected weight of format {input.dtype}, got {weight.dtype}")
    if t.dtype.kind == "f" and name == "cross_entropy" and t.shape == z.shape:
        return None if weight is None else weight._data
    if t.dtype not in (np.int64, np.uint8):
        raise RuntimeError(
            f"{name}: expected target to hold class numbers in int64 (or uint8), got {target.dtype} of shape "
            f"{list(target.shape)}"
            + (f", or probabilities of shape {list(input.shape)}" if t.dtype.kind == "f" else "")
        )
    if z.ndim > 1 and (t.ndim == 0 or z.shape[0] != t.shape[0]):
        found = t.shape[0] if t.ndim else 1
        raise ValueError(f"Expected input batch_size ({z.shape[0]}) to match target batch_size ({found}).")
    expected = z.shape[:axis] + z.shape[axis + 1 :]
    if t.shape != expected:
        raise RuntimeError(f"{name}: expected target of shape {list(expected)}, got {list(t.shape)}")
    return None if weight is None else weight._data


@quiet
def cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: bool | None = None,
    ignore_index: int = -100, reduce: bool | None = None, reduction: str = "mean", label_smoothing: float = 0.0,
) -> Tensor:  # fmt: skip
    """Return -ln softmax(input) at the target classes: scores (N, C, ...) or (C,) give losses (N, ...) or ().

    `target` holds class numbers (N, ...), int64, or probabilities of the scores' shape. `weight` (C,) counts classes
    differently, and the mean then divides by the weights that occurred; samples of class `ignore_index` do not count.
    `label_smoothing` e in [0, 1] mixes the target with the uniform distribution, (1 - e) target + e / C (Inception v3
    [1512.00567], section 7). IndexError for a class out of range, ValueError or RuntimeError if shapes do not fit.
    """
    reduction = reduction_of(reduction, size_average, reduce)
    w = _checked("cross_entropy", input, target, weight)
    if not 0 <= label_smoothing <= 1:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    z, axis = input._data, ClassIndices.axis(input._data)
    if target._data.dtype.kind == "f":
        if ignore_index >= 0:
            raise RuntimeError("ignore_index is not supported for floating point target")
        return _of_distribution(input, target, w, reduction, label_smoothing)
    classes = ClassIndices(z, target._data, w, ignore_index, reduction)
    if label_smoothing:
        return _smoothed(input, classes, w, label_smoothing)
    log_total = log_sum_exp(z, axis)
    losses = log_total.reshape(classes.target.shape) - z[classes.places(z.ndim)]
    out = wrap(classes.reduce(losses))
    edge = edge_of(input) if mode.enabled else None
    if edge is not None:  # `record`, written out: most training steps come through here
        node = out._node = CrossEntropyBackward0((edge,), out._data.shape, out._data.dtype)
        node.classes = classes
        node.keep((z, log_total))
    return out


def _of_distribution(input: Tensor, target: Tensor, weight: Array | None, reduction: str, smoothing: float) -> Tensor:
    """Return the cross-entropy for a target of probabilities, which may require a gradient itself."""
    z, axis = input._data, ClassIndices.axis(input._data)
    if smoothing:
        target = target * (1 - smoothing) + smoothing / z.shape[axis]
    w: Any = 1.0
    if weight is not None:
        w = weight if z.ndim == 1 else weight.reshape((-1,) + (1,) * (z.ndim - 2))
    log_total = log_sum_exp(z, axis)
    b = target._data.astype(z.dtype, copy=False)
    losses = np.asarray(np.add.reduce((log_total - z) * (b * w), axis=axis))
    out = wrap(reduce_array(losses, reduction))
    counts = 1 / losses.size if reduction == "mean" and losses.size else 1.0
    settings = {"log_total": log_total, "counts": counts, "weight": w, "reduced": reduction != "none"}
    return record(CrossEntropyBackward1, out, (input, target), (z, b), **settings)


def _smoothed(input: Tensor, classes: ClassIndices, weight: Array | None, smoothing: float) -> Tensor:
    """Return the cross-entropy for class numbers mixed with the uniform distribution."""
    z, axis = input._data, ClassIndices.axis(input._data)
    q = np.full(z.shape, smoothing / z.shape[axis], z.dtype)
    q[classes.places(z.ndim)] += 1 - smoothing
    losses = _of_distribution(input, wrap(q), weight, "none", 0)
    if classes.kept is not True:
        losses = losses.masked_fill(wrap(np.logical_not(classes.kept, out=...)), 0.0)
    if classes.reduction == "none":
        return losses
    return losses.sum() / float(classes.total or np.nan) if classes.reduction == "mean" else losses.sum()


@quiet
def nll_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: bool | None = None,
    ignore_index: int = -100, reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """Return minus the log-probabilities `input` (N, C, ...) or (C,) at the target classes (N, ...), int64.

    `weight`, `ignore_index` and the errors are those of `cross_entropy`, which is this after log_softmax.
    """
    reduction = reduction_of(reduction, size_average, reduce)
    w = _checked("nll_loss", input, target, weight)
    z = input._data
    classes = ClassIndices(z, target._data, w, ignore_index, reduction)
    out = wrap(classes.reduce(-z[classes.places(z.ndim)]))
    return record(NllLossBackward0, out, (input,), classes=classes, input_shape=z.shape)


@quiet
def kl_div(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean", log_target: bool = False,
) -> Tensor:  # fmt: skip
    """Return q (ln q - input), element by element, for log-probabilities `input` and probabilities q = `target` (...).

    With `log_target` the target is ln q. `reduction` "batchmean" adds up and divides by the first size, which is the
    divergence itself; "mean" divides by the number of elements, and warns that it does.
    """
    if reduction == "mean" and size_average is None and reduce is None:
        text = (
            "reduction: 'mean' divides the total loss by both the batch size and the support size.'batchmean' divides "
            "only by the batch size, and aligns with the KL div math definition.'mean' will be changed to behave the "
            "same as 'batchmean' in the next major release."
        )
        warnings.warn(text, UserWarning, stacklevel=2)
    how = "sum" if reduction == "batchmean" else reduction_of(reduction, size_average, reduce)
    if log_target:
        losses = target.exp() * (target - input)
    else:
        logs = target.masked_fill(wrap(np.asarray(target._data == 0)), 1.0).log()  # 0 ln 0 = 0
        losses = target * logs - target * input
    total = reduce_tensor(losses, how)
    return total / input._data.shape[0] if reduction == "batchmean" and input._data.ndim else total


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Return class numbers (...) as rows (..., C) with a 1 at the class and 0 elsewhere, int64.

    C is `num_classes`, or the largest class plus 1 if that is -1. RuntimeError for other formats than int64, negative
    numbers and classes out of range.
    """
    t = tensor._data
    if t.dtype != np.int64:
        raise RuntimeError(f"one_hot is only applicable to index tensor of type LongTensor: got {tensor.dtype}")
    if t.size == 0 and num_classes <= 0:
        raise RuntimeError("Can not infer total number of classes from empty tensor.")
    if t.size and t.min() < 0:
        raise RuntimeError(f"Class values must be non-negative: got {t.min()}")
    count = num_classes if num_classes != -1 else int(t.max()) + 1
    if count < 1:
        raise RuntimeError(f"num_classes should be positive, got {num_classes}")
    if t.size and t.max() >= count:
        raise RuntimeError(f"Class values must be smaller than num_classes: got {t.max()} for {count} classes")
    return wrap((t[..., None] == np.arange(count)).astype(np.int64))


__all__ = ["cross_entropy", "kl_div", "nll_loss", "one_hot", "pair"]
