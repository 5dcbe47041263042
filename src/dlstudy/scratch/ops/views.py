# ruff: noqa: D102 - a derivative is described by the line under its class
"""Views: other shapes on the same memory. The derivative of a rearrangement is the rearrangement undone."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dlstudy.scratch.array_or_tensor import expand as expand_both
from dlstudy.scratch.array_or_tensor import permute as permute_both
from dlstudy.scratch.changes import clock, owner
from dlstudy.scratch.shapes import Shape, sum_to_shape
from dlstudy.scratch.tape import Node, record
from dlstudy.scratch.tensor import Tensor, wrap, wrap_dim
from dlstudy.scratch.types import Array, ArrayOrTensor, Ints


def make_view(
    operation: type[Node],
    data: Array,
    input: Tensor,
    replay: Callable[[Any], Any],
    no_write: str | None = None,
    **settings: Any,
) -> Tensor:
    """Return a tensor on `data`, a NumPy view of input's memory, that remembers how to be made again from its base."""
    out = wrap(data)
    out._base = input if input._base is None else input._base
    out._steps = (input._steps, replay)
    out._seen = next(clock)
    out._no_write = no_write or input._no_write
    return record(operation, out, (input,), **settings)


def replay_view(view: Tensor, base: ArrayOrTensor) -> ArrayOrTensor:
    """Return the same view of `base`, an array or tensor of the shape of the view's own base."""
    steps = []
    link = view._steps
    while link is not None:
        link, step = link
        steps.append(step)
    for step in reversed(steps):
        base = step(base)
    return base


def sizes(args: tuple[Any, ...]) -> tuple[int, ...]:
    """Return the sizes meant by f(2, 3) or f((2, 3))."""
    if len(args) == 1 and isinstance(args[0], tuple | list):
        args = tuple(args[0])
    return tuple([int(a) for a in args])


class ViewBackward0(Node):
    """y = a in another shape"""

    input_shape: Shape

    def grad_a(self, grad: ArrayOrTensor) -> ArrayOrTensor:
        return grad.reshape(self.input_shape)


class UnsafeViewBackward0(ViewBackward0):
    """y = a copy of a in another shape"""


class ReshapeAliasBackward0(ViewBackward0):
    """y = a in another shape, reached by reshape"""


def full_shape(shape: Sequence[int], count: int) -> Shape:
    """Return `shape` with a -1 replaced so that it holds `count` elements; RuntimeError if it cannot."""
    shape = tuple(shape)
    if -1 not in shape and math.prod(shape) == count and min(shape, default=0) >= 0:
        return shape
    if min(shape) < -1:
        raise RuntimeError(f"invalid shape dimension {min(shape)} in {list(shape)}")
    if shape.count(-1) > 1:
        raise RuntimeError("only one dimension can be inferred")
    known = -math.prod(shape) if -1 in shape else 0
    if -1 in shape and known == 0:
        raise RuntimeError(
            f"cannot reshape tensor of {count} elements into shape {list(shape)}: the unspecified "
            "dimension size -1 can be any value"
        )
    if -1 not in shape or count % known:
        raise RuntimeError(f"shape '{list(shape)}' is invalid for input of size {count}")
    return tuple(count // known if size == -1 else size for size in shape)


def view(input: Tensor, *shape: Ints) -> Tensor:
    """Return the same memory in another shape; RuntimeError if its strides do not allow that (use reshape)."""
    if len(shape) == 1 and not isinstance(shape[0], int | tuple | list | np.integer):
        raise TypeError("view(dtype) is not supported: use .to(dtype)")
    new = full_shape(sizes(shape), input._data.size)
    try:
        data = np.reshape(input._data, new, copy=False)
    except ValueError:
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one dimension spans across two "
            f"contiguous subspaces): shape {list(input.shape)}, strides {input.stride()}. Use .reshape(...) instead."
        ) from None
    return make_view(ViewBackward0, data, input, lambda t: t.reshape(new), input_shape=input._data.shape)


def reshape(input: Tensor, *shape: Ints) -> Tensor:
    """Return the elements in another shape: a view where the strides allow it, else a copy. One size may be -1."""
    new = full_shape(sizes(shape), input._data.size)
    data = input._data.reshape(new)
    if owner(data) is owner(input._data):  # else the strides did not allow a view, and NumPy made a copy
        return make_view(ViewBackward0, data, input, lambda t: t.reshape(new), input_shape=input._data.shape)
    return record(UnsafeViewBackward0, wrap(data), (input,), input_shape=input._data.shape)


class TransposeBackward0(Node):
    """y = a with two dimensions exchanged"""

    dim0: int
    dim1: int

    def grad_a(self, grad: ArrayOrTensor) -> ArrayOrTensor:
        return grad.swapaxes(self.dim0, self.dim1)


class TBackward0(TransposeBackward0):
    """y = a.T of a matrix"""


def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Return a view with the two dimensions exchanged."""
    ndim = input._data.ndim
    d0, d1 = wrap_dim(dim0, ndim), wrap_dim(dim1, ndim)
    data = input._data.swapaxes(d0, d1) if ndim else input._data.view()
    if ndim == 0:
        return make_view(ViewBackward0, data, input, lambda t: t.reshape(()), input_shape=())
    return make_view(TransposeBackward0, data, input, lambda t: t.swapaxes(d0, d1), dim0=d0, dim1=d1)


class PermuteBackward0(Node):
    """y = a with its dimensions in another order"""

    inverse: Shape

    def grad_a(self, grad: ArrayOrTensor) -> ArrayOrTensor:
        return permute_both(grad, self.inverse)


def permute(input: Tensor, *dims: Ints) -> Tensor:
    """Return a view with the dimensions in the order `dims`."""
    ndim = input._data.ndim
    given = sizes(dims)
    if len(given) != ndim:
        raise RuntimeError(f"permute: expected one entry for each of the {ndim} dimensions, got {list(given)}")
    chosen = tuple(wrap_dim(d, ndim) for d in given)
    if len(set(chosen)) != ndim:
        raise RuntimeError(f"permute: expected each dimension once, got {list(given)}")
    inverse = tuple(int(i) for i in np.argsort(chosen))
    return make_view(
        PermuteBackward0, input._data.transpose(chosen), input, lambda t: permute_both(t, chosen), inverse=inverse
    )


class ExpandBackward0(Node):
    """y = a repeated without copying; the tape sums the gradient back to a's shape"""

    def grad_a(self, grad: ArrayOrTensor) -> ArrayOrTensor:
        return grad


