"""Making tensors from data or by rule, with torch's names."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from . import dtypes
from .device import check_device
from .ops.views import sizes
from .tensor import Size, Tensor, attach, wrap
from .types import Array, Device, DType, Ints, Number, Operand


def _plain(data: Any) -> Any:
    """Return nested lists with the tensors inside replaced by their values."""
    if isinstance(data, Tensor):
        return data._data.tolist()
    if isinstance(data, list | tuple | range):
        return [_plain(item) for item in data]
    return data


def _first(data: Any) -> Any:
    """Return the first element of nested lists."""
    while isinstance(data, list | tuple) and data:
        data = data[0]
    return data


def _array_of(data: Any, dtype: DType | None) -> Array:
    """Return `data` as a new array in the format that torch gives it."""
    if isinstance(data, Tensor):
        data = data._data
    keeps_format = isinstance(_first(data), np.ndarray | np.generic)
    try:
        array = np.array(data if isinstance(data, np.ndarray) else _plain(data))
    except ValueError:
        raise ValueError("expected a rectangular list of numbers, got rows of different lengths") from None
    if array.dtype.kind not in "biuf":
        raise TypeError(f"expected numbers to make a tensor of, got {array.dtype}")
    if dtype is not None:
        with np.errstate(all="ignore"):
            return array.astype(dtypes.as_dtype(dtype).numpy)
    if not keeps_format:
        if array.dtype.kind == "f" or array.size == 0:
            return array.astype(dtypes.get_default_dtype().numpy)
        if array.dtype.kind == "u":
            raise RuntimeError("Overflow when unpacking long: a number does not fit into int64")
        return array.astype(np.int64) if array.dtype.kind == "i" else array
    if array.dtype not in dtypes.FROM_NUMPY:
        raise TypeError(f"can't convert an array of {array.dtype} to a tensor: convert it with .astype first")
    return array


def tensor(
    data: Any, *, dtype: DType | None = None, device: Device = None, requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """Return a new leaf with a copy of `data`: a number, nested lists, an array or a tensor.

    Python floats become the default dtype (float32), ints int64; arrays keep their format.
    """
    check_device(device)
    return wrap(_array_of(data, dtype)).requires_grad_(requires_grad)


def from_data(self: Tensor, *data: Any, device: Device = None) -> None:
    """Fill a new float32 tensor: what `Tensor(...)` does, torch's oldest way to make one.

    Sizes, `Tensor(4)` or `Tensor(2, 3)`, give a tensor of that shape, whose numbers are yet to be set (here zeros); a
    list or an array is copied; a tensor of this format is shared.
    """
    check_device(device)
    self._data = _array_for(data, dtypes.get_default_dtype())


def _array_for(data: tuple[Any, ...], dtype: DType) -> Array:
    """Return the memory of `Tensor(*data)` in the format `dtype`."""
    kind = dtypes.as_dtype(dtype)
    first = data[0] if data else ()
    if len(data) > 1 or isinstance(first, Size) or _is_size(first):
        if not all(_is_size(size) for size in (first if isinstance(first, Size) else data)):
            raise TypeError(f"Tensor: expected sizes, which are whole numbers, or one list or array, got {data}")
        return _filled(sizes((first,) if isinstance(first, Size) else data), 0, kind, None, False)._data
    if isinstance(first, Tensor):
        if first._data.dtype != kind.numpy:
            raise TypeError(f"Tensor: expected a tensor of {kind}, got one of {first.dtype}: convert it with .to()")
        return first._data
    if not isinstance(first, list | tuple | range | np.ndarray):
        raise TypeError(
            f"Tensor: expected sizes, a list or an array, got {type(first).__name__}; "
            "to make a tensor of a number, use torch.tensor(number)"
        )
    return _array_of(first, kind)


def _is_size(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _of_format(name: str, dtype: DType) -> Callable[..., Tensor]:
    """Return the old constructor `name`, such as `LongTensor`: Tensor(...) in a format of its own."""

    def make(*data: Any, device: Device = None) -> Tensor:
        check_device(device)
        return wrap(_array_for(data, dtype))

    make.__name__ = make.__qualname__ = name
    make.__doc__ = f"Return a tensor of {dtype} of the given sizes, or with a copy of a list: `Tensor` in that format."
    return make


FloatTensor, DoubleTensor = _of_format("FloatTensor", dtypes.float32), _of_format("DoubleTensor", dtypes.float64)
HalfTensor, BoolTensor = _of_format("HalfTensor", dtypes.float16), _of_format("BoolTensor", dtypes.bool_)
ByteTensor, CharTensor = _of_format("ByteTensor", dtypes.uint8), _of_format("CharTensor", dtypes.int8)
ShortTensor, IntTensor = _of_format("ShortTensor", dtypes.int16), _of_format("IntTensor", dtypes.int32)
LongTensor = _of_format("LongTensor", dtypes.int64)


def as_tensor(data: Any, dtype: DType | None = None, device: Device = None) -> Tensor:
    """Return `data` as a tensor, sharing memory with an array or tensor whose format need not change."""
    check_device(device)
    if isinstance(data, Tensor):
        converted: Tensor = data if dtype is None else data.to(dtype)
        return converted
    if isinstance(data, np.ndarray) and (dtype is None or dtypes.as_dtype(dtype).numpy == data.dtype):
        return from_numpy(data)
    return tensor(data, dtype=dtype)


asarray = as_tensor


def from_numpy(array: Array) -> Tensor:
    """Return a tensor on the memory of `array`: a change of one is a change of the other."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(array).__name__})")
    if array.dtype not in dtypes.FROM_NUMPY:
        raise TypeError(f"can't convert an array of {array.dtype} to a tensor: convert it with .astype first")
    if any(stride < 0 for stride in array.strides):
        raise ValueError("expected an array without negative strides: make a copy of it first, array.copy()")
    return wrap(array)


