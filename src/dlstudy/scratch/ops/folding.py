# ruff: noqa: D102 - a derivative is described by the line under its class
"""Windows as columns (`unfold`) and back (`fold`), each the derivative of the other; and frames (`pad`)."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from dlstudy.scratch.array_or_tensor import is_array
from dlstudy.scratch.conv import pool
from dlstudy.scratch.conv.geometry import Geometry, geometry, pair
from dlstudy.scratch.tape import Node, record
from dlstudy.scratch.tensor import Tensor, wrap
from dlstudy.scratch.types import Array, ArrayOrTensor, Ints


class Im2ColBackward0(Node):
    """y = the windows of a as columns"""

    geo: Geometry

    def grad_a(self, grad: ArrayOrTensor) -> ArrayOrTensor:
        return fold_columns(grad, self.geo)


class Col2ImBackward0(Node):
    """y = the columns a added up where they came from"""

    geo: Geometry

    def grad_a(self, grad: ArrayOrTensor) -> ArrayOrTensor:
        return unfold_windows(grad, self.geo)


def unfold_windows(x: ArrayOrTensor, geo: Geometry) -> ArrayOrTensor:
    """Return the windows of x (N, C, H, W) as columns (N, C * K * L, places), for an array or a Tensor."""
    return (
        pool.unfold(x, geo) if is_array(x) else record(Im2ColBackward0, wrap(pool.unfold(x._data, geo)), (x,), geo=geo)
    )


def fold_columns(columns: ArrayOrTensor, geo: Geometry) -> ArrayOrTensor:
    """Return columns (N, C * K * L, places) added up to (N, C, H, W), for an array or a Tensor."""
    return (
        pool.fold(columns, geo)
        if is_array(columns)
        else record(Col2ImBackward0, wrap(pool.fold(columns._data, geo)), (columns,), geo=geo)
    )


def unfold(input: Tensor, kernel_size: Ints, dilation: Ints = 1, padding: Ints = 0, stride: Ints = 1) -> Tensor:
    """Return the windows of `input` (N, C, H, W) as columns: (N, C * K * L, Ho * Wo).

    Proven equal to `torch.nn.functional.unfold`.
    """
    if input._data.ndim == 3:
        return unfold(input.unsqueeze(0), kernel_size, dilation, padding, stride).squeeze(0)
    if input._data.ndim != 4:
        raise RuntimeError(f"unfold: expected a 3D or 4D input, got shape {list(input.shape)}")
    named = [(stride, "stride"), (padding, "padding"), (dilation, "dilation")]
    s, p, d = (pair(v, name, "unfold") for v, name in named)
    return unfold_windows(input, geometry(input._data.shape[2:], pair(kernel_size, "kernel_size", "unfold"), s, p, d))


def fold(
    input: Tensor, output_size: Ints, kernel_size: Ints, dilation: Ints = 1, padding: Ints = 0, stride: Ints = 1
) -> Tensor:
    """Return the columns `input` (N, C * K * L, places) added up where `unfold` would have taken them from.

    `output_size` is (H, W) of the result (N, C, H, W). RuntimeError if the columns do not fit. Proven equal to
    `torch.nn.functional.fold`.
    """
    if input._data.ndim == 2:
        return fold(input.unsqueeze(0), output_size, kernel_size, dilation, padding, stride).squeeze(0)
    if input._data.ndim != 3:
        raise RuntimeError(f"fold: expected a 2D or 3D input, got shape {list(input.shape)}")
    named = [(output_size, "output_size"), (kernel_size, "kernel_size"), (stride, "stride"), (padding, "padding")]
    size, k, s, p, d = (pair(v, name, "fold") for v, name in [*named, (dilation, "dilation")])
    geo = geometry(size, k, s, p, d)
    rows, places = input._data.shape[1:]
    if rows % (k[0] * k[1]):
        raise RuntimeError(
            f"fold: expected dimension 1 to be divisible by the {k[0] * k[1]} taps of a kernel, got {rows}"
        )
    if places != geo.output[0] * geo.output[1]:
        raise RuntimeError(
            f"fold: expected {geo.output[0] * geo.output[1]} columns ({geo.output[0]} x {geo.output[1]} places) for an "
            f"output of {list(size)}, got {places}"
        )
    return fold_columns(input, geo)


# -- frames --------------------------------------------------------------------------------------------------
class ConstantPadNdBackward0(Node):
    """y = a in a frame of one value"""

    inner: tuple[Any, ...]

    def grad_a(self, grad: ArrayOrTensor) -> ArrayOrTensor:
        return grad[self.inner]


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """Return `input` with `pad` = (left, right, top, bottom, ...) elements added, from the last dimension on.

    mode is "constant" (the number `value`, 0 unless given; negative numbers of elements cut off), "reflect" (mirrored
    at the first and last element), "replicate" (these repeated) or "circular" (from the other end). RuntimeError if
    the numbers do not fit. Proven equal to `torch.nn.functional.pad`.
    """
    if len(pad) % 2 or len(pad) // 2 > input._data.ndim:
        raise RuntimeError(
            f"pad: expected an even number of paddings, at most {2 * input._data.ndim} for a "
            f"{input._data.ndim}D input, got {list(pad)}"
        )
    sides = [(int(pad[i]), int(pad[i + 1])) for i in range(0, len(pad), 2)]
    if mode == "constant":
        return _constant(input, sides, 0 if value is None else value)
    if mode not in (*_INDEX, "circular"):
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    if value is not None and value != 0:
        raise ValueError(f'Padding mode "{mode}" doesn\'t take in value argument')
    if not input._data.ndim - 2 <= len(sides) <= input._data.ndim - 1:
        raise NotImplementedError(
            f"pad with mode {mode!r}: expected paddings for all dimensions but the first one or two, "
            f"got {len(sides)} pairs for shape {list(input.shape)}"
        )
    padded = input
    for i, (before, after) in enumerate(sides):
        dim = input._data.ndim - 1 - i
        if before or after:
            padded = padded.index_select(dim, wrap(_places(mode, dim, padded._data.shape[dim], before, after)))
    return padded.clone() if padded is input else padded


def _places(mode: str, dim: int, n: int, before: int, after: int) -> Array:
    """Return for each place along a padded dimension of size `n` where its number comes from.

    Negative numbers of elements are cut off. RuntimeError if there are too few elements to pad with, or none are left.
    """
    first, last = max(-before, 0), n - max(-after, 0)  # what is cut off does not come round again
    circular = mode == "circular"
    most = {"reflect": n - 1, "circular": last - first}.get(mode)
    if n == 0 or (most is not None and max(before, after) > most):
        raise RuntimeError(
            f"pad with mode {mode!r}: expected at most {most} elements on a side of dimension {dim} "
            f"(size {n}), got ({before}, {after})"
        )
    if n + before + after < (0 if circular else 1):
        raise RuntimeError(
            f"pad with mode {mode!r}: ({before}, {after}) cuts off more than dimension {dim} (size {n}) has"
        )
    if circular:
        return first + np.arange(-max(before, 0), last - first + max(after, 0)) % max(last - first, 1)
    return _INDEX[mode](np.arange(-before, n + after), n)


_INDEX = {
    "reflect": lambda i, n: np.where(np.abs(i) < n, np.abs(i), 2 * (n - 1) - i),
    "replicate": lambda i, n: np.clip(i, 0, n - 1),
}


def _constant(input: Tensor, sides: list[tuple[int, int]], value: float) -> Tensor:
    ndim, x = input._data.ndim, input._data
    widths = [(0, 0)] * (ndim - len(sides)) + sides[::-1]
    for dim, (before, after) in enumerate(widths):
        if x.shape[dim] + before + after < 0:
            raise RuntimeError(
                f"The input size {x.shape[dim]}, plus negative padding {before} and {after}, resulted in a negative "
                f"output size, which is invalid. Check dimension {dim} of your input."
            )
    if any(min(w) < 0 for w in widths):
        cut = tuple(slice(max(0, -b), n - max(0, -a)) for n, (b, a) in zip(x.shape, widths))
        return _constant(input[cut], [(max(0, b), max(0, a)) for b, a in sides], value)
    shape = tuple(n + b + a for n, (b, a) in zip(x.shape, widths))
    inner = tuple(slice(b, b + n) for n, (b, _) in zip(x.shape, widths))
    out = np.full(shape, value, x.dtype)
    out[inner] = x
    return record(ConstantPadNdBackward0, wrap(out), (input,), inner=inner)
