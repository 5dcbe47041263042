# ruff: noqa: D102 - a derivative is described by the line under its class
"""Gathering, scattering and sorting: reading and writing at places that a tensor of indices names."""

from typing import Any

import numpy as np

from dlstudy.scratch.printing import ValuesAndIndices
from dlstudy.scratch.quiet import quiet
from dlstudy.scratch.shapes import broadcast_shapes
from dlstudy.scratch.tape import Node, record
from dlstudy.scratch.tensor import Tensor, wrap, wrap_dim
from dlstudy.scratch.types import Array, ArrayOrTensor, Number, Operand

from .indexing import IndexBackward0, IndexPutBackward0, getitem, read


def _along(x: Array, dim: int, index: Array) -> tuple[Any, ...]:
    """Return the NumPy index that takes, at every place of `index`, the element whose coordinate along `dim` it
    names.
    """
    grid: list[Any] = list(np.ogrid[tuple(slice(size) for size in index.shape)])
    grid[dim] = index
    return tuple(grid)


def _check_index(name: str, x: Array, dim: int, index: Tensor) -> None:
    if index._data.dtype not in (np.int64, np.int32) and index._data.size:
        raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index, got {index.dtype}")
    i = index._data
    if i.ndim != x.ndim and i.size:
        raise RuntimeError(
            f"{name}(): index and input must have the same number of dimensions, got {i.ndim} and {x.ndim}"
        )
    for d, size in enumerate(i.shape):
        if d != dim and i.size and size > x.shape[d]:
            raise RuntimeError(
                f"{name}(): expected index of shape {list(i.shape)} to be no larger than input "
                f"{list(x.shape)} apart from dim {dim}"
            )
    if i.size and ((i < 0).any() or (i >= x.shape[dim]).any()):
        raise RuntimeError(f"{name}(): index out of bounds for dimension {dim} with size {x.shape[dim]}")


class GatherBackward0(IndexBackward0):
    """y = the elements of a that an index tensor names along a dimension"""


class MaxBackward0(IndexBackward0):
    """y = the largest elements of a along a dimension"""


class MinBackward0(IndexBackward0):
    """y = the smallest elements of a along a dimension"""


class SortBackward0(IndexBackward0):
    """y = a in ascending or descending order"""


class TopkBackward0(IndexBackward0):
    """y = the k largest elements of a"""


_GATHERS = {
    "Gather": GatherBackward0,
    "Max": MaxBackward0,
    "Min": MinBackward0,
    "Sort": SortBackward0,
    "Topk": TopkBackward0,
}


def gather(input: Tensor, dim: int, index: Tensor, operation: str = "Gather") -> Tensor:
    """Return the elements whose coordinate along `dim` is given by `index`, an int64 tensor; the other coordinates
    are the place's.
    """
    x = input._data
    d = wrap_dim(dim, x.ndim)
    if x.ndim == 0:
        return record(
            _GATHERS[operation], wrap(np.array(x).reshape(index._data.shape)), (input,), input_shape=(), index=()
        )
    _check_index("gather", x, d, index)
    if index._data.ndim != x.ndim:  # allowed for an empty index
        return record(
            GatherBackward0,
            wrap(np.zeros(index._data.shape, x.dtype)),
            (input,),
            input_shape=x.shape,
            index=(slice(0),),
        )
    where = _along(x, d, index._data)
    return record(_GATHERS[operation], wrap(x[where]), (input,), input_shape=x.shape, index=where)


def pick(input: Tensor, dim: int, index: Array, keepdim: bool, operation: str) -> Tensor:
    """Return the element that `index`, of size 1 along `dim`, names in each row along `dim`, with or without that
    dimension.
    """
    x = input._data
    where = _along(x, dim, index) if x.ndim else ()
    if not keepdim:
        where = tuple(i.squeeze(dim) for i in where)
    return record(_GATHERS[operation], wrap(np.array(x[where])), (input,), input_shape=x.shape, index=where)


def take_along_dim(input: Tensor, indices: Tensor, dim: int) -> Tensor:
    """Return the elements named by `indices` along `dim`, after broadcasting the other dimensions."""
    d = wrap_dim(dim, input._data.ndim)
    shape = broadcast_shapes(
        [1 if i == d else s for i, s in enumerate(input._data.shape)],
        [1 if i == d else s for i, s in enumerate(indices._data.shape)],
    )
    full = [*shape]
    full[d] = -1
    return gather(input.expand(full), d, indices.expand(full))


class ScatterBackward0(Node):
    """y = a with b written along a dimension"""

    def grad_a(self, grad: ArrayOrTensor, index: Any) -> ArrayOrTensor:
        return IndexPutBackward0.grad_a(self, grad, index)  # type: ignore[arg-type]

    def grad_b(self, grad: ArrayOrTensor, index: Any) -> ArrayOrTensor:
        return grad[index] if isinstance(grad, np.ndarray) else read(grad, index)


class ScatterAddBackward0(Node):
    """y = a with b added along a dimension"""

    def grad_a(self, grad: ArrayOrTensor) -> ArrayOrTensor:
        return grad

    def grad_b(self, grad: ArrayOrTensor, index: Any) -> ArrayOrTensor:
        return grad[index] if isinstance(grad, np.ndarray) else read(grad, index)


