# ruff: noqa: D102 - a derivative is described by the line under its class
"""Pooling: one number for each window, the largest or the mean, each beside its derivative."""

import math
from typing import Any

import numpy as np

from dlstudy.scratch.array_or_tensor import is_array, plain
from dlstudy.scratch.conv import pool
from dlstudy.scratch.conv.geometry import Geometry, Pair, pair
from dlstudy.scratch.quiet import quiet
from dlstudy.scratch.shapes import Shape
from dlstudy.scratch.tape import Node, record
from dlstudy.scratch.tensor import Tensor, wrap
from dlstudy.scratch.types import Array, ArrayOrTensor, Ints


class MaxPool2DWithIndicesBackward0(Node):
    """y = the largest of each window of a; the first of equal ones gets the gradient"""

    geo: Geometry

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor, out: ArrayOrTensor) -> ArrayOrTensor:
        if is_array(grad):
            return pool.max_pool_gradient(grad, a, out, self.geo)
        return put(grad, pool.winners(plain(a), plain(out), self.geo), plain(a).shape)


def put(grad: Tensor, index: Array, shape: Shape) -> Tensor:
    """Return planes of zeros, of `shape`, with each number of `grad` added at its place `index` of its plane."""
    *lead, h, w = index.shape
    zeros = wrap(np.zeros((*lead, shape[-2] * shape[-1]), grad._data.dtype))
    return zeros.scatter_add(-1, wrap(index.reshape(*lead, h * w)), grad.reshape(*lead, h * w)).reshape(*shape)


class AvgPool2DBackward0(Node):
    """y = the mean of each window of a"""

    geo: Geometry
    counts: Any  # by what each window's sum is divided

    def grad_a(self, grad: ArrayOrTensor) -> ArrayOrTensor:
        return spread_mean(grad, self.geo, self.counts)


class SpreadMeanBackward0(Node):
    """x = the gradient of the mean of each window, g"""

    geo: Geometry
    counts: Any

    def grad_g(self, grad: ArrayOrTensor) -> ArrayOrTensor:
        return window_mean(grad, self.geo, self.counts)


@quiet
def window_mean(x: ArrayOrTensor, geo: Geometry, counts: Array | float) -> ArrayOrTensor:
    """Return each window's sum divided by its number of `counts`, for an array or a Tensor."""
    y = pool.sum_pool(plain(x), geo)
    y /= counts
    return y if is_array(x) else record(AvgPool2DBackward0, wrap(y), (x,), geo=geo, counts=counts)


@quiet
def spread_mean(grad: ArrayOrTensor, geo: Geometry, counts: Array | float) -> ArrayOrTensor:
    """Return each number of `grad`, divided by its number of `counts`, added to its whole window."""
    x = pool.sum_pool_gradient(plain(grad) / counts, geo)
    return x if is_array(grad) else record(SpreadMeanBackward0, wrap(x), (grad,), geo=geo, counts=counts)


