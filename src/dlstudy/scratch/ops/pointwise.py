"""Arithmetic and mathematical functions, element by element, each beside its derivative."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import dtypes
from .._quiet import SILENT, hush, quiet, unhush
from ..both import select, unary
from ..shapes import broadcast_shapes
from ..tape import Node, edge_of, mode, record
from ..tensor import Tensor, wrap

Array = Any  # a NumPy array, or a Tensor when the derivative itself is being recorded


# -- two inputs ----------------------------------------------------------------------------------------------------------
class AddBackward0(Node):
    """y = a + b"""

    def grad_a(self, grad: Array) -> Array:
        return grad

    def grad_b(self, grad: Array) -> Array:
        return grad


class SubBackward0(Node):
    """y = a - b"""

    def grad_a(self, grad: Array) -> Array:
        return grad

    def grad_b(self, grad: Array) -> Array:
        return -grad


class MulBackward0(Node):
    """y = a b"""

    def grad_a(self, grad: Array, b: Array) -> Array:
        return grad * b

    def grad_b(self, grad: Array, a: Array) -> Array:
        return grad * a


class DivBackward0(Node):
    """y = a / b"""

    def grad_a(self, grad: Array, b: Array) -> Array:
        return grad / b

    def grad_b(self, grad: Array, a: Array, b: Array) -> Array:
        return -grad * ((a / b) / b)


def operands(a: Any, b: Any, at_least_float: bool = False) -> tuple[Any, Any]:
    """Return the values of two operands as torch would combine them: arrays of one format, or an array and a number."""
    result = dtypes.result_type(a, b)
    if at_least_float and not result.is_floating_point:
        result = dtypes.get_default_dtype()
    x, y = (t._data if isinstance(t, Tensor) else np.asarray(t) for t in (a, b))
    return x.astype(result.numpy, copy=False), y.astype(result.numpy, copy=False)


def binary(ufunc: Any, operation: type[Node], at_least_float: bool = False) -> Callable[[Any, Any], Any]:
    """Return the tensor function for a NumPy `ufunc` of two inputs that leaves an `operation` on the tape.

    Written out rather than built on `record`: half of the time of a small operation is spent here.
    """

    def apply(a: Any, b: Any) -> Any:
        x = a._data
        b_is_tensor = isinstance(b, Tensor)
        if b_is_tensor:
            y = b._data
            if x.dtype is not y.dtype or (at_least_float and x.dtype.kind != "f"):
                x, y = operands(a, b, at_least_float)
        elif isinstance(b, float | int) and x.dtype.kind == "f" and x.itemsize > 2:
            y = b
        elif isinstance(b, float | int | np.number | np.bool_):
            x, y = operands(a, b, at_least_float)
        else:
            return NotImplemented
        token = hush(SILENT)
        try:
            out = wrap(ufunc(x, y, out=...))
        except ValueError:
            broadcast_shapes(x.shape, np.shape(y))
            raise
        finally:
            unhush(token)
        if mode.enabled:
            edge_a = edge_of(a)
            edge_b = edge_of(b) if b_is_tensor else None
            if (edge_a is not None or edge_b is not None) and out._data.dtype.kind == "f":
                node = operation((edge_a, edge_b), out._data.shape, out._data.dtype)
                if operation.keeps:
                    node.save((a, b), out, (x, y))
                out._node = node
        return out

    return apply


add_tensors = binary(np.add, AddBackward0)
sub_tensors = binary(np.subtract, SubBackward0)
mul_tensors = binary(np.multiply, MulBackward0)
div_tensors = binary(np.true_divide, DivBackward0, at_least_float=True)


# -- one input -----------------------------------------------------------------------------------------------------------
class NegBackward0(Node):
    """y = -a"""

    def grad_a(self, grad: Array) -> Array:
        return -grad


class ExpBackward0(Node):
    """y = exp a, its own derivative"""

    def grad_a(self, grad: Array, out: Array) -> Array:
        return grad * out


class LogBackward0(Node):
    """y = ln a"""

    def grad_a(self, grad: Array, a: Array) -> Array:
        return grad / a


class SqrtBackward0(Node):
    """y = sqrt a"""

    def grad_a(self, grad: Array, out: Array) -> Array:
        return grad / (2 * out)


class SinBackward0(Node):
    """y = sin a"""

    def grad_a(self, grad: Array, a: Array) -> Array:
        return grad * unary("cos", a)


class CosBackward0(Node):
    """y = cos a"""

    def grad_a(self, grad: Array, a: Array) -> Array:
        return -grad * unary("sin", a)


class TanhBackward0(Node):
    """y = tanh a"""

    def grad_a(self, grad: Array, out: Array) -> Array:
        return grad * (1 - out * out)


class SigmoidBackward0(Node):
    """y = 1 / (1 + exp -a)"""

    def grad_a(self, grad: Array, out: Array) -> Array:
        return grad * (1 - out) * out


class ReluBackward0(Node):
    """y = max(a, 0); the derivative at 0 is taken as 0"""

    def grad_a(self, grad: Array, out: Array) -> Array:
        return grad * (out > 0)


class PowBackward0(Node):
    """y = a ** n with a number n"""

    exponent: float

    def grad_a(self, grad: Array, a: Array) -> Array:
        return grad * (self.exponent * a ** (self.exponent - 1)) if self.exponent != 0 else grad * 0


class PowBackward1(Node):
    """y = a ** b"""

    def grad_a(self, grad: Array, a: Array, b: Array) -> Array:
        return select(_data(b) == 0, grad * 0, grad * b * a ** (b - 1))

    def grad_b(self, grad: Array, a: Array, out: Array) -> Array:
        return select(_data(a) == 0, grad * 0, grad * out * unary("log", a))


def _data(x: Array) -> Any:
    return x._data if isinstance(x, Tensor) else x


def sigmoid_array(x: Array, out: Any = None) -> Array:
    """Return 1 / (1 + exp(-x)) of an array, without overflow trouble: exp may reach inf, 1/inf is 0."""
    return np.divide(1, 1 + np.exp(-x), out=...)


def relu_array(x: Array, out: Any = None) -> Array:
    """Return max(x, 0) of an array; nan stays nan."""
    return np.maximum(x, 0, out=...)


def unary_op(ufunc: Any, operation: type[Node], to_float: bool = True) -> Callable[[Any], Any]:
    """Return the tensor function for a NumPy `ufunc` of one input; integers become floats first if `to_float`."""

    def apply(input: Any) -> Any:
        x = input._data
        if to_float and x.dtype.kind != "f":
            x = x.astype(dtypes.get_default_dtype().numpy)
        token = hush(SILENT)
        try:
            out = wrap(ufunc(x, out=...))
        finally:
            unhush(token)
        return record(operation, out, (input,)) if mode.enabled else out

    return apply


neg = unary_op(np.negative, NegBackward0, to_float=False)
exp = unary_op(np.exp, ExpBackward0)
log = unary_op(np.log, LogBackward0)
sqrt = unary_op(np.sqrt, SqrtBackward0)
sin = unary_op(np.sin, SinBackward0)
cos = unary_op(np.cos, CosBackward0)
tanh = unary_op(np.tanh, TanhBackward0)
sigmoid = unary_op(sigmoid_array, SigmoidBackward0)
relu = unary_op(relu_array, ReluBackward0, to_float=False)


@quiet
def pow(input: Any, exponent: Any) -> Any:
    """Return input ** exponent; either may be a tensor or a number."""
    if isinstance(input, Tensor) and not isinstance(exponent, Tensor):
        x, n = operands(input, exponent)
        if x.dtype.kind != "f" and exponent < 0:
            raise RuntimeError("Integers to negative integer powers are not allowed.")
        out = wrap(np.power(x, n, out=...))
        return record(PowBackward0, out, (input,), (x,), exponent=exponent)
    x, y = operands(input, exponent)
    return record(PowBackward1, wrap(np.power(x, y, out=...)), (input, exponent), (x, y))


METHODS: dict[str, Any] = {
    "__add__": add_tensors, "__radd__": add_tensors, "__sub__": sub_tensors, "__mul__": mul_tensors, "__rmul__": mul_tensors,
    "__truediv__": div_tensors, "__neg__": neg, "__pow__": pow,
    "__rsub__": lambda a, b: add_tensors(neg(a), b),
    "exp": exp, "log": log, "sqrt": sqrt, "sin": sin, "cos": cos, "tanh": tanh, "sigmoid": sigmoid, "relu": relu, "pow": pow, "neg": neg,
}  # fmt: skip
