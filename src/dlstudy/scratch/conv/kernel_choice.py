"""Which kernel computes a convolution. The one place where that is decided.

  pointwise  1 x 1 kernels: a matrix product and nothing else
  winograd   3 x 3 kernels, many channels: a quarter of the multiplications, for transforms that cost as much as about
             20 channels do. Its worth is C F / (C + F), times the share of its tiles' results that is wanted
  rows       a middling number of channels: copies the input L times instead of K L times
  flat       everything else, groups and dilations included; and the input gradient where C is small against F

The numbers below come from `python benchmarks/convolution.py --kernels`, which times all of them side by side. Pictures
so large that the work of one sample would leave the cache are done in bands of rows.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from dlstudy.scratch.types import Array

from . import flat, pointwise, rows, winograd
from .geometry import Geometry

WINOGRAD = 20  # from this worth on Winograd's algorithm is quicker than a direct product
ROWS = range(8, 48)  # numbers of input channels for which `rows` is quicker than `flat`, by up to a tenth
BAND = 4_000_000  # bytes of work for one sample from which on a picture is done in bands


def kernel(geo: Geometry, C: int, F: int) -> str:
    """Return the name of the kernel for a convolution of C to F channels."""
    if winograd.fits(geo) and C * F / (C + F) * winograd.share(geo) >= WINOGRAD:
        return "winograd"
    if rows.fits(geo) and C in ROWS:
        return "rows"
    return "flat"


MODULES: dict[str, Any] = {"winograd": winograd, "rows": rows, "flat": flat}


def forward(x: Array, w: Array, b: Array | None, geo: Geometry) -> Array:
    """Return y (N, F, Ho, Wo), the convolution of x (N, C, H, W) with w (F, C / groups, K, L), plus b (F,)."""
    if x.dtype == np.float16:
        return _in_float32(forward, x, w, b, geo)
    C, F = x.shape[1], len(w)
    y = np.empty((len(x), F, *geo.output), x.dtype)
    if not y.size:
        return y
    if not x.size or not w.size:
        y[...] = 0 if b is None else b[:, None, None]
    elif pointwise.fits(geo, x):
        pointwise.forward(x, w, b, geo, y)
    else:
        compute = MODULES[kernel(geo, C, F)].forward
        for part, inputs, outputs in _bands(geo, C, F, x.itemsize):
            compute(x[:, :, inputs], w, b, part, y[:, :, outputs])
    return y


def input_gradient(grad: Array, w: Array, geo: Geometry) -> Array:
    """Return the gradient of x for `grad` (N, F, Ho, Wo), that of y: (N, C, H, W).

    For stride 1 that is itself a convolution, of `grad` in a wider frame with the kernels flipped and their channels
    exchanged. It takes F to C channels: where C is small, spreading the products over the input is less work.
    """
    if grad.dtype == np.float16:
        return _in_float32(input_gradient, grad, w, geo)
    C, F = w.shape[1] * geo.groups, len(w)
    x = np.empty((len(grad), C, *geo.input), grad.dtype)
    if not x.size:
        return x
    if not grad.size or not w.size:
        x[...] = 0
    elif pointwise.fits(geo, grad):
        pointwise.input_gradient(grad, w, geo, x)
    elif geo.stride == (1, 1) and 2 * C >= F and min(*geo.flipped.before, *geo.flipped.after) >= 0:
        return forward(grad, flipped(w, geo.groups), None, geo.flipped)
    else:
        parts = list(_bands(geo, C, F, grad.itemsize))
        if len(parts) == 1:
            flat.input_gradient(grad, w, geo, x)
            return x
        x[...] = 0
        for part, inputs, outputs in parts:  # bands overlap in the input
            piece = np.empty((len(grad), C, *part.input), grad.dtype)
            flat.input_gradient(grad[:, :, outputs], w, part, piece)
            x[:, :, inputs] += piece
    return x


def weight_gradient(x: Array, grad: Array, geo: Geometry) -> Array:
    """Return the gradient of w for `grad` (N, F, Ho, Wo), that of y: (F, C / groups, K, L)."""
    if x.dtype == np.float16:
        return _in_float32(weight_gradient, x, grad, geo)
    C, F = x.shape[1], grad.shape[1]
    if not x.size or not grad.size:
        return np.zeros((F, C // geo.groups, *geo.kernel), x.dtype)
    if pointwise.fits(geo, x, grad):
        return pointwise.weight_gradient(x, grad, geo)
    name = kernel(geo, C, F)
    compute = MODULES["flat" if name == "rows" else name].weight_gradient
    parts = [
        compute(x[:, :, inputs], grad[:, :, outputs], part) for part, inputs, outputs in _bands(geo, C, F, x.itemsize)
    ]
    return sum(parts[1:], parts[0])


def _in_float32(function: Any, *args: Any) -> Array:
    """Return the result computed in float32: products of float16 have no quick routine, and would lose digits."""
    return function(*[a.astype(np.float32) if isinstance(a, np.ndarray) else a for a in args]).astype(np.float16)


def flipped(w: Array, groups: int) -> Array:
    """Return w (F, C / groups, K, L) turned by 180 degrees, inputs and outputs exchanged: (C, F / groups, K, L)."""
    F, c, K, L = w.shape
    turned = w[:, :, ::-1, ::-1].reshape(groups, F // groups, c, K, L)
    return turned.transpose(0, 2, 1, 3, 4).reshape(groups * c, F // groups, K, L)


def _bands(geo: Geometry, C: int, F: int, itemsize: int) -> Iterator[tuple[Geometry, slice, slice]]:
    """Yield (geometry, input rows, output rows) of the bands of a picture; mostly it is one."""
    row = max(C * geo.kernel[0] * geo.kernel[1], F) * geo.padded[1] * itemsize
    bands = -(-geo.output[0] * row // BAND)
    if bands <= 1:
        yield geo, slice(None), slice(None)
    else:
        height = -(-geo.output[0] // bands)  # of one band, in whole tiles
        yield from geo.bands(-(-height // winograd.TILE) * winograd.TILE)
