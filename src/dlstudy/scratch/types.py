"""The names that signatures use, as in `torch.types`: what is an array, a number, a format, a device, a size.

A derivative is written once and runs on arrays and on Tensors: `ArrayOrTensor` in a signature says that everything so
called is of one of the two kinds, and the result of the same.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar, Union

import numpy as np
import numpy.typing as npt

from . import dtypes
from .device import device

if TYPE_CHECKING:
    from .tensor import Tensor

Array = npt.NDArray[Any]
ArrayOrTensor = TypeVar("ArrayOrTensor", npt.NDArray[Any], "Tensor")
Number = int | float | bool
Operand = Union["Tensor", int, float, bool]  # of an operation on tensors: either may be a number
Ints = int | Sequence[int]  # one number, or several: the size of a window, dimensions
DType = dtypes.dtype | np.dtype[Any] | type | str  # a format, or what `as_dtype` makes one of
Device = device | str | None
