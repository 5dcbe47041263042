# ruff: noqa: D102 - a derivative is described by the line under its class
"""Mathematical functions of one input, element by element, each beside its derivative."""

from collections.abc import Callable
from typing import Any

import numpy as np

from dlstudy.scratch import dtypes
from dlstudy.scratch.array_or_tensor import constant, is_array, plain, unary
from dlstudy.scratch.quiet import SILENT, hush, unhush
from dlstudy.scratch.tape import Node, edge_of, mode
from dlstudy.scratch.tensor import Tensor
from dlstudy.scratch.types import Array, ArrayOrTensor

from .pointwise import mul_tensors, pow

new = object.__new__  # new(Tensor) is `wrap` without the call


class NegBackward0(Node):
    """y = -a"""

    __slots__ = ()  # frequent, and without settings: half the memory

    def grad_a(self, grad: ArrayOrTensor) -> ArrayOrTensor:
        return -grad


class AbsBackward0(Node):
    """y = |a|; the derivative at 0 is taken as 0"""

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor) -> ArrayOrTensor:
        return grad * constant(sign_array(plain(a)), grad)


class ExpBackward0(Node):
    """y = exp a, its own derivative"""

    __slots__ = ()  # frequent, and without settings: half the memory

    def grad_a(self, grad: ArrayOrTensor, out: ArrayOrTensor) -> ArrayOrTensor:
        return grad * out


class Exp2Backward0(Node):
    """y = 2 ** a"""

    def grad_a(self, grad: ArrayOrTensor, out: ArrayOrTensor) -> ArrayOrTensor:
        return grad * (out * LOG_2)


class Expm1Backward0(Node):
    """y = exp(a) - 1"""

    def grad_a(self, grad: ArrayOrTensor, out: ArrayOrTensor) -> ArrayOrTensor:
        return grad * (out + 1)


class LogBackward0(Node):
    """y = ln a"""

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor) -> ArrayOrTensor:
        return grad / a


class Log2Backward0(Node):
    """y = ln a / ln 2"""

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor) -> ArrayOrTensor:
        return grad / (a * LOG_2)


class Log10Backward0(Node):
    """y = ln a / ln 10"""

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor) -> ArrayOrTensor:
        return grad / (a * LOG_10)


class Log1PBackward0(Node):
    """y = ln(1 + a)"""

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor) -> ArrayOrTensor:
        return grad / (a + 1)


class SqrtBackward0(Node):
    """y = sqrt a"""

    def grad_a(self, grad: ArrayOrTensor, out: ArrayOrTensor) -> ArrayOrTensor:
        return grad / (2 * out)


class RsqrtBackward0(Node):
    """y = 1 / sqrt a"""

    def grad_a(self, grad: ArrayOrTensor, out: ArrayOrTensor) -> ArrayOrTensor:
        return grad * (-0.5 * (out * out * out))


class ReciprocalBackward0(Node):
    """y = 1 / a"""

    def grad_a(self, grad: ArrayOrTensor, out: ArrayOrTensor) -> ArrayOrTensor:
        return -grad * (out * out)


class SinBackward0(Node):
    """y = sin a"""

    __slots__ = ()  # frequent, and without settings: half the memory

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor) -> ArrayOrTensor:
        return grad * unary("cos", a)


class CosBackward0(Node):
    """y = cos a"""

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor) -> ArrayOrTensor:
        return -grad * unary("sin", a)


class TanBackward0(Node):
    """y = tan a"""

    def grad_a(self, grad: ArrayOrTensor, out: ArrayOrTensor) -> ArrayOrTensor:
        return grad * (1 + out * out)


class AsinBackward0(Node):
    """y = arcsin a"""

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor) -> ArrayOrTensor:
        return grad / unary("sqrt", 1 - a * a)


class AcosBackward0(Node):
    """y = arccos a"""

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor) -> ArrayOrTensor:
        return -grad / unary("sqrt", 1 - a * a)


class AtanBackward0(Node):
    """y = arctan a"""

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor) -> ArrayOrTensor:
        return grad / (1 + a * a)


class SinhBackward0(Node):
    """y = sinh a"""

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor) -> ArrayOrTensor:
        return grad * unary("cosh", a)


class CoshBackward0(Node):
    """y = cosh a"""

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor) -> ArrayOrTensor:
        return grad * unary("sinh", a)


