# ruff: noqa: D102 - a derivative is described by the line under its class
"""Putting tensors together, taking them apart, and repeating them."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from dlstudy.scratch import dtypes
from dlstudy.scratch.array_or_tensor import flip as flip_both
from dlstudy.scratch.shapes import Shape
from dlstudy.scratch.tape import Node, edge_of, mode, record
from dlstudy.scratch.tensor import Tensor, wrap, wrap_dim
from dlstudy.scratch.types import Array, ArrayOrTensor, Ints

from .indexing import SplitBackward0, UnbindBackward0, basic_view
from .reductions import reduced_dims


class CatBackward0(Node):
    """y = the inputs one after the other: each gets its piece of the gradient"""


class StackBackward0(Node):
    """y = the inputs side by side along a new dimension: each gets its slice of the gradient"""


def piece_of(index: tuple[Any, ...]) -> tuple[Callable[..., Any], int, tuple[int, ...]]:
    """Return the derivative for the input that became the part `index` of the result, as an entry of
    `Node.formulas`.
    """
    return (lambda node, grad: grad[index]), -1, ()


def _join(operation: type[Node], data: Array, tensors: Sequence[Tensor], pieces: Sequence[tuple[Any, ...]]) -> Tensor:
    """Put a joined tensor on the tape; `pieces` says where each input is in it."""
    out = wrap(data)
    if mode.enabled and data.dtype.kind == "f":
        edges = tuple([edge_of(t) for t in tensors])
        if any(edge is not None for edge in edges):
            node: Any = operation(edges, data.shape, data.dtype)
            node.formulas = tuple(piece_of(index) for index in pieces)
            out._node = node
    return out


def _common(name: str, tensors: Sequence[Tensor]) -> tuple[list[Tensor], list[Array]]:
    """Return the tensors as a list, and their arrays in one format."""
    tensors = list(tensors)
    if not tensors:
        raise (ValueError if name == "cat" else RuntimeError)(f"{name}: expected a non-empty list of Tensors")
    for i, t in enumerate(tensors):
        if not isinstance(t, Tensor):
            raise TypeError(f"{name}: expected Tensor as element {i}, got {type(t).__name__}")
    kind = dtypes.result_type(*tensors).numpy
    return tensors, [t._data.astype(kind, copy=False) for t in tensors]


def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Return the tensors one after the other along `dim`; their other sizes must agree. An empty 1-d tensor is passed
    over.
    """
    tensors, arrays = _common("cat", tensors)
    kept = [x for x in arrays if x.shape != (0,)]
    if not kept:
        return _join(CatBackward0, np.concatenate(arrays), tensors, [(slice(0),)] * len(arrays))
    first = kept[0]
    if first.ndim == 0:
        raise RuntimeError("zero-dimensional tensor (at position 0) cannot be concatenated: use stack")
    d = wrap_dim(dim, first.ndim)
    for i, x in enumerate(kept):
        if x.ndim != first.ndim:
            raise RuntimeError(f"Tensors must have same number of dimensions: got {first.ndim} and {x.ndim}")
        for axis in range(x.ndim):
            if axis != d and x.shape[axis] != first.shape[axis]:
                raise RuntimeError(
                    f"Sizes of tensors must match except in dimension {d}: expected size {first.shape[axis]} in "
                    f"dimension {axis}, "
                    f"got {x.shape[axis]} for tensor number {i} in the list"
                )
    before = (slice(None),) * d
    pieces, start = [], 0
    for x in arrays:
        if x.shape == (0,) and first.ndim > 1:  # passed over: any empty vector will do
            pieces.append((slice(0),) * first.ndim)
        else:
            pieces.append((*before, slice(start, start + x.shape[d])))
            start += x.shape[d]
    return _join(CatBackward0, np.concatenate(kept, axis=d), tensors, pieces)


