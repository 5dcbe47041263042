"""Making tensors from data or by rule."""

from typing import Any

import numpy as np

from . import dtypes
from .device import check_device
from .tensor import Tensor, wrap


def _plain(data: Any) -> Any:
    """Return nested lists with the tensors inside replaced by their values."""
    if isinstance(data, Tensor):
        return data._data
    if isinstance(data, list | tuple):
        return [_plain(item) for item in data]
    return data


def tensor(data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a new leaf with a copy of `data`: a number, nested lists, an array or a tensor.

    Python floats become the default dtype (float32), ints int64; arrays keep their format.
    """
    check_device(device)
    keeps_format = isinstance(data, np.ndarray | np.generic | Tensor)
    array = np.array(_plain(data))
    if array.dtype == object:
        raise ValueError("expected a rectangular list of numbers: the rows have different lengths")
    if dtype is not None:
        array = array.astype(dtypes.as_dtype(dtype).numpy)
    elif not keeps_format and array.dtype.kind == "f":
        array = array.astype(dtypes.get_default_dtype().numpy)
    elif array.dtype not in dtypes.FROM_NUMPY:
        raise TypeError(f"can't convert data of format {array.dtype} to a tensor")
    return wrap(array).requires_grad_(requires_grad)


def from_numpy(array: Any) -> Tensor:
    """Return a tensor on the memory of `array`: a change of one is a change of the other."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(array).__name__})")
    dtypes.as_dtype(array.dtype)
    return wrap(array)
