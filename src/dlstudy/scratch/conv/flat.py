"""Convolution by flat im2col: the workhorse, right for every geometry.

The idea. Pad a plane of the input to Hp x Wp and read it as one flat row of numbers. For stride 1 the numbers under one
tap (k, l) of the kernel, for all places at once, are then one contiguous slice of that row, which starts at
k * Wp + l: copying a slice is as fast as memory allows, where copying window by window is not. The price is junk: the
slice runs on over the ends of the rows, so each result row is Wp instead of Wo wide, and is trimmed while the bias is
added. For other strides the taps are copied row by row.

A few samples are done at a time, so that the columns stay in the cache; the backward pass makes them again instead of
keeping them. Arrays: x (N, C, H, W), w (F, C / groups, K, L), grad and y (N, F, Ho, Wo). Where a number is inf or nan,
its neighbours in the same row may become nan in a gradient.
"""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from .buffers import borrowed
from .geometry import Geometry

Array = Any
BLOCK = 1_500_000  # bytes of columns made at a time


def _width(geo: Geometry) -> int:
    """Return how many columns one sample has: all places, with the junk at row ends if the planes are flat."""
    (oh, ow), (_, wp) = geo.output, geo.padded
    return (oh - 1) * wp + ow if geo.stride == (1, 1) else oh * ow


