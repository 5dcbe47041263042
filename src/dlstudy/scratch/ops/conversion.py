# ruff: noqa: D102 - a derivative is described by the line under its class
"""Copies and other number formats."""

from collections.abc import Callable
from typing import Any

import numpy as np

from dlstudy.scratch import dtypes
from dlstudy.scratch.device import check_device, device
from dlstudy.scratch.quiet import quiet
from dlstudy.scratch.tape import Node, record
from dlstudy.scratch.tensor import Tensor, wrap
from dlstudy.scratch.types import ArrayOrTensor, Device, DType


class ToCopyBackward0(Node):
    """y = a in another format; the tape converts the gradient back"""

    def grad_a(self, grad: ArrayOrTensor) -> ArrayOrTensor:
        return grad


class CloneBackward0(Node):
    """y = a copy of a"""

    def grad_a(self, grad: ArrayOrTensor) -> ArrayOrTensor:
        return grad


@quiet
def convert(input: Tensor, kind: DType, copy: bool = False) -> Tensor:
    """Return `input` in the format `kind`: itself if it has it already, unless `copy`."""
    wanted = dtypes.as_dtype(kind).numpy
    if input._data.dtype == wanted:
        return clone(input) if copy else input
    return record(ToCopyBackward0, wrap(input._data.astype(wanted)), (input,))


def to(
    input: Tensor, *args: Any, dtype: DType | None = None, device: Device = None, non_blocking: bool = False,
    copy: bool = False,
) -> Tensor:  # fmt: skip
    """Return the tensor in another format and/or on another device (only "cpu" exists): to(dtype), to(device),
    to(other tensor).
    """
    for argument in args:
        if isinstance(argument, Tensor):
            dtype = argument.dtype
        elif isinstance(argument, str) or _is_device(argument):
            device = argument
        elif isinstance(argument, dtypes.dtype | np.dtype | type):
            dtype = argument
    check_device(device)
    return convert(input, input.dtype if dtype is None else dtype, copy)


def _is_device(value: object) -> bool:
    return isinstance(value, device)


def clone(input: Tensor, *, memory_format: object = None) -> Tensor:
    """Return a copy of the values on memory of its own, still part of the graph."""
    return record(CloneBackward0, wrap(np.array(input._data, order="K")), (input,))


def contiguous(input: Tensor, memory_format: object = None) -> Tensor:
    """Return the tensor itself if its elements lie in row-major order, else a copy of which that is true."""
    if input._data.flags.c_contiguous:
        return input
    return record(CloneBackward0, wrap(np.array(input._data, order="C")), (input,))


def cpu(input: Tensor) -> Tensor:
    """Return the tensor itself: it is on the CPU."""
    return input


def cuda(input: Tensor, device: Device = None, non_blocking: bool = False) -> None:
    """Refuse, with a sentence: NumPy computes on the CPU."""
    check_device("cuda")


def type_as(input: Tensor, other: Tensor) -> Tensor:
    """Return `input` in the format of `other`."""
    return convert(input, other.dtype)


def type_(input: Tensor, kind: DType | None = None) -> Tensor | str:
    """Return the name of the tensor's type, such as 'torch.FloatTensor'; with `kind`, the tensor in that format."""
    if kind is not None:
        return convert(input, kind)
    names = {
        "float32": "Float",
        "float64": "Double",
        "float16": "Half",
        "int64": "Long",
        "int32": "Int",
        "int16": "Short",
    }
    names |= {"int8": "Char", "uint8": "Byte", "bool": "Bool"}
    return f"torch.{names[input.dtype.name]}Tensor"


def _shortcut(kind: dtypes.dtype) -> Callable[[Tensor], Tensor]:
    def apply(input: Tensor) -> Tensor:
        return convert(input, kind)

    apply.__doc__ = f"Return the tensor as {kind.name}."
    return apply


FUNCTIONS: dict[str, Any] = {"clone": clone}
METHODS: dict[str, Any] = {
    "to": to, "clone": clone, "contiguous": contiguous, "cpu": cpu, "cuda": cuda, "type_as": type_as, "type": type_,
    "float": _shortcut(dtypes.float32), "double": _shortcut(dtypes.float64), "half": _shortcut(dtypes.float16),
    "long": _shortcut(dtypes.int64), "int": _shortcut(dtypes.int32), "short": _shortcut(dtypes.int16),
    "char": _shortcut(dtypes.int8), "byte": _shortcut(dtypes.uint8), "bool": _shortcut(dtypes.bool_),
}  # fmt: skip
