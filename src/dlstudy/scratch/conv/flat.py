"""Convolution by flat im2col: the workhorse, right for every geometry.

The idea. Pad a plane of the input to Hp x Wp and read it as one flat row of numbers. For stride 1 the numbers under one
tap (k, l) of the kernel, for all places at once, are then one contiguous slice of that row, which starts at
k * Wp + l: copying a slice is as fast as memory allows, where copying window by window is not. The price is junk: the
slice runs on over the ends of the rows, so each result row is Wp instead of Wo wide, and is trimmed while the bias is
added. For other strides the taps are copied row by row.

A few samples are done at a time, so that the columns stay in the cache; the backward pass makes them again instead of
keeping them. Groups are a stack of products; with one channel in each (depthwise convolution) these are products of a
row with a matrix, which beat adding up tap by tap.

Arrays: x (N, C, H, W), w (F, C / groups, K, L), grad and y (N, F, Ho, Wo). Where a number is inf or nan, its neighbours
in the same row may become nan in a gradient. Proven equal to the clear forms and to torch.
"""

import numpy as np

from dlstudy.scratch.types import Array

from .buffers import blocks, borrowed, strided
from .geometry import Geometry

BLOCK = 1_000_000  # bytes of columns made at a time


def _width(geo: Geometry) -> int:
    """Return how many columns one sample has: all places, with the junk at row ends if the planes are flat."""
    (oh, ow), (_, wp) = geo.output, geo.padded
    return (oh - 1) * wp + ow if geo.stride == (1, 1) else oh * ow


def _bytes_of_columns(geo: Geometry, channels: int, itemsize: int) -> int:
    """Return the bytes that the columns of one sample take."""
    return channels * geo.kernel[0] * geo.kernel[1] * _width(geo) * itemsize


def _framed(x: Array, geo: Geometry, buffer: Array) -> Array:
    """Return x (n, C, H, W) in its frame of zeros, in `buffer` (n, C, Hp, Wp), whose frame is 0 already."""
    (h, w), (top, left) = geo.input, geo.before
    buffer[:, :, top : top + h, left : left + w] = x
    return buffer


def _taps(xp: Array, geo: Geometry) -> Array:
    """Return the numbers under each tap as a view (C, K, L, n, rows, columns) of the padded input."""
    n, c = xp.shape[:2]
    (kh, kw), (sh, sw), (dh, dw), (oh, ow) = geo.kernel, geo.stride, geo.dilation, geo.output
    sn, sc, sy, sx = xp.strides
    shape, rows = ((1, _width(geo)), (0, sx)) if (sh, sw) == (1, 1) else ((oh, ow), (sh * sy, sw * sx))
    return strided(xp, (c, kh, kw, n, *shape), (sc, dh * sy, dw * sx, sn, *rows))


def _trimmed(product: Array, geo: Geometry) -> Array:
    """Return the view (F, n, Ho, Wo) without junk of a product (F, n, width)."""
    f, n, _ = product.shape
    sf, sn, sx = product.strides
    wide = geo.padded[1] if geo.stride == (1, 1) else geo.output[1]
    return strided(product, (f, n, *geo.output), (sf, sn, wide * sx, sx))


def forward(x: Array, w: Array, b: Array | None, geo: Geometry, out: Array) -> None:
    """Write the convolution of x with w, plus b, into `out` (N, F, Ho, Wo)."""
    N, C = x.shape[:2]
    F, G, (kh, kw), L = len(w), geo.groups, geo.kernel, _width(geo)
    kernels = w.reshape(G, F // G, -1)
    bias = 0 if b is None else b[:, None, None]
    for first, n in blocks(N, _bytes_of_columns(geo, C, x.itemsize), BLOCK):
        with (
            borrowed((n, C, *geo.padded), x.dtype, geo) as frame,
            borrowed((C, kh, kw, n, L), x.dtype) as columns,
            borrowed((F, n, L), x.dtype) as product,
        ):
            view = _taps(_framed(x[first : first + n], geo, frame), geo)
            np.copyto(columns.reshape(view.shape), view)
            np.matmul(kernels, columns.reshape(G, C // G * kh * kw, n * L), out=product.reshape(G, F // G, n * L))
            np.add(_trimmed(product, geo).transpose(1, 0, 2, 3), bias, out=out[first : first + n])


def weight_gradient(x: Array, grad: Array, geo: Geometry) -> Array:
    """Return the gradient of w: the products of each result's gradient with the window it came from, summed."""
    N, C = x.shape[:2]
    F, G, (kh, kw), L = grad.shape[1], geo.groups, geo.kernel, _width(geo)
    total = np.zeros((G, F // G, C // G * kh * kw), x.dtype)
    for first, n in blocks(N, _bytes_of_columns(geo, C, x.itemsize), BLOCK):
        with (
            borrowed((n, C, *geo.padded), x.dtype, geo) as frame,
            borrowed((C, kh, kw, n, L), x.dtype) as columns,
            borrowed((F, n, L), x.dtype, ("junk", geo)) as wide,
        ):
            view = _taps(_framed(x[first : first + n], geo, frame), geo)
            np.copyto(columns.reshape(view.shape), view)
            np.copyto(_trimmed(wide, geo), grad[first : first + n].transpose(1, 0, 2, 3))
            total += wide.reshape(G, F // G, n * L) @ columns.reshape(G, C // G * kh * kw, n * L).mT
    return total.reshape(F, C // G, kh, kw)


def input_gradient(grad: Array, w: Array, geo: Geometry, out: Array) -> None:
    """Write the gradient of x into `out` (N, C, H, W): each result's gradient, spread over the window it came from."""
    N, F, G, (kh, kw), L = len(grad), len(w), geo.groups, geo.kernel, _width(geo)
    C = w.shape[1] * G
    (h, wd), (top, left) = geo.input, geo.before
    (hp, wp), (sh, sw), (dh, dw), (oh, ow) = geo.padded, geo.stride, geo.dilation, geo.output
    kernels = w.reshape(G, F // G, C // G * kh * kw).mT
    for first, n in blocks(N, _bytes_of_columns(geo, C, grad.itemsize), BLOCK):
        with (
            borrowed((C, n, hp * wp), grad.dtype) as sums,
            borrowed((C, kh, kw, n, L), grad.dtype) as columns,
            borrowed((F, n, L), grad.dtype, ("junk", geo)) as wide,
        ):
            np.copyto(_trimmed(wide, geo), grad[first : first + n].transpose(1, 0, 2, 3))
            product = np.multiply if F == G else np.matmul  # one kernel a group: no sum, and multiply is quicker
            product(kernels, wide.reshape(G, F // G, n * L), out=columns.reshape(G, C // G * kh * kw, n * L))
            sums[...] = 0
            planes = sums.reshape(C, n, hp, wp)
            for k in range(kh):
                for m in range(kw):
                    if (sh, sw) == (1, 1):
                        start = k * dh * wp + m * dw
                        sums[:, :, start : start + L] += columns[:, k, m]
                    else:
                        rows = slice(k * dh, k * dh + sh * (oh - 1) + 1, sh)
                        cols = slice(m * dw, m * dw + sw * (ow - 1) + 1, sw)
                        planes[:, :, rows, cols] += columns[:, k, m].reshape(C, n, oh, ow)
            inner = planes[:, :, top : top + h, left : left + wd]
            np.copyto(out[first : first + n], inner.transpose(1, 0, 2, 3))