class TanhBackward0(Node):
    """y = tanh a"""

    __slots__ = ()  # frequent, and without settings: half the memory

    def grad_a(self, grad: ArrayOrTensor, out: ArrayOrTensor) -> ArrayOrTensor:
        return grad * (1 - out * out)


class SigmoidBackward0(Node):
    """y = 1 / (1 + exp -a)"""

    __slots__ = ()  # frequent, and without settings: half the memory

    def grad_a(self, grad: ArrayOrTensor, out: ArrayOrTensor) -> ArrayOrTensor:
        return grad * ((1 - out) * out)


def relu_backward(grad: ArrayOrTensor, out: ArrayOrTensor, in_place: bool = False) -> ArrayOrTensor:
    """Return `grad` where y = max(a, 0) is not 0, and 0 elsewhere; an array is overwritten if `in_place`."""
    return np.multiply(grad, out != 0, out=grad) if in_place and is_array(grad) else grad * (out != 0)


class ReluBackward0(Node):
    """y = max(a, 0); the derivative at 0 is taken as 0"""

    __slots__ = ()  # frequent, and without settings: half the memory

    def grad_a(self, grad: ArrayOrTensor, out: ArrayOrTensor) -> ArrayOrTensor:
        return relu_backward(grad, out)


class StepBackward0(Node):
    """y = a step function of a (sign, floor, ...): flat almost everywhere"""

    def grad_a(self, grad: ArrayOrTensor) -> ArrayOrTensor:
        return grad * 0


class SignBackward0(StepBackward0):
    """y = the sign of a"""


class FloorBackward0(StepBackward0):
    """y = a rounded down"""


class CeilBackward0(StepBackward0):
    """y = a rounded up"""


class RoundBackward0(StepBackward0):
    """y = a rounded to the nearest integer, halves to the even one"""


class TruncBackward0(StepBackward0):
    """y = a rounded towards 0"""


def sign_array(x: Array, out: Array | None = None) -> Array:
    """Return -1, 0 or 1 for each element of an array; 0 for nan, as torch has it."""
    return x.copy() if x.dtype == bool else np.subtract((x > 0).astype(x.dtype), x < 0, dtype=x.dtype, out=...)


LOG_2, LOG_10 = float(np.log(2)), float(np.log(10))


def sigmoid_array(x: Array, out: Array | None = None) -> Array:
    """Return 1 / (1 + exp(-x)) of an array: exp may reach inf, and 1/inf is the right 0."""
    y = np.negative(x, out=...)
    np.exp(y, out=y)
    y += 1
    return np.divide(1, y, out=y)


ZEROS = {np.dtype(kind): np.zeros(4096, kind) for kind in (np.float32, np.float64)}


def relu_array(x: Array, out: Any = ...) -> Array:
    """Return max(x, 0) of an array, in `out` if that is an array; nan stays nan."""
    if x.dtype == bool:
        raise RuntimeError("Boolean inputs not supported for relu")
    zeros = ZEROS.get(x.dtype)
    if zeros is None or x.size < 4096 or not x.flags.c_contiguous:
        return np.maximum(x, 0, out=out)
    # NumPy compares two arrays with wide instructions, but an array and a number one by one: five times slower
    y = np.empty(x.shape, x.dtype) if out is ... else out
    flat, result = x.reshape(-1), y.reshape(-1)
    whole = x.size & -4096
    np.maximum(flat[:whole].reshape(-1, 4096), zeros, out=result[:whole].reshape(-1, 4096))
    if whole < x.size:
        np.maximum(flat[whole:], zeros[: x.size - whole], out=result[whole:])
    return y


def rsqrt_array(x: Array, out: Array | None = None) -> Array:
    """Return 1 / sqrt(x) of an array."""
    y = np.sqrt(x, out=...)
    return np.divide(1, y, out=y)


def reciprocal_array(x: Array, out: Array | None = None) -> Array:
    """Return 1 / x of an array."""
    return np.divide(1, x, out=...)


def _stepper(function: np.ufunc) -> Callable[..., Array]:
    """Return `function` for floats; integers are already whole and stay as they are, booleans are refused."""

    def step(x: Array, out: Array | None = None) -> Array:
        if x.dtype == bool:
            raise NotImplementedError(f"{function.__name__} is not defined for bool tensors")
        return function(x, out=...) if x.dtype.kind == "f" else x.copy()

    return step