# -- what users call -----------------------------------------------------------------------------------------
def _pool_geometry(
    name: str, input: Tensor, kernel_size: Ints, stride: Ints | None, padding: Ints, dilation: Ints, ceil_mode: bool
) -> Geometry:
    """Return the geometry of a pooling of `input`, with the places that `ceil_mode` adds."""
    shape = input._data.shape
    if len(shape) not in (3, 4) or 0 in shape[-3:]:
        raise RuntimeError(
            f"{name}: Expected 3D or 4D (batch mode) tensor with optional 0 dim batch size for input, "
            f"but got: {list(shape)}"
        )
    k, p, d = (
        pair(v, n, name) for v, n in ((kernel_size, "kernel_size"), (padding, "padding"), (dilation, "dilation"))
    )
    s = k if stride is None or stride == [] or stride == () else pair(stride, "stride", name)
    if min(k) <= 0 or min(s) <= 0 or min(d) <= 0:
        raise RuntimeError(
            f"{name}: expected kernel size, stride and dilation greater than zero, "
            f"got kernel size {list(k)}, stride {list(s)}, dilation {list(d)}; stride should not be zero"
        )
    if any(a < 0 or a > (dd * (kk - 1) + 1) // 2 for a, kk, dd in zip(p, k, d)):
        raise RuntimeError(
            f"{name}: pad should be at most half of effective kernel size, but got pad={max(p)}, "
            f"kernel_size={max(k)} and dilation={max(d)}"
        )
    h, w = (_places(*sizes, ceil_mode) for sizes in zip(shape[-2:], k, s, p, d))
    if h < 1 or w < 1:
        raise RuntimeError(
            f"{name}: Given input size: ({'x'.join(map(str, shape[-3:]))}). Calculated output size: "
            f"({shape[-3]}x{h}x{w}). Output size is too small"
        )
    return Geometry(shape[-2:], k, s, p, p, d, 1, (h, w))


def _places(n: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> int:
    """Return how many places a window has; with `ceil_mode` also one that starts inside and ends outside."""
    room = n + 2 * padding - dilation * (kernel - 1) - 1
    if not ceil_mode:
        return room // stride + 1
    places = -(-room // stride) + 1
    return places - 1 if (places - 1) * stride >= n + padding else places


def max_pool2d(
    input: Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    dilation: Ints = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """Return the largest number of each window of `input`, (N, C, H, W) or (C, H, W).

    The stride is the kernel size unless given. With `return_indices` also where in its plane (row * W + column) each
    stands. RuntimeError if a size is out of range. Proven equal to `torch.nn.functional.max_pool2d`.
    """
    geo = _pool_geometry("max_pool2d", input, kernel_size, stride, padding, dilation, ceil_mode)
    x = input._data
    y = pool.max_pool(x, geo)
    out = record(MaxPool2DWithIndicesBackward0, wrap(y), (input,), geo=geo)
    return (out, wrap(pool.winners(x, y, geo))) if return_indices else out


def avg_pool2d(
    input: Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Return the mean of each window of `input`, (N, C, H, W) or (C, H, W).

    Zeros of the padding count as numbers unless `count_include_pad` is False; `divisor_override` is what sums are
    divided by instead. RuntimeError if a size is out of range. Proven equal to `torch.nn.functional.avg_pool2d`.
    """
    geo = _pool_geometry("avg_pool2d", input, kernel_size, stride, padding, 1, ceil_mode)
    if divisor_override == 0:
        raise RuntimeError("avg_pool2d: divisor must be not zero")
    counts = divisor_override or _counts(geo, count_include_pad)
    return window_mean(input, geo, counts if isinstance(counts, int) else counts.astype(input._data.dtype))


def _counts(geo: Geometry, count_include_pad: bool) -> Array | int:
    """Return how many numbers each window has: an int if all have the same number, else an array (Ho, Wo)."""
    sides = []
    for n, k, s, p, places in zip(geo.input, geo.kernel, geo.stride, geo.before, geo.output):
        start = np.arange(places) * s - p
        stop = np.minimum(start + k, n + p)
        sides.append(stop - start if count_include_pad else np.minimum(stop, n) - np.maximum(start, 0))
    if all((side == k).all() for side, k in zip(sides, geo.kernel)):
        return math.prod(geo.kernel)
    return sides[0][:, None] * sides[1]


def adaptive_avg_pool2d(input: Tensor, output_size: Ints) -> Tensor:
    """Return means over windows chosen so that (Ho, Wo) = `output_size` come out; None keeps a size.

    Window i of n numbers goes from floor(i n / o) to ceil((i + 1) n / o). Proven equal to
    `torch.nn.functional.adaptive_avg_pool2d`.
    """
    h, w = _adaptive_size("adaptive_avg_pool2d", input, output_size)
    rows, cols = input._data.shape[-2:]
    if (h, w) == (1, 1):
        return input.mean((-2, -1), keepdim=True)
    if h and w and rows % h == 0 and cols % w == 0:
        return avg_pool2d(input, (rows // h, cols // w))
    left, right = (wrap(_averaging(n, o).astype(input._data.dtype)) for n, o in ((rows, h), (cols, w)))
    return left @ input @ right.mT


def _adaptive_size(name: str, input: Tensor, output_size: Ints) -> Pair:
    shape = input._data.shape
    if len(shape) not in (3, 4) or 0 in shape[-3:]:
        raise RuntimeError(
            f"{name}(): Expected input to have non-zero size for non-batch dimensions, and 3D or 4D, "
            f"but got {list(shape)}"
        )
    given = output_size if isinstance(output_size, tuple | list) else (output_size, output_size)
    if len(given) != 2:
        raise RuntimeError(f"{name}: output_size must be 2, got {list(given)}")
    h, w = (int(n if o is None else o) for n, o in zip(shape[-2:], given))
    if h < 0 or w < 0:
        raise RuntimeError(f"{name}: elements of output_size must be greater than or equal to 0, got {[h, w]}")
    return h, w


def _window(i: int, n: int, places: int) -> slice:
    return slice(i * n // places, -(-(i + 1) * n // places))


def _averaging(n: int, places: int) -> Array:
    """Return the matrix (places, n) that takes the mean over each adaptive window of a column of n numbers."""
    matrix = np.zeros((places, n))
    for i in range(places):
        row = matrix[i, _window(i, n, places)]
        row[:] = 1 / len(row)
    return matrix


def adaptive_max_pool2d(
    input: Tensor, output_size: Ints, return_indices: bool = False
) -> Tensor | tuple[Tensor, Tensor]:
    """Return the largest number of windows chosen as in `adaptive_avg_pool2d`, and where they stand if asked."""
    h, w = _adaptive_size("adaptive_max_pool2d", input, output_size)
    x = input._data
    lead, (rows, cols) = x.shape[:-2], x.shape[-2:]
    index = np.empty((*lead, h, w), np.int64)
    for i in range(h):
        for j in range(w):
            down, across = _window(i, rows, h), _window(j, cols, w)
            part = x[..., down, across]
            best = _last_nan_or_first_largest(part.reshape(*lead, part.shape[-2] * part.shape[-1]))
            index[..., i, j] = (best // part.shape[-1] + down.start) * cols + best % part.shape[-1] + across.start
    places = wrap(index)
    y = input.reshape(*lead, rows * cols).gather(-1, places.reshape(*lead, h * w)).reshape(index.shape)
    return (y, places) if return_indices else y


def _last_nan_or_first_largest(x: Array) -> Array:
    """Return the place along the last dimension that torch's pooling chooses."""
    nans = x != x
    if not nans.any():
        return x.argmax(-1)
    return np.where(nans.any(-1), x.shape[-1] - 1 - nans[..., ::-1].argmax(-1), x.argmax(-1))