def expand(input: Tensor, *shape: Ints) -> Tensor:
    """Return a view in which dimensions of size 1 are stretched (stride 0); -1 keeps a size."""
    new, old = sizes(shape), input._data.shape
    added = len(new) - len(old)
    if added < 0:
        raise RuntimeError(f"expand: expected at least {len(old)} sizes for shape {list(old)}, got {list(new)}")
    full = []
    for i, size in enumerate(new):
        have = old[i - added] if i >= added else 1
        if size == -1 and i < added:
            raise RuntimeError(f"expand: -1 is not allowed for the new leading dimension {i}")
        if size < -1 or (size != -1 and have not in (1, size)):
            raise RuntimeError(
                f"expand: expected size {have} in dimension {i} (shape {list(old)}), got {size} in {list(new)}"
            )
        full.append(have if size == -1 else size)
    data = np.broadcast_to(input._data, full)
    if input._data.flags.writeable:
        data.flags.writeable = True  # as in torch: the one element behind the copies may be changed
    return make_view(ExpandBackward0, data, input, lambda t: expand_both(t, full))


class SqueezeBackward1(ViewBackward0):
    """y = a without a dimension of size 1"""


class UnsqueezeBackward0(ViewBackward0):
    """y = a with a new dimension of size 1"""


def squeeze(input: Tensor, dim: Ints | None = None) -> Tensor:
    """Return a view without the dimensions of size 1, or without `dim` (one or several) where it has size 1."""
    shape = input._data.shape
    chosen = (
        range(len(shape))
        if dim is None
        else [wrap_dim(d, len(shape)) for d in ([dim] if isinstance(dim, int) else dim)]
    )
    new = tuple(size for d, size in enumerate(shape) if size != 1 or d not in chosen)
    return make_view(SqueezeBackward1, input._data.reshape(new), input, lambda t: t.reshape(new), input_shape=shape)


def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """Return a view with a dimension of size 1 put in at `dim`."""
    shape = input._data.shape
    d = wrap_dim(dim, len(shape) + 1)
    new = (*shape[:d], 1, *shape[d:])
    return make_view(
        UnsqueezeBackward0, np.expand_dims(input._data, d), input, lambda t: t.reshape(new), input_shape=shape
    )


def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Return the dimensions from `start_dim` to `end_dim` as one."""
    shape = input._data.shape
    first, last = wrap_dim(start_dim, len(shape)), wrap_dim(end_dim, len(shape))
    if not shape:
        return reshape(input, 1)
    if first > last:
        raise RuntimeError(f"flatten() has invalid args: start_dim {start_dim} cannot come after end_dim {end_dim}")
    if first == last:
        return input
    middle = int(np.prod(shape[first : last + 1], dtype=np.int64))
    return reshape(input, (*shape[:first], middle, *shape[last + 1 :]))


def t(input: Tensor) -> Tensor:
    """Return the transpose of a matrix; vectors and numbers stay as they are."""
    if input._data.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input._data.ndim}D")
    if input._data.ndim < 2:
        return reshape(input, input._data.shape)
    return make_view(TBackward0, input._data.T, input, lambda t: t.swapaxes(0, 1), dim0=0, dim1=1)


def matrix_transpose(input: Tensor) -> Tensor:
    """Return a view with the last two dimensions exchanged (`.mT`)."""
    if input._data.ndim < 2:
        raise RuntimeError(
            f"tensor.mT is only supported on matrices or batches of matrices. Got {input._data.ndim}-D tensor."
        )
    return transpose(input, -2, -1)


def reverse_dims(input: Tensor) -> Tensor:
    """Return a view with all dimensions in reverse order (`.T`)."""
    if input._data.ndim == 2:
        return permute(input, 1, 0)
    return permute(input, tuple(reversed(range(input._data.ndim))))


def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """Return a view with dimension `dim` split into several of the given sizes (one may be -1)."""
    shape = input._data.shape
    d = wrap_dim(dim, len(shape))
    return view(input, (*shape[:d], *full_shape(tuple(sizes), shape[d]), *shape[d + 1 :]))


FUNCTIONS: dict[str, Any] = {
    "reshape": reshape,
    "transpose": transpose,
    "swapaxes": transpose,
    "swapdims": transpose,
    "permute": permute,
    "squeeze": squeeze,
    "unsqueeze": unsqueeze,
    "flatten": flatten,
    "t": t,
    "unflatten": unflatten,
}
METHODS: dict[str, Any] = {
    **FUNCTIONS,
    "view": view,
    "expand": expand,
    "T": property(reverse_dims),
    "mT": property(matrix_transpose),
    "H": property(reverse_dims),
    "mH": property(matrix_transpose),
    "view_as": lambda a, b: view(a, b._data.shape),
    "reshape_as": lambda a, b: reshape(a, b._data.shape),
    "expand_as": lambda a, b: expand(a, b._data.shape),
    "ravel": lambda a: reshape(a, -1),
    "sum_to_size": lambda a, *size: sum_to_shape(a, sizes(size)),
}
