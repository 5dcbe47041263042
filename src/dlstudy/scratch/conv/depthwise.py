"""Convolution of each channel by itself (groups = channels): multiply and add, tap by tap. No matrix product helps.

With one input channel for each kernel there is nothing to sum over but the taps. The padded planes are read as flat
rows as in `flat.py`; each tap adds a slice of them, times one number for each channel, to the result. A few channels
are done at a time, so that these passes stay in the cache.

Used for MobileNet's layers (Howard et al., arXiv:1704.04861). Arrays: x (N, C, H, W), w (C * m, 1, K, L), where m
kernels share a channel; proven equal to the clear forms and to torch.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from .buffers import borrowed
from .flat import framed, taps, trimmed, width
from .geometry import Geometry

Array = Any
BLOCK = 300_000  # bytes of padded input done at a time


def fits(geo: Geometry, channels: int) -> bool:
    """Return whether this kernel can compute a convolution of this geometry."""
    return geo.groups == channels > 1


def _parts(x: Array, geo: Geometry) -> Iterator[tuple[slice, slice]]:
    """Yield (samples, channels) of the parts to do at a time."""
    N, C = x.shape[:2]
    plane = geo.padded[0] * geo.padded[1] * x.itemsize
    channels = max(1, min(C, BLOCK // plane))
    samples = max(1, BLOCK // (plane * channels))
    for first in range(0, N, samples):
        for c in range(0, C, channels):
            yield slice(first, min(first + samples, N)), slice(c, min(c + channels, C))


def forward(x: Array, w: Array, b: Array | None, geo: Geometry, out: Array) -> None:
    """Write the convolution of x with w, plus b, into `out` (N, C * m, Ho, Wo)."""
    C = x.shape[1]
    m, (kh, kw), L = len(w) // C, geo.kernel, width(geo)
    kernels = w.reshape(C, m, kh, kw)
    for samples, channels in _parts(x, geo):
        part = x[samples, channels]
        n, c = part.shape[:2]
        with (
            borrowed((n, c, *geo.padded), x.dtype, geo) as frame,
            borrowed((c, n, L), x.dtype) as total,
            borrowed((c, n, L), x.dtype) as term,
        ):
            view = taps(framed(part, geo, frame), geo)
            sums, terms = total.reshape(c, *view.shape[3:]), term.reshape(c, *view.shape[3:])
            for j in range(m):
                for k in range(kh):
                    for q in range(kw):
                        factor = kernels[channels, j, k, q, None, None, None]
                        np.multiply(view[:, k, q], factor, out=terms if k or q else sums)
                        if k or q:
                            sums += terms
                results = trimmed(total, geo).transpose(1, 0, 2, 3)
                target = out[samples, channels.start * m + j : channels.stop * m : m]
                if b is None:
                    np.copyto(target, results)
                else:
                    np.add(results, b.reshape(C, m)[channels, j, None, None], out=target)


def weight_gradient(x: Array, grad: Array, geo: Geometry) -> Array:
    """Return the gradient of w: for each tap the inner product of the results' gradient with the numbers under it."""
    C = x.shape[1]
    m, (kh, kw), L = grad.shape[1] // C, geo.kernel, width(geo)
    total = np.zeros((C, m, kh, kw), x.dtype)
    for samples, channels in _parts(x, geo):
        part = x[samples, channels]
        n, c = part.shape[:2]
        with (
            borrowed((n, c, *geo.padded), x.dtype, geo) as frame,
            borrowed((c, n, L), x.dtype, ("junk", geo)) as wide,
            borrowed((c, n, L), x.dtype) as term,
        ):
            view = taps(framed(part, geo, frame), geo)
            terms = term.reshape(c, *view.shape[3:])
            for j in range(m):
                g = grad[samples, channels.start * m + j : channels.stop * m : m]
                np.copyto(trimmed(wide, geo), g.transpose(1, 0, 2, 3))
                for k in range(kh):
                    for q in range(kw):
                        np.copyto(terms, view[:, k, q])
                        total[channels, j, k, q] += np.vecdot(wide.reshape(c, n * L), term.reshape(c, n * L))
    return total.reshape(C * m, 1, kh, kw)


def input_gradient(grad: Array, w: Array, geo: Geometry, out: Array) -> None:
    """Write the gradient of x into `out` (N, C, H, W): each tap adds the results' gradient to where it stood."""
    C = out.shape[1]
    m, (kh, kw), L = len(w) // C, geo.kernel, width(geo)
    kernels = w.reshape(C, m, kh, kw)
    (h, wd), (top, left) = geo.input, geo.before
    for samples, channels in _parts(out, geo):
        n, c = out[samples, channels].shape[:2]
        with (
            borrowed((n, c, *geo.padded), out.dtype) as frame,
            borrowed((c, n, L), out.dtype, ("junk", geo)) as wide,
            borrowed((c, n, L), out.dtype) as term,
        ):
            frame[...] = 0
            view = taps(frame, geo)
            g, terms = wide.reshape(c, *view.shape[3:]), term.reshape(c, *view.shape[3:])
            for j in range(m):
                part = grad[samples, channels.start * m + j : channels.stop * m : m]
                np.copyto(trimmed(wide, geo), part.transpose(1, 0, 2, 3))
                for k in range(kh):
                    for q in range(kw):
                        np.multiply(g, kernels[channels, j, k, q, None, None, None], out=terms)
                        under = view[:, k, q]
                        under += terms
            out[samples, channels] = frame[:, :, top : top + h, left : left + wd]
