"""Convolution row by row (MEC): unroll the kernel's width only, and let overlapping rows be views. For few channels.

The idea. Copy the input so that, for each of its rows r, the numbers under the kernel's columns stand below each other:
T[r] is a matrix (C * L, places along the row). The window of an output row is then K consecutive blocks T[r : r + K],
which is one matrix (K * C * L, places) without copying anything again: neighbouring output rows share all but one
block. One product (F, K C L) @ (K C L, places) makes an output row for several samples at once. The copy is L times the
input instead of K * L times, and nothing has to be trimmed.

Source: Cho and Brand, "MEC: Memory-efficient Convolution for Deep Neural Network", arXiv:1706.06873, here with the
channels first. Any stride, padding and groups; the vertical dilation has to be 1. Arrays as in `flat.py`; proven equal
to the clear forms and to torch.
"""

from typing import Any

import numpy as np

from .buffers import borrowed, strided
from .flat import blocks
from .geometry import Geometry
from .pool import along

Array = Any
BLOCK = 700_000  # bytes of T made at a time: with the product beside it, what a second-level cache holds


def fits(geo: Geometry) -> bool:
    """Return whether this kernel can compute a convolution of this geometry."""
    return geo.dilation[0] == 1


def forward(x: Array, w: Array, b: Array | None, geo: Geometry, out: Array) -> None:
    """Write the convolution of x with w, plus b, into `out` (N, F, Ho, Wo)."""
    (N, C), (F, c, K, L) = x.shape[:2], w.shape
    G, f, (oh, ow), hp = geo.groups, F // geo.groups, geo.output, geo.padded[0]
    kernels = w.reshape(G, f, c, K, L).transpose(0, 1, 3, 2, 4).reshape(G, 1, f, K * c * L)
    bias = np.zeros((F, 1, 1), x.dtype) if b is None else b[:, None, None]
    for first, n in blocks(N, hp * C * L * ow * x.itemsize, BLOCK):
        with (
            borrowed((G, hp, c, L, n, ow), x.dtype, geo) as T,
            borrowed((G, oh, f, n * ow), x.dtype) as product,
        ):
            unrolled(x[first : first + n], geo, T)
            group, row, _, _, _, item = T.strides
            shape, strides = (G, oh, K * c * L, n * ow), (group, geo.stride[0] * row, n * ow * item, item)
            np.matmul(kernels, strided(T, shape, strides), out=product)
            results = product.reshape(G, oh, f, n, ow).transpose(3, 0, 2, 1, 4)
            if G == 1:
                np.add(results[:, 0], bias, out=out[first : first + n])
            else:
                for g in range(G):
                    part = slice(g * f, g * f + f)
                    np.add(results[:, g], bias[part], out=out[first : first + n, part])


def unrolled(x: Array, geo: Geometry, T: Array) -> None:
    """Write x (n, C, H, W) into T (groups, Hp, C / groups, L, n, Wo), whose frame is 0 already."""
    G, _, c, L, n, ow = T.shape
    (h, w), top = geo.input, geo.before[0]
    rows = x.reshape(n, G, c, h, w).transpose(1, 3, 2, 0, 4)
    for m in range(L):
        places, numbers = along(w, ow, m * geo.dilation[1] - geo.before[1], geo.stride[1])
        T[:, top : top + h, :, m, :, places] = rows[..., numbers]