def _scatter_place(
    name: str, input: Tensor, dim: int, index: Tensor, src: Any
) -> tuple[tuple[Any, ...], Array, Tensor | None]:
    x = input._data
    d = wrap_dim(dim, x.ndim)
    _check_index(name, x, d, index)
    where = _along(x, d, index._data) if x.ndim else ()
    if not isinstance(src, Tensor):
        return where, np.asarray(src).astype(x.dtype), None
    if src._data.dtype != x.dtype:
        raise RuntimeError(f"{name}(): Expected self.dtype to be equal to src.dtype, got {input.dtype} and {src.dtype}")
    part = tuple(slice(size) for size in index._data.shape)
    if any(size > have for size, have in zip(index._data.shape, src._data.shape)):
        raise RuntimeError(
            f"{name}(): expected src of at least the shape of index {list(index.shape)}, got {list(src.shape)}"
        )
    chosen = src if src._data.shape == index._data.shape else src[part]
    return where, chosen._data, chosen


def scatter(
    input: Tensor, dim: int, index: Tensor, src: Operand | None = None, *, value: Number | None = None
) -> Tensor:
    """Return a copy of `input` with `src` (a tensor or number) written where `index` says along `dim`."""
    where, values, source = _scatter_place("scatter", input, dim, index, value if src is None else src)
    out = input._data.copy()
    out[where] = values
    return record(ScatterBackward0, wrap(out), (input, source), index=where)


def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """Return a copy of `input` with the tensor `src` added where `index` says along `dim`; repeated places add up."""
    where, values, source = _scatter_place("scatter_add", input, dim, index, src)
    out = input._data.copy()
    np.add.at(out, where, values)
    return record(ScatterAddBackward0, wrap(out), (input, source), index=where)


def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """Return the slices that `index`, a vector of integers, names along `dim`."""
    if index._data.ndim > 1 or index._data.dtype.kind != "i":
        raise IndexError(
            "index_select(): Index is supposed to be a vector of integers, got shape "
            f"{list(index.shape)} of {index.dtype}"
        )
    x = input._data
    d = wrap_dim(dim, x.ndim)
    i = np.atleast_1d(index._data)
    if i.size and ((i < 0).any() or (i >= (x.shape[d] if x.ndim else 1)).any()):
        raise IndexError(f"index out of range in self: dimension {d} has size {x.shape[d] if x.ndim else 1}")
    if x.ndim == 0:
        return input.clone()
    where = (slice(None),) * d + (i,)
    return record(IndexSelectBackward0, wrap(x[where]), (input,), input_shape=x.shape, index=where)


class IndexSelectBackward0(IndexBackward0):
    """y = slices of a"""


def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: float = 1) -> Tensor:
    """Return a copy of `input` with the slices of `source`, times `alpha`, added at the places `index` along `dim`."""
    d = wrap_dim(dim, input._data.ndim)
    where: Any = (slice(None),) * d + (index._data,)
    scaled = source if alpha == 1 else source * alpha
    if scaled._data.dtype != input._data.dtype:
        raise RuntimeError(
            f"index_add(): self and source expected to have the same dtype, got {input.dtype} and {source.dtype}"
        )
    out = input._data.copy()
    np.add.at(out, where, scaled._data)
    return record(ScatterAddBackward0, wrap(out), (input, scaled), index=where)


def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """Return the elements where `mask` is true, as a vector."""
    if mask._data.dtype != bool:
        raise RuntimeError(f"masked_select: expected BoolTensor for mask, got {mask.dtype}")
    shape = broadcast_shapes(input._data.shape, mask._data.shape)
    return getitem(input.expand(shape), mask.expand(shape)) if shape else getitem(input.reshape(1), mask.reshape(1))


def take(input: Tensor, index: Tensor) -> Tensor:
    """Return the elements of the flattened input that `index` names."""
    taken = getitem(input.reshape(-1), index)
    return taken if index._data.ndim else taken.clone()  # a copy, although a number as index gives a view


@quiet
def sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = True) -> ValuesAndIndices:
    """Return the pair (values, indices) of the elements in order along `dim`; equal ones keep their order."""
    x = input._data
    d = wrap_dim(dim, x.ndim)
    index = wrap(_argsort(x, d, descending))
    return ValuesAndIndices("sort", gather(input, d, index, "Sort"), index)


def _argsort(x: Array, d: int, descending: bool) -> Array:
    if x.ndim == 0:
        return np.zeros((), np.int64)
    if not descending:
        return np.argsort(x, axis=d, kind="stable")
    flipped = np.flip(
        np.argsort(np.flip(x, d), axis=d, kind="stable"), d
    )  # flipped twice, so that equal ones keep their order
    return x.shape[d] - 1 - flipped


def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """Return the indices that put the elements in order along `dim`."""
    return wrap(_argsort(input._data, wrap_dim(dim, input._data.ndim), descending))


def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> ValuesAndIndices:
    """Return the pair (values, indices) of the k largest (or smallest) elements along `dim`, in order."""
    x = input._data
    d = wrap_dim(dim, x.ndim)
    if not 0 <= k <= (x.shape[d] if x.ndim else 1):
        raise RuntimeError(f"selected index k out of range: expected at most {x.shape[d] if x.ndim else 1}, got {k}")
    index = wrap(_argsort(x, d, largest)[(slice(None),) * d + (slice(k),)] if x.ndim else np.zeros((), np.int64))
    return ValuesAndIndices("topk", gather(input, d, index, "Topk"), index)


FUNCTIONS: dict[str, Any] = {
    "gather": gather, "take_along_dim": take_along_dim, "scatter": scatter, "scatter_add": scatter_add,
    "index_select": index_select, "index_add": index_add, "masked_select": masked_select, "take": take, "sort": sort,
    "argsort": argsort, "topk": topk,
}  # fmt: skip
METHODS: dict[str, Any] = FUNCTIONS