def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Return the tensors, all of one shape, side by side along a new dimension `dim`."""
    tensors, arrays = _common("stack", tensors)
    for i, x in enumerate(arrays):
        if x.shape != arrays[0].shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(arrays[0].shape)} at entry 0 "
                f"and {list(x.shape)} at entry {i}"
            )
    d = wrap_dim(dim, arrays[0].ndim + 1)
    pieces = [((slice(None),) * d + (i, ...)) for i in range(len(arrays))]
    return _join(StackBackward0, np.stack(arrays, axis=d), tensors, pieces)


def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """Return the tensors on top of each other; vectors count as rows."""
    return cat([t.reshape(1, -1) if t._data.ndim < 2 else t for t in tensors], 0)


def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """Return the tensors beside each other; vectors end to end."""
    tensors = [t.reshape(1) if t._data.ndim == 0 else t for t in tensors]
    return cat(tensors, 0 if tensors[0]._data.ndim == 1 else 1)


_ONE_OF_MANY = "this tensor is one of several views that one operation returned"


def split(input: Tensor, split_size_or_sections: Ints, dim: int = 0) -> tuple[Tensor, ...]:
    """Return views of pieces along `dim`: of the given size (the last may be smaller), or of the listed sizes."""
    d = wrap_dim(dim, input._data.ndim)
    if input._data.ndim == 0:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    total = input._data.shape[d]
    if isinstance(split_size_or_sections, int):
        step = split_size_or_sections
        if step < 0 or (step == 0 and total):
            raise RuntimeError(
                f"split expects split_size be non-negative (and positive for a non-empty dimension), got {step}"
            )
        sections = [min(step, total - start) for start in range(0, total, step)] if total else [0]
    else:
        sections = list(split_size_or_sections)
        if any(s < 0 for s in sections) or sum(sections) != total:
            raise RuntimeError(
                f"split_with_sizes expects split_sizes to sum exactly to {total} (size of dimension {d}), "
                f"got {sections}"
            )
    pieces, start = [], 0
    for size in sections:
        index = (slice(None),) * d + (slice(start, start + size), Ellipsis)
        pieces.append(basic_view(input, index, SplitBackward0, _ONE_OF_MANY))
        start += size
    return tuple(pieces)


def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Return at most `chunks` views of equal size (the last may be smaller) along `dim`."""
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    if input._data.ndim == 0:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    total = input._data.shape[wrap_dim(dim, input._data.ndim)]
    return split(input, -(-total // chunks), dim) if total else split(input, [0] * chunks, dim)


def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Return views of all slices along `dim`, which they no longer have."""
    if input._data.ndim == 0:
        raise RuntimeError("Dimension specified as 0 but tensor has no dimensions")
    d = wrap_dim(dim, input._data.ndim)
    return tuple(
        basic_view(input, (*(slice(None),) * d, i, Ellipsis), UnbindBackward0, _ONE_OF_MANY)
        for i in range(input._data.shape[d])
    )


def iterate(input: Tensor) -> Iterator[Tensor]:
    """Iterate over the slices along the first dimension."""
    if input._data.ndim == 0:
        raise TypeError("iteration over a 0-d tensor")
    return iter(unbind(input, 0))


def narrow(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """Return the view of `length` elements from `start` on along `dim`."""
    if input._data.ndim == 0:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    d = wrap_dim(dim, input._data.ndim)
    size = input._data.shape[d]
    first = start + size if start < 0 else start
    if not 0 <= first <= size:
        raise IndexError(f"start out of range (expected to be in range of [{-size}, {size}], but got {start})")
    if length < 0 or first + length > size:
        raise RuntimeError(
            f"start ({start}) + length ({length}) exceeds dimension size ({size})."
            if length >= 0
            else "narrow(): length must be non-negative."
        )
    return basic_view(input, (*(slice(None),) * d, slice(first, first + length), Ellipsis))


def select(input: Tensor, dim: int, index: int) -> Tensor:
    """Return the view of the slice `index` along `dim`."""
    if input._data.ndim == 0:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    d = wrap_dim(dim, input._data.ndim)
    return input[(*(slice(None),) * d, index)]


class FlipBackward0(Node):
    """y = a in reverse order along some dimensions"""

    dims: Shape

    def grad_a(self, grad: ArrayOrTensor) -> ArrayOrTensor:
        return flip_both(grad, self.dims)


def flip(input: Tensor, *args: Ints, dims: Ints | None = None) -> Tensor:
    """Return a copy with the elements along `dims` in reverse order: flip(0, 1), flip((0, 1)) or flip(dims=(0, 1))."""
    given: Any = args if dims is None else dims
    given = given[0] if isinstance(given, tuple) and len(given) == 1 and isinstance(given[0], tuple | list) else given
    given = (given,) if isinstance(given, int) else given
    chosen = reduced_dims(given, input._data.ndim) if given else ()
    return record(FlipBackward0, wrap(np.array(np.flip(input._data, chosen), order="C")), (input,), dims=chosen)


def roll(input: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    """Return a copy shifted along `dims` (in the flattened tensor if None); what falls off one end comes in at the
    other.
    """
    if dims is None:
        return roll(input.flatten(), shifts, 0).reshape(input._data.shape)
    pairs = zip([shifts], [dims]) if isinstance(dims, int) else zip(shifts, dims)
    for shift, dim in pairs:
        d = wrap_dim(dim, input._data.ndim)
        size = input._data.shape[d]
        if size:
            cut = (-shift) % size
            input = cat([narrow(input, d, cut, size - cut), narrow(input, d, 0, cut)], d)
    return input


def repeat(input: Tensor, *repeats: Ints) -> Tensor:
    """Return a copy tiled `repeats` times along each dimension; more numbers than dimensions add dimensions on the
    left.
    """
    counts: Sequence[Any] = tuple(repeats[0]) if len(repeats) == 1 and isinstance(repeats[0], tuple | list) else repeats
    shape = input._data.shape
    if len(counts) < len(shape):
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of "
            f"tensor: got {len(counts)} for {len(shape)}"
        )
    if any(c < 0 for c in counts):
        raise RuntimeError(f"repeat: expected counts of at least 0, got {list(counts)}")
    padded = (1,) * (len(counts) - len(shape)) + shape
    between = [n for size in padded for n in (1, size)]
    wide = [n for count, size in zip(counts, padded) for n in (count, size)]
    final = tuple(count * size for count, size in zip(counts, padded))
    tiled = input.reshape(between).expand(wide).reshape(final)
    shares = np.may_share_memory(tiled._data, input._data)  # where nothing had to be repeated
    return tiled.clone() if shares else tiled


def tile(input: Tensor, *dims: Ints) -> Tensor:
    """Return a copy tiled `dims` times; fewer numbers than dimensions count from the right."""
    counts: Sequence[Any] = tuple(dims[0]) if len(dims) == 1 and isinstance(dims[0], tuple | list) else dims
    return repeat(input, (1,) * (input._data.ndim - len(counts)) + tuple(counts))


def repeat_interleave(
    input: Tensor, repeats: Ints | Tensor, dim: int | None = None, *, output_size: int | None = None
) -> Tensor:
    """Return a copy in which every element (or slice along `dim`) is repeated, `repeats` times each.

    `output_size`, which spares torch a count on other devices, may be given and must be the size that comes out.
    """
    if dim is None:
        input, dim = input.flatten(), 0
    d = wrap_dim(dim, input._data.ndim)
    counts = repeats._data if isinstance(repeats, Tensor) else repeats
    places = np.repeat(np.arange(input._data.shape[d]), counts)
    if output_size is not None and output_size != places.size:
        raise RuntimeError(f"repeat_interleave: expected output_size {places.size}, got {output_size}")
    return input.index_select(d, wrap(places))


def movedim(input: Tensor, source: Ints, destination: Ints) -> Tensor:
    """Return a view with the dimensions `source` moved to the places `destination`, the others kept in order."""
    ndim = input._data.ndim
    src, dst = reduced_dims(source, ndim), reduced_dims(destination, ndim)
    if len(src) != len(dst):
        raise RuntimeError(f"movedim: expected as many source as destination dims, got {source} and {destination}")
    order = [d for d in range(ndim) if d not in src]
    for place, dim in sorted(zip(dst, src)):
        order.insert(place, dim)
    return input.permute(order)


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """Return one view per vector, each varying along its own dimension and constant along the others ("xy" swaps the
    first two).
    """
    if len(tensors) == 1 and isinstance(tensors[0], tuple | list):
        tensors = tuple(tensors[0])
    shape = [t.numel() for t in tensors]
    grids = [t.reshape([-1 if i == j else 1 for j in range(len(shape))]).expand(shape) for i, t in enumerate(tensors)]
    if indexing == "xy" and len(shape) > 1:
        return tuple(grid.transpose(0, 1) for grid in grids)
    return tuple(grids)


FUNCTIONS: dict[str, Any] = {
    "cat": cat,
    "concat": cat,
    "concatenate": cat,
    "stack": stack,
    "vstack": vstack,
    "hstack": hstack,
    "split": split,
    "chunk": chunk,
    "unbind": unbind,
    "narrow": narrow,
    "select": select,
    "flip": flip,
    "roll": roll,
    "tile": tile,
    "repeat_interleave": repeat_interleave,
    "movedim": movedim,
    "meshgrid": meshgrid,
}
METHODS: dict[str, Any] = {
    **{
        k: v
        for k, v in FUNCTIONS.items()
        if k not in ("cat", "concat", "concatenate", "stack", "vstack", "hstack", "meshgrid")
    },
    "repeat": repeat,
    "__iter__": iterate,
}
