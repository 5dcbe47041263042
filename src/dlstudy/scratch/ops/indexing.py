# ruff: noqa: D102 - a derivative is described by the line under its class
"""Reading parts of a tensor; writing them changes it in place and is in `inplace.py`.

Reading with numbers and slices gives a view, reading with index tensors or masks a copy. The derivative of reading is
placing: the gradient goes back to where the numbers came from, and where one number was read several times its
gradients add up.
"""

from typing import Any

import numpy as np

from dlstudy.scratch.shapes import Shape
from dlstudy.scratch.tape import Node, record
from dlstudy.scratch.tensor import Tensor, wrap
from dlstudy.scratch.types import Array, ArrayOrTensor

from .views import UnsqueezeBackward0, make_view


# -- understanding an index --------------------------------------------------------------------------------
def split_index(index: Any, shape: Shape) -> tuple[tuple[Any, ...], tuple[Any, ...] | None]:
    """Return (basic, advanced): what is done first, with numbers, slices and None, and then with index arrays (or
    None).

    torch applies the basic part first even where NumPy would treat a number between index arrays as one of them, so the
    two are kept apart. IndexError if there are too many indices or one is of the wrong kind.
    """
    items = [_as_item(i) for i in (index if isinstance(index, tuple) else (index,))]
    used = 0
    for item in items:
        used += item.ndim if _is_mask(item) else 0 if item is None or item is Ellipsis or isinstance(item, bool) else 1
    if used > len(shape):
        raise IndexError(f"too many indices for tensor of dimension {len(shape)}: got {used}")
    if sum(item is Ellipsis for item in items) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    if Ellipsis not in [i for i in items if not isinstance(i, np.ndarray)]:
        items.append(Ellipsis)

    basic: list[Any] = []
    advanced: list[Any] = []
    dim = 0
    for item in items:
        if item is Ellipsis:
            skipped = len(shape) - used
            basic += [slice(None)] * skipped
            advanced += [slice(None)] * skipped
            dim += skipped
        elif item is None:
            basic.append(None)
            advanced.append(slice(None))
        elif isinstance(item, bool):
            basic.append(None)
            advanced.append(np.zeros(int(item), np.int64))
        elif isinstance(item, slice):
            basic.append(item)
            advanced.append(slice(None))
            dim += 1
        elif isinstance(item, int):
            if not -shape[dim] <= item < shape[dim]:
                raise IndexError(f"index {item} is out of bounds for dimension {dim} with size {shape[dim]}")
            basic.append(item)
            dim += 1
        else:
            width = item.ndim if _is_mask(item) else 1
            if _is_mask(item) and item.shape != shape[dim : dim + width]:
                raise IndexError(
                    f"The shape of the mask {list(item.shape)} at index {dim} does not match the shape of the "
                    f"indexed tensor {list(shape)}"
                )
            basic += [slice(None)] * width
            advanced.append(item)
            dim += width
    is_advanced = any(isinstance(i, np.ndarray) for i in advanced)
    return (*basic, Ellipsis), (tuple(advanced) if is_advanced else None)


def _as_item(item: Any) -> Any:
    """Return one entry of an index as a bool, int, slice, None, Ellipsis or index array."""
    if isinstance(item, Tensor):
        item = item._data
    if isinstance(item, list | range | tuple):
        item = np.asarray([i._data if isinstance(i, Tensor) else i for i in item])
        item = item.astype(np.int64) if item.size == 0 else item
    if isinstance(item, np.ndarray) and item.dtype == np.uint8:
        item = item.astype(bool)  # bytes were torch's masks before it had booleans, and still are
    if isinstance(item, np.ndarray | np.generic):
        if item.dtype.kind not in "iub":
            raise IndexError(f"tensors used as indices must be long, int, byte or bool tensors, got {item.dtype}")
        if item.ndim == 0:
            return item.item()
        return np.asarray(item)
    if isinstance(item, slice):
        parts = [None if part is None else int(part.__index__()) for part in (item.start, item.stop, item.step)]
        if parts[2] is not None and parts[2] <= 0:
            raise ValueError("step must be greater than zero")
        return slice(*parts)
    if item is None or item is Ellipsis or isinstance(item, bool):
        return item
    if hasattr(item, "__index__"):
        return int(item)
    raise IndexError(
        "only integers, slices (`:`), ellipsis (`...`), None and long or bool tensors are valid "
        f"indices (got {type(item).__name__})"
    )


def _is_mask(item: Any) -> bool:
    return isinstance(item, np.ndarray) and item.dtype == bool


def _reads_once(index: tuple[Any, ...]) -> bool:
    """Return whether no element can be read twice: only one mask, and slices."""
    arrays = [i for i in index if isinstance(i, np.ndarray)]
    return len(arrays) == 1 and arrays[0].dtype == bool