def _filled(shape: tuple[int, ...], value: Operand, dtype: DType | None, device: Device, requires_grad: bool) -> Tensor:
    check_device(device)
    if any(size < 0 for size in shape):
        raise RuntimeError(f"expected sizes of at least 0, got {list(shape)}")
    kind = (dtypes.get_default_dtype() if dtype is None else dtypes.as_dtype(dtype)).numpy
    data = np.zeros(shape, kind) if value == 0 else np.full(shape, dtypes.fitting(value, kind), kind)
    return wrap(data).requires_grad_(requires_grad)


def zeros(*size: Ints, dtype: DType | None = None, device: Device = None, requires_grad: bool = False) -> Tensor:
    """Return zeros of the given size: zeros(2, 3) or zeros((2, 3))."""
    return _filled(sizes(size), 0, dtype, device, requires_grad)


def ones(*size: Ints, dtype: DType | None = None, device: Device = None, requires_grad: bool = False) -> Tensor:
    """Return ones of the given size."""
    return _filled(sizes(size), 1, dtype, device, requires_grad)


empty = zeros  # memory that holds anything at all may as well hold zeros


def full(
    size: Ints, fill_value: Operand, *, dtype: DType | None = None, device: Device = None, requires_grad: bool = False
) -> Tensor:
    """Return a tensor of `size` filled with one value, whose kind decides the dtype if none is given."""
    value = fill_value.item() if isinstance(fill_value, Tensor) else fill_value
    kind = dtypes.result_type(value) if dtype is None else dtype
    return _filled(sizes((size,)), value, kind, device, requires_grad)


def _like(value: Number) -> Callable[..., Tensor]:
    def make(
        input: Tensor, *, dtype: DType | None = None, device: Device = None, requires_grad: bool = False,
        memory_format: object = None,
    ) -> Tensor:  # fmt: skip
        return _filled(input._data.shape, value, input.dtype if dtype is None else dtype, device, requires_grad)

    make.__doc__ = f"Return a tensor of {value}s with the shape and format of `input`."
    return make


zeros_like, ones_like = _like(0), _like(1)
empty_like = zeros_like


def full_like(
    input: Tensor, fill_value: Operand, *, dtype: DType | None = None, device: Device = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Return a tensor with the shape and format of `input`, filled with one value."""
    return _filled(input._data.shape, fill_value, input.dtype if dtype is None else dtype, device, requires_grad)


def arange(
    start: Operand, end: Operand | None = None, step: Operand = 1, *, dtype: DType | None = None,
    device: Device = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Return start, start + step, ... below `end`; arange(n) counts from 0. Integers if all arguments are."""
    check_device(device)
    given = (0, start, step) if end is None else (start, end, step)
    first, last, stride = numbers = [v.item() if isinstance(v, Tensor) else v for v in given]
    if stride == 0:
        raise RuntimeError("step must be nonzero")
    if (last - first) / stride < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    if dtype is None:
        dtype = dtypes.get_default_dtype() if any(isinstance(v, float) for v in numbers) else dtypes.int64
    count = math.ceil((last - first) / stride)
    data = (first + stride * np.arange(count)).astype(dtypes.as_dtype(dtype).numpy)
    return wrap(data).requires_grad_(requires_grad)


def linspace(
    start: Operand, end: Operand, steps: int, *, dtype: DType | None = None, device: Device = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Return `steps` numbers from `start` to `end`, both included, at equal distances."""
    check_device(device)
    if steps < 0:
        raise RuntimeError(f"number of steps must be non-negative, got {steps}")
    first, last = float(start), float(end)
    kind = (dtypes.get_default_dtype() if dtype is None else dtypes.as_dtype(dtype)).numpy
    return wrap(np.linspace(first, last, steps).astype(kind)).requires_grad_(requires_grad)


def eye(
    n: int, m: int | None = None, *, dtype: DType | None = None, device: Device = None, requires_grad: bool = False
) -> Tensor:
    """Return an n x m matrix (square if m is left out) with ones on the diagonal and zeros elsewhere."""
    check_device(device)
    kind = (dtypes.get_default_dtype() if dtype is None else dtypes.as_dtype(dtype)).numpy
    return wrap(np.eye(n, m, dtype=kind)).requires_grad_(requires_grad)


def _new(value: Number) -> Callable[..., Tensor]:
    def make(
        self: Tensor, *size: Ints, dtype: DType | None = None, device: Device = None, requires_grad: bool = False
    ) -> Tensor:
        return _filled(sizes(size), value, self.dtype if dtype is None else dtype, device, requires_grad)

    make.__doc__ = f"Return {value}s of the given size in this tensor's format."
    return make


def new_tensor(
    self: Tensor, data: Any, *, dtype: DType | None = None, device: Device = None, requires_grad: bool = False
) -> Tensor:
    """Return a new leaf with a copy of `data` in this tensor's format."""
    return tensor(data, dtype=self.dtype if dtype is None else dtype, device=device, requires_grad=requires_grad)


def new_full(
    self: Tensor, size: Ints, fill_value: Operand, *, dtype: DType | None = None, device: Device = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Return one value in the given size in this tensor's format."""
    return _filled(sizes((size,)), fill_value, self.dtype if dtype is None else dtype, device, requires_grad)


attach({
    "__init__": from_data, "new_zeros": _new(0), "new_ones": _new(1), "new_empty": _new(0), "new_tensor": new_tensor,
    "new_full": new_full,
})  # fmt: skip
