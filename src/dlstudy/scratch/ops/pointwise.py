# ruff: noqa: D102 - a derivative is described by the line under its class
"""Arithmetic of two inputs, element by element, each operation beside its derivative."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray

from dlstudy.scratch import dtypes
from dlstudy.scratch.array_or_tensor import constant, masked, plain, unary
from dlstudy.scratch.quiet import SILENT, hush, quiet, unhush
from dlstudy.scratch.shapes import broadcast_shapes
from dlstudy.scratch.tape import Node, edge_of, mode, record
from dlstudy.scratch.tensor import Tensor, wrap
from dlstudy.scratch.types import Array, ArrayOrTensor, Number, Operand

new = object.__new__  # new(Tensor) is `wrap` without the call


# -- two inputs --------------------------------------------------------------------------------------------
class AddBackward0(Node):
    """y = a + b"""

    __slots__ = ()  # frequent, and without settings: half the memory

    def grad_a(self, grad: ArrayOrTensor) -> ArrayOrTensor:
        return grad

    def grad_b(self, grad: ArrayOrTensor) -> ArrayOrTensor:
        return grad


class SubBackward0(Node):
    """y = a - b"""

    __slots__ = ()  # frequent, and without settings: half the memory

    def grad_a(self, grad: ArrayOrTensor) -> ArrayOrTensor:
        return grad

    def grad_b(self, grad: ArrayOrTensor) -> ArrayOrTensor:
        return -grad


class MulBackward0(Node):
    """y = a b"""

    __slots__ = ()  # frequent, and without settings: half the memory

    def grad_a(self, grad: ArrayOrTensor, b: ArrayOrTensor) -> ArrayOrTensor:
        return grad * b

    def grad_b(self, grad: ArrayOrTensor, a: ArrayOrTensor) -> ArrayOrTensor:
        return grad * a


class DivBackward0(Node):
    """y = a / b"""

    __slots__ = ()  # frequent, and without settings: half the memory

    def grad_a(self, grad: ArrayOrTensor, b: ArrayOrTensor) -> ArrayOrTensor:
        return grad / b

    def grad_b(self, grad: ArrayOrTensor, a: ArrayOrTensor, b: ArrayOrTensor) -> ArrayOrTensor:
        return -grad * ((a / b) / b)


def array_operand(array: Array) -> Tensor:
    """Return a NumPy array beside an operator as a tensor on its memory: the result of `tensor + array` is a tensor.

    TypeError if there is no tensor of its format.
    """
    if array.dtype not in dtypes.FROM_NUMPY:
        raise TypeError(f"expected an array of numbers beside a tensor, got one of {array.dtype}")
    return wrap(array)


def no_bool(*values: Operand) -> None:
    """Refuse booleans, as subtraction does."""
    if any(isinstance(v, bool | np.bool_) or (isinstance(v, Tensor) and v._data.dtype == bool) for v in values):
        raise RuntimeError("subtraction with a bool tensor is not defined: use logical_xor, or convert with .int()")


def operands(a: Any, b: Any, at_least_float: bool = False) -> tuple[Array, Array]:
    """Return the values of two operands as torch would combine them: arrays of one format, or an array and a number."""
    a, b = (array_operand(t) if isinstance(t, ndarray) and t.ndim else t for t in (a, b))
    result = dtypes.result_type(a, b)
    if at_least_float and not result.is_floating_point:
        result = dtypes.get_default_dtype()
    x, y = (t._data if isinstance(t, Tensor) else np.asarray(t) for t in (a, b))
    return x.astype(result.numpy, copy=False), y.astype(result.numpy, copy=False)


def operands_of_sub(a: Any, b: Any, at_least_float: bool = False) -> tuple[Array, Array]:
    """Return `operands`, after refusing booleans."""
    no_bool(a, b)
    return operands(a, b)


def refuse(ufunc: Callable[..., Array], x: Array, y: Array, error: Exception) -> None:
    """Say in a sentence why `ufunc` could not be applied to x and y."""
    broadcast_shapes(x.shape, np.shape(y))
    no_bool(wrap(x))
    raise error


def binary(
    ufunc: Callable[..., Array], operation: type[Node], at_least_float: bool = False
) -> Callable[[Tensor, Any], Tensor]:
    """Return the tensor function for a NumPy `ufunc` of two inputs that leaves an `operation` on the tape.

    What it does is `record(operation, wrap(ufunc(x, y)), (a, b), (x, y))`, which is what `_division` below says: read
    that first. It is written out here because half of the time of a small operation is spent on it.
    """

    keeps_inputs = operation.keeps == ("a", "b")
    (x_for_a, x_for_b), (y_for_a, y_for_b) = ([i in users for i in (0, 1)] for users in operation.users or ((), ()))
    combine = operands_of_sub if ufunc is np.subtract else operands

    def apply(a: Tensor, b: Any) -> Tensor:
        x = a._data
        b_is_tensor = isinstance(b, Tensor)
        if b_is_tensor:
            y = b._data
            if x.dtype is not y.dtype or (at_least_float and x.dtype.kind != "f"):
                x, y = combine(a, b, at_least_float)
        elif (b.__class__ is float or b.__class__ is int) and x.dtype.kind == "f" and x.itemsize > 2:
            y = b
        elif isinstance(b, float | int | np.number | np.bool_):
            x, y = combine(a, b, at_least_float)
        elif isinstance(b, ndarray):
            return apply(a, array_operand(b))
        else:
            return NotImplemented
        token = hush(SILENT)
        try:
            values = ufunc(x, y, out=...)
        except (ValueError, TypeError) as error:
            refuse(ufunc, x, y, error)
        finally:
            unhush(token)
        out = new(Tensor)
        out._data = values
        if mode.enabled:
            edge_a = edge_of(a)
            edge_b = edge_of(b) if b_is_tensor else None
            if (edge_a is not None or edge_b is not None) and values.dtype.kind == "f":
                shape = values.shape
                node = out._node = operation((edge_a, edge_b), shape, values.dtype)
                if keeps_inputs:
                    kept = (
                        x if (x_for_a and edge_a is not None) or (x_for_b and edge_b is not None) else None,
                        y if (y_for_a and edge_a is not None) or (y_for_b and edge_b is not None) else None,
                    )
                    if shape:
                        node.saved = kept
                    else:
                        p, q = node.watched = kept
                        node.saved = (p[()] if p.__class__ is ndarray else p, q[()] if q.__class__ is ndarray else q)
        return out

    return apply


add_tensors = binary(np.add, AddBackward0)
sub_tensors = binary(np.subtract, SubBackward0)
mul_tensors = binary(np.multiply, MulBackward0)
div_tensors = binary(np.true_divide, DivBackward0, at_least_float=True)


class RsubBackward1(Node):
    """y = b - a for a number b"""

    def grad_a(self, grad: ArrayOrTensor) -> ArrayOrTensor:
        return -grad


def rsub(input: Tensor, other: Operand) -> Tensor:
    """Return other - input."""
    if isinstance(other, Tensor):
        return sub_tensors(other, input)
    x = input._data
    if x.dtype.kind == "f" and (other.__class__ is float or other.__class__ is int):
        return record(RsubBackward1, wrap(np.subtract(other, x, out=...)), (input,))
    if isinstance(other, ndarray):
        return sub_tensors(array_operand(other), input)
    if not isinstance(other, float | int | np.number):
        return NotImplemented
    no_bool(input, other)
    x, y = operands(input, other)
    return record(RsubBackward1, wrap(np.subtract(y, x, out=...)), (input,))


def _checked(name: str, result: Tensor, other: Operand) -> Tensor:
    if result is NotImplemented:
        raise TypeError(f"{name}(): expected a Tensor or a number, got {type(other).__name__}")
    return result


def _tensor_first(input: Operand, other: Operand) -> tuple[Tensor, Any]:
    """Let a number be the first argument of a function, as torch does."""
    for value in (input, other):
        if isinstance(value, ndarray):
            raise TypeError("expected a Tensor or a number, got a NumPy array: make it a tensor with torch.from_numpy")
    return (input if isinstance(input, Tensor) else wrap_number(input), other)


def wrap_number(value: Number) -> Tensor:
    """Return a Python number as a 0-d tensor of the default format of its kind."""
    return wrap(np.asarray(value, dtypes.result_type(value).numpy))


def add(input: Operand, other: Operand, *, alpha: float = 1) -> Tensor:
    """Return input + alpha * other."""
    input, other = _tensor_first(input, other)
    return _checked("add", add_tensors(input, other if alpha == 1 else other * alpha), other)


def sub(input: Operand, other: Operand, *, alpha: float = 1) -> Tensor:
    """Return input - alpha * other."""
    input, other = _tensor_first(input, other)
    return _checked("sub", sub_tensors(input, other if alpha == 1 else other * alpha), other)


def mul(input: Operand, other: Operand) -> Tensor:
    """Return input * other."""
    input, other = _tensor_first(input, other)
    return _checked("mul", mul_tensors(input, other), other)


def div(input: Operand, other: Operand, *, rounding_mode: str | None = None) -> Tensor:
    """Return input / other; `rounding_mode` "floor" or "trunc" rounds the quotient (and then has gradient 0)."""
    input, other = _tensor_first(input, other)
    if rounding_mode is None:
        return _checked("div", div_tensors(input, other), other)
    if rounding_mode == "floor":
        return _div_floor(input, other)
    if rounding_mode != "trunc":
        raise RuntimeError(
            f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'"
        )
    return _div_trunc(input, other)


class FloorDivideBackward0(Node):
    """y = floor(a / b), which torch has no derivative for"""

    def grad_a(self, grad: ArrayOrTensor) -> ArrayOrTensor:
        raise RuntimeError("the derivative of floor_divide is not implemented: use div(..., rounding_mode='floor')")

    grad_b = grad_a


class DivBackward1(Node):
    """y = a / b rounded: flat almost everywhere"""

    def grad_a(self, grad: ArrayOrTensor) -> ArrayOrTensor:
        return grad * 0

    grad_b = grad_a


class RemainderBackward0(Node):
    """y = a - b floor(a / b)"""

    def grad_a(self, grad: ArrayOrTensor) -> ArrayOrTensor:
        return grad

    def grad_b(self, grad: ArrayOrTensor, a: ArrayOrTensor, b: ArrayOrTensor) -> ArrayOrTensor:
        return -grad * constant(np.floor_divide(plain(a), plain(b)), grad)


def _division(ufunc: Callable[..., Array], operation: type[Node]) -> Callable[[Tensor, Any], Tensor]:
    @quiet
    def apply(input: Tensor, other: Operand) -> Tensor:
        x, y = operands(input, other)
        broadcast_shapes(x.shape, y.shape)
        if x.dtype == bool:
            raise NotImplementedError(f"{ufunc.__name__} is not defined for bool tensors: convert with .int() first")
        if x.dtype.kind != "f" and not np.all(y):
            raise RuntimeError("ZeroDivisionError: division of an integer by zero")
        return record(operation, wrap(ufunc(x, y, out=...)), (input, other), (x, y))

    apply.__name__ = ufunc.__name__
    apply.__doc__ = (
        f"Return the {ufunc.__name__} of two tensors; the remainder has the sign of the divisor, as in Python."
    )
    return apply


def _trunc_divide(x: Array, y: Array, out: Array | None = None) -> Array:
    return (
        np.trunc(x / y).astype(x.dtype)
        if x.dtype.kind == "f"
        else np.asarray(np.floor_divide(np.abs(x), np.abs(y)) * np.sign(x) * np.sign(y))
    )


floor_divide = _division(np.floor_divide, FloorDivideBackward0)
_div_floor, _div_trunc = _division(np.floor_divide, DivBackward1), _division(_trunc_divide, DivBackward1)
remainder = _division(np.remainder, RemainderBackward0)


class Atan2Backward0(Node):
    """y = the angle of the point (b, a)"""

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor, b: ArrayOrTensor) -> ArrayOrTensor:
        return grad * b / (a * a + b * b)

    def grad_b(self, grad: ArrayOrTensor, a: ArrayOrTensor, b: ArrayOrTensor) -> ArrayOrTensor:
        return -grad * a / (a * a + b * b)


atan2 = binary(np.arctan2, Atan2Backward0, at_least_float=True)


class LerpBackward0(Node):
    """y = a + w (b - a)"""

    def grad_a(self, grad: ArrayOrTensor, w: ArrayOrTensor) -> ArrayOrTensor:
        return grad * (1 - w)

    def grad_b(self, grad: ArrayOrTensor, w: ArrayOrTensor) -> ArrayOrTensor:
        return grad * w

    def grad_w(self, grad: ArrayOrTensor, a: ArrayOrTensor, b: ArrayOrTensor) -> ArrayOrTensor:
        return grad * (b - a)


@quiet
def lerp(input: Tensor, end: Tensor, weight: Operand) -> Tensor:
    """Return input + weight * (end - input)."""
    for other in (end, weight):
        if isinstance(other, Tensor) and other._data.dtype != input._data.dtype:
            raise RuntimeError(f"lerp: expected dtype {input.dtype} for all tensors, got {other.dtype}")
    x, y, w = input._data, end._data, weight._data if isinstance(weight, Tensor) else weight
    broadcast_shapes(x.shape, y.shape, np.shape(w))
    return record(LerpBackward0, wrap(np.add(x, w * (y - x), out=...)), (input, end, weight), (x, y, w))


def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: float = 1) -> Tensor:
    """Return input + value * tensor1 * tensor2."""
    return input + (tensor1 * tensor2 if value == 1 else value * tensor1 * tensor2)


def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: float = 1) -> Tensor:
    """Return input + value * tensor1 / tensor2."""
    return input + (tensor1 if value == 1 else value * tensor1) / tensor2


# -- powers ------------------------------------------------------------------------------------------------
class PowBackward0(Node):
    """y = a ** n with a number n"""

    exponent: float

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor) -> ArrayOrTensor:
        return grad * (self.exponent * a ** (self.exponent - 1)) if self.exponent != 0 else grad * 0


class PowBackward1(Node):
    """y = a ** b"""

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor, b: ArrayOrTensor) -> ArrayOrTensor:
        return masked(grad * (b * a ** (b - 1)), plain(b) != 0)

    def grad_b(self, grad: ArrayOrTensor, a: ArrayOrTensor, b: ArrayOrTensor, out: ArrayOrTensor) -> ArrayOrTensor:
        log_a = unary("log", a) if isinstance(a, Tensor) else np.log(a)
        return masked(grad * (out * log_a), ~((plain(a) == 0) & (plain(b) >= 0)))


class PowBackward2(Node):
    """y = n ** b with a number n"""

    base: float

    def grad_b(self, grad: ArrayOrTensor, b: ArrayOrTensor, out: ArrayOrTensor) -> ArrayOrTensor:
        log_base = float(np.log(self.base))
        return masked(grad * (out * log_base), ~((self.base == 0) & (plain(b) >= 0)))


@quiet
def pow(input: Operand, exponent: Operand) -> Tensor:
    """Return input ** exponent; either may be a tensor or a number. RuntimeError for an integer to a negative
    number.
    """
    if isinstance(exponent, ndarray):
        exponent = array_operand(exponent)
    if not isinstance(exponent, Tensor | float | int | np.number):
        return NotImplemented
    if exponent.__class__ is int and exponent == 2 and input.__class__ is Tensor:
        x = input._data  # by far the most frequent one
        if x.dtype.kind == "f":
            return record(PowBackward0, wrap(np.multiply(x, x, out=...)), (input,), exponent=2)
    x, n = operands(input, exponent)
    if not isinstance(exponent, Tensor):
        if x.dtype.kind != "f" and exponent < 0:
            raise RuntimeError("Integers to negative integer powers are not allowed.")
        return record(PowBackward0, wrap(_power(x, exponent, n)), (input,), (x,), exponent=exponent)
    broadcast_shapes(x.shape, n.shape)
    out = wrap(_integer_power(x, n))
    if not isinstance(input, Tensor):
        return record(PowBackward2, out, (exponent,), (n,), base=input)
    return record(PowBackward1, out, (input, exponent), (x, n))


def _power(x: Array, exponent: float, n: Array) -> Array:
    """Return x ** exponent, by products where that is exact and quicker."""
    if exponent == 2:
        return np.multiply(x, x, out=...)
    if exponent == 3:
        return np.multiply(x * x, x, out=...)
    return _integer_power(x, n)


def _integer_power(x: Array, n: Array) -> Array:
    """Return x ** n; for integers with negative n as torch has it: 1/x rounded towards 0."""
    if x.dtype.kind in "iu" and n.dtype.kind == "i" and (n < 0).any():
        magnitude = np.where(n < 0, np.where(np.abs(x) == 1, np.where(n % 2, x, 1), 0), np.power(x, np.maximum(n, 0)))
        return magnitude.astype(x.dtype)
    if x.dtype == bool:
        return np.asarray(np.logical_or(x, ~n))
    return np.power(x, n, out=...)


FUNCTIONS: dict[str, Any] = {
    "add": add, "sub": sub, "mul": mul, "div": div, "rsub": rsub, "pow": pow, "floor_divide": floor_divide,
    "remainder": remainder, "atan2": atan2, "lerp": lerp, "addcmul": addcmul, "addcdiv": addcdiv,
}  # fmt: skip
for _name, _function in FUNCTIONS.items():
    _function.__name__ = _function.__qualname__ = _name
ALIASES = {"subtract": sub, "multiply": mul, "divide": div, "true_divide": div, "arctan2": atan2}
METHODS: dict[str, Any] = {
    **FUNCTIONS, **ALIASES, "__add__": add_tensors, "__radd__": add_tensors, "__sub__": sub_tensors, "__rsub__": rsub,
    "__mul__": mul_tensors, "__rmul__": mul_tensors, "__truediv__": div_tensors,
    "__floordiv__": floor_divide, "__rfloordiv__": lambda a, b: floor_divide(b, a),
    "__mod__": remainder, "__rmod__": lambda a, b: remainder(b, a), "__pow__": pow, "__rpow__": lambda a, b: pow(b, a),
}  # fmt: skip
