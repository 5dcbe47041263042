"""Pooling on plain arrays, and windows as columns: all by the taps of a window, one strided slice for each.

For the tap (k, l) of a window the input numbers under it, for all places at once, are the slice that starts at
(k * dilation - padding, l * dilation - padding) and steps by the stride. Places where the tap falls outside the input
are left out of the slice, so nothing is ever padded.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from .geometry import Geometry

Array = Any
Tap = tuple[int, int, tuple[Any, ...], tuple[Any, ...]]


def along(n: int, places: int, first: int, stride: int) -> tuple[slice, slice]:
    """Return which places have their tap inside a row of n numbers, and where: place i has it at first + i * stride."""
    low = max(0, -(first // stride)) if first < 0 else 0
    high = max(low, min(places, (n - 1 - first) // stride + 1))
    start = first + low * stride
    return slice(low, high), slice(start, start + (high - low - 1) * stride + 1 if high > low else start, stride)


def taps(geo: Geometry) -> Iterator[Tap]:
    """Yield (k, l, places, numbers) for each tap: x[numbers] are the inputs under it for the outputs y[places]."""
    (h, w), (kh, kw), (sh, sw), (dh, dw), (oh, ow) = geo.input, geo.kernel, geo.stride, geo.dilation, geo.output
    for k in range(kh):
        rows = along(h, oh, k * dh - geo.before[0], sh)
        for m in range(kw):
            cols = along(w, ow, m * dw - geo.before[1], sw)
            yield k, m, (..., rows[0], cols[0]), (..., rows[1], cols[1])


# -- the largest number of each window -------------------------------------------------------------------------
def max_pool(x: Array, geo: Geometry) -> Array:
    """Return the largest number of each window, (N, C, Ho, Wo); nan if there is one."""
    lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    y = np.full((*x.shape[:-2], *geo.output), lowest, x.dtype)
    for _, _, places, numbers in taps(geo):
        np.maximum(y[places], x[numbers], out=y[places])
    return y


def winners(x: Array, y: Array, geo: Geometry) -> Array:
    """Return where in its plane (row * W + column) each window's largest number stands: the first, if several do, and
    the last nan, if there are nans.
    """
    index = np.full(y.shape, -1, np.int64)
    width = geo.input[1]
    plane = np.arange(geo.input[0] * width).reshape(geo.input)
    for _, _, places, numbers in taps(geo):
        seen = x[numbers]
        found = ((seen == y[places]) & (index[places] < 0)) | (seen != seen)
        np.copyto(index[places], np.broadcast_to(plane[numbers], seen.shape), where=found)
    return index


def max_pool_gradient(grad: Array, x: Array, y: Array, geo: Geometry) -> Array:
    """Return the gradient of x: each number of `grad` goes to the winner of its window."""
    out = np.zeros(x.shape, grad.dtype)
    if np.isnan(y).any():
        flat = out.reshape(-1, x.shape[-2] * x.shape[-1])
        index = winners(x, y, geo).reshape(len(flat), -1)
        np.add.at(flat, (np.arange(len(flat))[:, None], index), grad.reshape(index.shape))
        return out
    free = np.ones(y.shape, bool)  # windows whose winner has not been met yet
    for _, _, places, numbers in taps(geo):
        won = x[numbers] == y[places]
        won &= free[places]
        free[places] ^= won
        out[numbers] += grad[places] * won
    return out


# -- the mean of each window ---------------------------------------------------------------------------------
def sum_pool(x: Array, geo: Geometry) -> Array:
    """Return the sum of each window, (N, C, Ho, Wo)."""
    y = np.zeros((*x.shape[:-2], *geo.output), x.dtype)
    for _, _, places, numbers in taps(geo):
        y[places] += x[numbers]
    return y


def sum_pool_gradient(grad: Array, geo: Geometry) -> Array:
    """Return the gradient of x: each number of `grad` is added to its whole window."""
    out = np.zeros((*grad.shape[:-2], *geo.input), grad.dtype)
    for _, _, places, numbers in taps(geo):
        out[numbers] += grad[places]
    return out


# -- windows as columns --------------------------------------------------------------------------------------
def unfold(x: Array, geo: Geometry) -> Array:
    """Return (N, C * K * L, Ho * Wo): each window as a column."""
    n, c = x.shape[:2]
    columns = np.zeros((n, c, *geo.kernel, *geo.output), x.dtype)
    for k, m, places, numbers in taps(geo):
        columns[:, :, k, m][places] = x[numbers]
    return columns.reshape(n, c * geo.kernel[0] * geo.kernel[1], geo.output[0] * geo.output[1])


def fold(columns: Array, geo: Geometry) -> Array:
    """Return (N, C, H, W): each column added to the window it stands for, the transpose of `unfold`."""
    n, c = len(columns), columns.shape[1] // (geo.kernel[0] * geo.kernel[1])
    columns = columns.reshape(n, c, *geo.kernel, *geo.output)
    x = np.zeros((n, c, *geo.input), columns.dtype)
    for k, m, places, numbers in taps(geo):
        x[numbers] += columns[:, :, k, m][places]
    return x