# -- reading, and its derivative, placing ------------------------------------------------------------------
class SliceBackward0(Node):
    """y = a part of a, found with numbers and slices"""

    input_shape: Shape
    index: Any

    def grad_a(self, grad: ArrayOrTensor) -> ArrayOrTensor:
        return place(grad, self.input_shape, self.index, basic=True)


class SelectBackward0(SliceBackward0):
    """y = a[..., i, ...] with a number i"""


class SplitBackward0(SliceBackward0):
    """y = one of the pieces of a"""


class UnbindBackward0(SliceBackward0):
    """y = one of the slices of a"""


class IndexBackward0(Node):
    """y = a[index] with index arrays or a mask"""

    input_shape: Shape

    def grad_a(self, grad: ArrayOrTensor, index: Any) -> ArrayOrTensor:
        return place(grad, self.input_shape, index)


class PlaceBackward(Node):
    """y = zeros with a added in at an index: what reading's derivative does, so its own derivative is reading"""

    def grad_a(self, grad: ArrayOrTensor, index: Any) -> ArrayOrTensor:
        return grad[index] if isinstance(grad, np.ndarray) else read(grad, index)


def place(values: ArrayOrTensor, shape: Shape, index: Any, basic: bool = False) -> ArrayOrTensor:
    """Return zeros of `shape` with `values` (an array or a Tensor) added at `index`; repeated places add up."""
    if isinstance(values, Tensor):
        return record(PlaceBackward, wrap(place(values._data, shape, index, basic)), (values,), index=index)
    out = np.zeros(shape, values.dtype)
    if not basic and any(isinstance(i, np.ndarray) for i in index) and not _reads_once(index):
        np.add.at(out, index, values)
    else:
        out[index] = values
    return out


def read(input: Tensor, index: tuple[Any, ...]) -> Tensor:
    """Return input[index] for an index in NumPy's form; a copy, as derivatives need no views."""
    out = wrap(np.array(input._data[index]))
    return record(IndexBackward0, out, (input,), input_shape=input._data.shape, index=index)


def basic_view(
    input: Tensor, index: tuple[Any, ...], operation: type[Node] | None = None, no_write: str | None = None
) -> Tensor:
    """Return the view that numbers, slices and None select."""
    x = input._data
    if operation is None:
        kinds = [i for i in index if i is not Ellipsis and i != slice(None)]
        last = kinds[-1] if kinds else slice(None)
        operation = SelectBackward0 if isinstance(last, int) else SliceBackward0
        if all(i is None for i in kinds) and kinds:
            shape = x.shape
            return make_view(UnsqueezeBackward0, x[index], input, lambda t: t[index], input_shape=shape)
    return make_view(operation, x[index], input, lambda t: t[index], no_write, input_shape=x.shape, index=index)


def getitem(input: Tensor, index: Any) -> Tensor:
    """Return input[index] with torch's rules: a view for numbers and slices, a copy for index tensors and masks."""
    x = input._data
    if index.__class__ is int and x.ndim and -x.shape[0] <= index < x.shape[0]:
        return basic_view(input, (index, Ellipsis), SelectBackward0)
    basic, advanced = split_index(index, x.shape)
    if advanced is None:
        return basic_view(input, basic)
    if any(i is not Ellipsis and i != slice(None) for i in basic):
        input = basic_view(input, basic)
    out = wrap(np.asarray(read_array(input._data, advanced)))
    return record(IndexBackward0, out, (input,), input_shape=input._data.shape, index=advanced)


def read_array(x: Array, index: tuple[Any, ...]) -> Array:
    """Return x[index] for index arrays; IndexError if their shapes do not fit together."""
    try:
        return x[index]
    except IndexError as error:
        if "broadcast" in str(error):
            shapes = [list(i.shape) for i in index if isinstance(i, np.ndarray)]
            raise IndexError(
                f"shape mismatch: indexing tensors could not be broadcast together with shapes {shapes}"
            ) from None
        raise


# -- the derivative of writing, which inplace.py does ------------------------------------------------------
class IndexPutBackward0(Node):
    """y = a with the values b written at an index: a's gradient is lost there, and goes to b"""

    def grad_a(self, grad: ArrayOrTensor, index: Any) -> ArrayOrTensor:
        if isinstance(grad, Tensor):
            keep = np.ones(grad._data.shape, grad._data.dtype)
            keep[index] = 0
            return grad * wrap(keep)
        grad = grad.copy()
        grad[index] = 0
        return grad

    def grad_b(self, grad: ArrayOrTensor, index: Any) -> ArrayOrTensor:
        return grad[index] if isinstance(grad, np.ndarray) else read(grad, index)


FUNCTIONS: dict[str, Any] = {}
METHODS: dict[str, Any] = {"__getitem__": getitem}
