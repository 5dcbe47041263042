"""Convolution with 1 x 1 kernels: at each place a product with one matrix, so nothing has to be unrolled.

Stride 1, no padding. Arrays as in `flat.py`; proven equal to the clear forms and to torch.
"""

import numpy as np

from dlstudy.scratch.types import Array

from .geometry import Geometry


def fits(geo: Geometry, *arrays: Array) -> bool:
    """Return whether this kernel can compute a convolution of this geometry; its pictures have to be contiguous."""
    bare = geo.kernel == geo.stride == (1, 1) and geo.before == geo.after == (0, 0) and geo.input == geo.output
    return bare and all(a.flags.c_contiguous for a in arrays)


def _planes(x: Array, geo: Geometry) -> Array:
    """Return x (N, C, H, W) as (N, groups, C / groups, H * W)."""
    n, c, h, w = x.shape
    return x.reshape(n, geo.groups, c // geo.groups, h * w)


def forward(x: Array, w: Array, b: Array | None, geo: Geometry, out: Array) -> None:
    """Write w times x at each place, plus b, into `out` (N, F, H, W)."""
    np.matmul(w.reshape(geo.groups, len(w) // geo.groups, -1), _planes(x, geo), out=_planes(out, geo))
    if b is not None:
        out += b[:, None, None]


def weight_gradient(x: Array, grad: Array, geo: Geometry) -> Array:
    """Return the gradient of w: the sum over samples of grad times x transposed."""
    products = _planes(grad, geo) @ _planes(x, geo).mT
    return products.sum(0).reshape(grad.shape[1], x.shape[1] // geo.groups, 1, 1)


def input_gradient(grad: Array, w: Array, geo: Geometry, out: Array) -> None:
    """Write w transposed times grad at each place into `out` (N, C, H, W)."""
    kernels = w.reshape(geo.groups, len(w) // geo.groups, -1).mT
    np.matmul(kernels, _planes(grad, geo), out=_planes(out, geo))
