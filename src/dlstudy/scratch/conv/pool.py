"""Pooling on plain arrays, and windows as columns: all by the taps of a window, one strided slice for each.

For the tap (k, l) of a window the input numbers under it, for all places at once, are the slice that starts at
(k * dilation - padding, l * dilation - padding) and steps by the stride. Places where the tap falls outside the input
are left out of the slice, so nothing is ever padded.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from dlstudy.scratch.types import Array

from .geometry import Geometry

BLOCK = 250_000  # bytes of planes done at a time
Tap = tuple[int, int, tuple[Any, ...], tuple[Any, ...]]


def along(n: int, places: int, first: int, stride: int) -> tuple[slice, slice]:
    """Return which places have their tap inside a row of n numbers, and where: place i has it at first + i * stride."""
    low = max(0, -(first // stride)) if first < 0 else 0
    high = max(low, min(places, (n - 1 - first) // stride + 1))
    start = first + low * stride
    return slice(low, high), slice(start, start + (high - low - 1) * stride + 1 if high > low else start, stride)


@lru_cache(maxsize=256)
def taps(geo: Geometry) -> tuple[Tap, ...]:
    """Return (k, l, places, numbers) of each tap: x[numbers] are the inputs under it for the outputs y[places]."""
    found: list[Tap] = []
    (h, w), (kh, kw), (sh, sw), (dh, dw), (oh, ow) = geo.input, geo.kernel, geo.stride, geo.dilation, geo.output
    for k in range(kh):
        rows = along(h, oh, k * dh - geo.before[0], sh)
        for m in range(kw):
            cols = along(w, ow, m * dw - geo.before[1], sw)
            found.append((k, m, (..., rows[0], cols[0]), (..., rows[1], cols[1])))
    return tuple(found)


# -- the largest number of each window -------------------------------------------------------------------------
def max_pool(x: Array, geo: Geometry) -> Array:
    """Return the largest number of each window, (N, C, Ho, Wo); nan if there is one."""
    y = np.empty((*x.shape[:-2], *geo.output), x.dtype)
    inside = _windows_start_inside(geo)
    if not inside:
        y[...] = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    for _, part, result in _parts(geo, x, y):
        for k, m, places, numbers in taps(geo):
            if inside and k == m == 0:
                np.copyto(result, part[numbers])
            else:
                target = result[places]
                np.maximum(target, part[numbers], out=target)
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
    apart = all(d == 1 and s >= k for s, k, d in zip(geo.stride, geo.kernel, geo.dilation))
    out = np.zeros(x.shape, grad.dtype)
    total = y.sum()
    if total != total:  # a nan, or inf - inf
        flat = out.reshape(-1, x.shape[-2] * x.shape[-1])
        index = winners(x, y, geo).reshape(len(flat), -1)
        np.add.at(flat, (np.arange(len(flat))[:, None], index), grad.reshape(index.shape))
        return out
    for free, part, largest, g, target in _parts(geo, x, y, grad, out):
        free[...] = True  # windows whose winner has not been met yet
        for _, _, places, numbers in taps(geo):
            won = part[numbers] == largest[places]
            won &= free[places]
            free[places] ^= won
            if apart:  # no other window has this number
                np.multiply(g[places], won, out=target[numbers])
            else:
                target[numbers] += g[places] * won
    return out


def _windows_start_inside(geo: Geometry) -> bool:
    """Return whether the first tap of every window is inside the input."""
    sizes = zip(geo.input, geo.stride, geo.output, geo.before)
    return all(before == 0 and (places - 1) * stride < n for n, stride, places, before in sizes)


def _parts(geo: Geometry, *arrays: Array) -> Iterator[list[Array]]:
    """Yield a buffer of booleans for the results and the same planes of all arrays, a few at a time: in the cache."""
    flat = [a.reshape(-1, *a.shape[-2:]) for a in arrays]
    plane = geo.input[0] * geo.input[1] * arrays[0].itemsize
    step = max(1, BLOCK // plane)
    free = np.empty((min(step, len(flat[0])), *geo.output), bool)
    for first in range(0, len(flat[0]), step):
        parts = [a[first : first + step] for a in flat]
        yield [free[: len(parts[0])], *parts]


# -- the mean of each window ---------------------------------------------------------------------------------
def sum_pool(x: Array, geo: Geometry) -> Array:
    """Return the sum of each window, (N, C, Ho, Wo)."""
    y = np.zeros((*x.shape[:-2], *geo.output), x.dtype)
    for _, part, result in _parts(geo, x, y):
        for _, _, places, numbers in taps(geo):
            target = result[places]
            target += part[numbers]
    return y


def sum_pool_gradient(grad: Array, geo: Geometry) -> Array:
    """Return the gradient of x: each number of `grad` is added to its whole window."""
    out = np.zeros((*grad.shape[:-2], *geo.input), grad.dtype)
    for _, target, g in _parts(geo, out, grad):
        for _, _, places, numbers in taps(geo):
            part = target[numbers]
            part += g[places]
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