def _block(geo: Geometry, channels: int, itemsize: int, samples: int) -> int:
    """Return how many samples to do at a time."""
    size = channels * geo.kernel[0] * geo.kernel[1] * _width(geo) * itemsize
    return max(1, min(samples, BLOCK // max(1, size)))


def _frame(x: Array, geo: Geometry, buffer: Array) -> Array:
    """Return x in its frame of zeros, in `buffer`; x itself if it needs no frame."""
    if buffer is None:
        return x
    (h, w), (top, left) = geo.input, geo.before
    buffer[:, :, top : top + h, left : left + w] = x
    return buffer


def _taps(xp: Array, geo: Geometry) -> Array:
    """Return the numbers under each tap as a view (C, K, L, n, rows, columns) of the padded input."""
    n, c = xp.shape[:2]
    (kh, kw), (sh, sw), (dh, dw), (oh, ow) = geo.kernel, geo.stride, geo.dilation, geo.output
    sn, sc, sy, sx = xp.strides
    shape, rows = ((1, _width(geo)), (0, sx)) if (sh, sw) == (1, 1) else ((oh, ow), (sh * sy, sw * sx))
    return as_strided(xp, (c, kh, kw, n, *shape), (sc, dh * sy, dw * sx, sn, *rows))


def _trimmed(product: Array, geo: Geometry) -> Array:
    """Return the view (F, n, Ho, Wo) without junk of a product (F, n, width)."""
    f, n, _ = product.shape
    sf, sn, sx = product.strides
    wide = geo.padded[1] if geo.stride == (1, 1) else geo.output[1]
    return as_strided(product, (f, n, *geo.output), (sf, sn, wide * sx, sx))


def _needs_frame(x: Array, geo: Geometry) -> bool:
    return geo.before != (0, 0) or geo.after != (0, 0) or not x.flags.c_contiguous


def forward(x: Array, w: Array, b: Array | None, geo: Geometry) -> Array:
    """Return y, the convolution of x with w."""
    N, C = x.shape[:2]
    F, G, (kh, kw), width = len(w), geo.groups, geo.kernel, _width(geo)
    y = np.empty((N, F, *geo.output), x.dtype)
    kernels = w.reshape(G, F // G, -1)
    bias = None if b is None else b[:, None, None]
    step = _block(geo, C, x.itemsize, N)
    for start in range(0, N, step):
        part = x[start : start + step]
        n = len(part)
        with (
            borrowed((n, C, *geo.padded), x.dtype, (geo.before, geo.after)) as frame,
            borrowed((C, kh, kw, n, width), x.dtype) as columns,
            borrowed((F, n, width), x.dtype) as product,
        ):
            xp = _frame(part, geo, frame if _needs_frame(part, geo) else None)
            taps = _taps(xp, geo)
            np.copyto(columns.reshape(taps.shape), taps)
            np.matmul(kernels, columns.reshape(G, -1, n * width), out=product.reshape(G, F // G, n * width))
            trimmed = _trimmed(product, geo).transpose(1, 0, 2, 3)
            if bias is None:
                np.copyto(y[start : start + n], trimmed)
            else:
                np.add(trimmed, bias, out=y[start : start + n])
    return y


def weight_gradient(x: Array, grad: Array, geo: Geometry) -> Array:
    """Return the gradient of w: the products of each result's gradient with the window it came from, summed."""
    N, C = x.shape[:2]
    F, G, (kh, kw), width = grad.shape[1], geo.groups, geo.kernel, _width(geo)
    total = np.zeros((G, F // G, C // G * kh * kw), x.dtype)
    step = _block(geo, C, x.itemsize, N)
    for start in range(0, N, step):
        part = x[start : start + step]
        n = len(part)
        with (
            borrowed((n, C, *geo.padded), x.dtype, (geo.before, geo.after)) as frame,
            borrowed((C, kh, kw, n, width), x.dtype) as columns,
            borrowed((F, n, width), x.dtype, (geo.output, geo.padded, geo.stride)) as wide,
        ):
            xp = _frame(part, geo, frame if _needs_frame(part, geo) else None)
            taps = _taps(xp, geo)
            np.copyto(columns.reshape(taps.shape), taps)
            np.copyto(_trimmed(wide, geo), grad[start : start + n].transpose(1, 0, 2, 3))
            total += wide.reshape(G, F // G, n * width) @ columns.reshape(G, -1, n * width).mT
    return total.reshape(F, C // G, kh, kw)


def input_gradient(grad: Array, w: Array, geo: Geometry) -> Array:
    """Return the gradient of x: each result's gradient, spread over the window it came from."""
    N, F, G, (kh, kw), width = len(grad), len(w), geo.groups, geo.kernel, _width(geo)
    C = w.shape[1] * G
    (h, wd), (top, left) = geo.input, geo.before
    (hp, wp), (sh, sw), (dh, dw), (oh, ow) = geo.padded, geo.stride, geo.dilation, geo.output
    out = np.empty((N, C, h, wd), grad.dtype)
    kernels = w.reshape(G, F // G, -1).mT
    step = _block(geo, C, grad.itemsize, N)
    for start in range(0, N, step):
        part = grad[start : start + step]
        n = len(part)
        with (
            borrowed((C, n, hp * wp), grad.dtype) as sums,
            borrowed((C, kh, kw, n, width), grad.dtype) as columns,
            borrowed((F, n, width), grad.dtype, (geo.output, geo.padded, geo.stride)) as wide,
        ):
            np.copyto(_trimmed(wide, geo), part.transpose(1, 0, 2, 3))
            np.matmul(kernels, wide.reshape(G, F // G, n * width), out=columns.reshape(G, -1, n * width))
            sums[...] = 0
            planes = sums.reshape(C, n, hp, wp)
            for k in range(kh):
                for m in range(kw):
                    if (sh, sw) == (1, 1):
                        first = k * dh * wp + m * dw
                        sums[:, :, first : first + width] += columns[:, k, m]
                    else:
                        rows = slice(k * dh, k * dh + sh * (oh - 1) + 1, sh)
                        cols = slice(m * dw, m * dw + sw * (ow - 1) + 1, sw)
                        planes[:, :, rows, cols] += columns[:, k, m].reshape(C, n, oh, ow)
            inner = planes[:, :, top : top + h, left : left + wd]
            np.copyto(out[start : start + n], inner.transpose(1, 0, 2, 3))
    return out