def unary_op(ufunc: Callable[..., Array], operation: type[Node], to_float: bool = True) -> Callable[[Tensor], Tensor]:
    """Return the tensor function for a NumPy `ufunc` of one input; integers become floats first if `to_float`."""
    keeps_out, keeps_input = operation.keeps == ("out",), operation.keeps == ("a",)

    def apply(input: Tensor) -> Tensor:
        x = input._data
        if to_float and x.dtype.kind != "f":
            x = x.astype(dtypes.get_default_dtype().numpy)
        token = hush(SILENT)
        try:
            y = ufunc(x, out=...)
        finally:
            unhush(token)
        out = new(Tensor)
        out._data = y
        if mode.enabled:
            edge = edge_of(input)
            if edge is not None:
                node = out._node = operation((edge,), y.shape, y.dtype)
                if keeps_out:
                    node.keep((y,))
                elif keeps_input:
                    node.keep((x,))
        return out

    apply.__doc__ = f"Return, element by element, {operation.__doc__} (a is the input)."
    return apply


def _magnitude(x: Array, out: Array | None = None) -> Array:
    if x.dtype == bool:
        raise NotImplementedError("abs is not defined for bool tensors")
    return np.absolute(x, out=...)


neg = unary_op(np.negative, NegBackward0, to_float=False)
abs = unary_op(_magnitude, AbsBackward0, to_float=False)
exp = unary_op(np.exp, ExpBackward0)
exp2 = unary_op(np.exp2, Exp2Backward0)
expm1 = unary_op(np.expm1, Expm1Backward0)
log = unary_op(np.log, LogBackward0)
log2 = unary_op(np.log2, Log2Backward0)
log10 = unary_op(np.log10, Log10Backward0)
log1p = unary_op(np.log1p, Log1PBackward0)
sqrt = unary_op(np.sqrt, SqrtBackward0)
rsqrt = unary_op(rsqrt_array, RsqrtBackward0)
reciprocal = unary_op(reciprocal_array, ReciprocalBackward0)
sin = unary_op(np.sin, SinBackward0)
cos = unary_op(np.cos, CosBackward0)
tan = unary_op(np.tan, TanBackward0)
asin = unary_op(np.arcsin, AsinBackward0)
acos = unary_op(np.arccos, AcosBackward0)
atan = unary_op(np.arctan, AtanBackward0)
sinh = unary_op(np.sinh, SinhBackward0)
cosh = unary_op(np.cosh, CoshBackward0)
tanh = unary_op(np.tanh, TanhBackward0)
sigmoid = unary_op(sigmoid_array, SigmoidBackward0)
relu = unary_op(relu_array, ReluBackward0, to_float=False)
sign = unary_op(sign_array, SignBackward0, to_float=False)
floor = unary_op(_stepper(np.floor), FloorBackward0, to_float=False)
ceil = unary_op(_stepper(np.ceil), CeilBackward0, to_float=False)
round = unary_op(_stepper(np.rint), RoundBackward0, to_float=False)
trunc = unary_op(_stepper(np.trunc), TruncBackward0, to_float=False)


def square(input: Tensor) -> Tensor:
    """Return input * input."""
    return pow(input, 2)


FUNCTIONS: dict[str, Any] = {
    "neg": neg, "abs": abs, "exp": exp, "exp2": exp2, "expm1": expm1, "log": log, "log2": log2, "log10": log10,
    "log1p": log1p, "sqrt": sqrt, "rsqrt": rsqrt, "reciprocal": reciprocal, "square": square, "sin": sin, "cos": cos,
    "tan": tan, "asin": asin, "acos": acos, "atan": atan, "sinh": sinh, "cosh": cosh, "tanh": tanh,
    "sigmoid": sigmoid, "relu": relu, "sign": sign, "floor": floor, "ceil": ceil, "round": round, "trunc": trunc,
}  # fmt: skip
for _name, _function in FUNCTIONS.items():
    _function.__name__ = _function.__qualname__ = _name
ALIASES = {"negative": neg, "absolute": abs, "arcsin": asin, "arccos": acos, "arctan": atan}
METHODS: dict[str, Any] = {
    **FUNCTIONS, **ALIASES, "__neg__": neg, "__pos__": lambda a: a, "__abs__": abs,
    "__rtruediv__": lambda a, b: mul_tensors(reciprocal(a), b),
}  # fmt: skip
