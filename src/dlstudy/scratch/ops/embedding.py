# ruff: noqa: D102 - a derivative is described by the line under its class
"""Embedding: looking up rows of a table. The derivative adds the gradients up in the rows that they came from."""

import numpy as np

from dlstudy.scratch.array_or_tensor import is_array
from dlstudy.scratch.changes import note_change
from dlstudy.scratch.shapes import Shape
from dlstudy.scratch.tape import Node, record
from dlstudy.scratch.tensor import Tensor, wrap
from dlstudy.scratch.types import Array, ArrayOrTensor

from .gathering import index_add


class EmbeddingBackward0(Node):
    """y = the rows of w that the indices name"""

    table_shape: Shape
    padding_idx: int
    by_frequency: bool

    def grad_w(self, grad: ArrayOrTensor, index: Array) -> ArrayOrTensor:
        flat = grad.reshape((index.size, self.table_shape[1]))
        rows = index.reshape(-1)
        scale = (rows != self.padding_idx).astype(grad.dtype if is_array(grad) else grad._data.dtype)
        if self.by_frequency:
            scale /= np.bincount(rows, minlength=self.table_shape[0])[rows]
        if is_array(grad):
            return add_rows(
                flat if scale.all() and not self.by_frequency else flat * scale[:, None], rows, self.table_shape
            )
        table = wrap(np.zeros(self.table_shape, grad._data.dtype))
        return index_add(table, 0, wrap(rows), flat * wrap(scale[:, None]))


def add_rows(values: Array, rows: Array, shape: Shape) -> Array:
    """Return zeros of `shape` with each row of the array `values` added to the row that `rows` names.

    The values are put in order first, so that those of one row lie together and are summed in one go.
    """
    out = np.zeros(shape, values.dtype)
    if rows.size:
        order = np.argsort(rows, kind="stable")
        ordered = rows[order]
        starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
        out[ordered[starts]] = np.add.reduceat(values[order], starts, axis=0)
    return out


def embedding(
    input: Tensor, weight: Tensor, padding_idx: int | None = None, max_norm: float | None = None,
    norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False,
) -> Tensor:  # fmt: skip
    """Return the rows of `weight` (V, D) that `input`, integers of any shape, names: (...) gives (..., D).

    The row `padding_idx` gets no gradient. With `max_norm` the rows that are looked up are first shortened in place to
    that norm. IndexError for an index outside the table; sparse gradients are refused.
    """
    index, w = input._data, weight._data
    if sparse:
        raise NotImplementedError("embedding: expected sparse=False, sparse gradients do not exist here")
    if index.dtype not in (np.int64, np.int32):
        raise RuntimeError(f"embedding: expected indices of torch.int64 or torch.int32, got {input.dtype}")
    if w.ndim != 2:
        raise RuntimeError(f"'weight' must be 2-D, got shape {list(w.shape)}")
    count = w.shape[0]
    if padding_idx is not None:
        if not -count <= padding_idx < count:
            raise AssertionError("Padding_idx must be within num_embeddings")
        padding_idx %= count
    if index.size and (index.min() < 0 or index.max() >= count):
        raise IndexError(f"index out of range in self: expected 0 to {count - 1}, got {index.min()} to {index.max()}")
    if max_norm is not None:
        _shorten(weight, index, max_norm, norm_type)
    settings = {"table_shape": w.shape, "by_frequency": scale_grad_by_freq}
    padding = -1 if padding_idx is None else padding_idx
    return record(EmbeddingBackward0, wrap(w[index]), (weight,), index=index, padding_idx=padding, **settings)


def _shorten(weight: Tensor, index: Array, max_norm: float, norm_type: float) -> None:
    """Scale the rows that are too long down to `max_norm`, in place."""
    w = weight._data
    rows = np.unique(index)
    norms = np.linalg.norm(w[rows], norm_type, axis=1)
    long = norms > max_norm
    w[rows[long]] *= (max_norm / (norms[long] + 1e-7)).astype(w.dtype)[:, None]
    note_change(w)
