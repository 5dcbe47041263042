"""Convolution row by row (MEC): unroll the kernel's width only, and let overlapping rows be views. For 8 to 47.

The idea. Copy the input so that, for each of its rows r, the numbers under the kernel's columns stand below each other:
T[r] is a matrix (C * L, places along the row). The window of an output row is then K consecutive blocks T[r : r + K],
which is one matrix (K * C * L, places) without copying anything again: neighbouring output rows share all but one
block. One product (F, K C L) @ (K C L, places) makes an output row for several samples at once. The copy is L times the
input instead of K * L times, and nothing has to be trimmed.

Source: Cho and Brand, "MEC: Memory-efficient Convolution for Deep Neural Network", arXiv:1706.06873, here with the
channels first. Any stride and padding; the vertical dilation has to be 1, and there are no groups. Arrays as in
`flat.py`; proven equal to the clear forms and to torch.
"""

import numpy as np

from dlstudy.scratch.types import Array

from .buffers import blocks, borrowed, strided
from .geometry import Geometry
from .pool import along

BLOCK = 700_000  # bytes of T made at a time: with the product beside it, what a second-level cache holds


def fits(geo: Geometry) -> bool:
    """Return whether this kernel can compute a convolution of this geometry."""
    return geo.dilation[0] == 1 and geo.groups == 1


def forward(x: Array, w: Array, b: Array | None, geo: Geometry, out: Array) -> None:
    """Write the convolution of x with w, plus b, into `out` (N, F, Ho, Wo)."""
    (N, C), (F, _, K, L) = x.shape[:2], w.shape
    (oh, ow), hp = geo.output, geo.padded[0]
    kernels = w.transpose(0, 2, 1, 3).reshape(F, K * C * L)
    bias = 0 if b is None else b[:, None, None]
    for first, n in blocks(N, hp * C * L * ow * x.itemsize, BLOCK):
        with (
            borrowed((hp, C, L, n, ow), x.dtype, geo) as T,
            borrowed((oh, F, n * ow), x.dtype) as product,
        ):
            _unroll(x[first : first + n], geo, T)
            row, _, _, _, item = T.strides
            windows = strided(T, (oh, K * C * L, n * ow), (geo.stride[0] * row, n * ow * item, item))
            np.matmul(kernels, windows, out=product)
            np.add(product.reshape(oh, F, n, ow).transpose(2, 1, 0, 3), bias, out=out[first : first + n])


def _unroll(x: Array, geo: Geometry, T: Array) -> None:
    """Write x (n, C, H, W) into T (Hp, C, L, n, Wo), whose frame is 0 already."""
    (h, w), (top, left), L = geo.input, geo.before, geo.kernel[1]
    rows = x.transpose(2, 1, 0, 3)
    for m in range(L):
        places, numbers = along(w, geo.output[1], m * geo.dilation[1] - left, geo.stride[1])
        T[top : top + h, :, m, :, places] = rows[..., numbers]
