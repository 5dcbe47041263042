# ruff: noqa: D102 - a derivative is described by the line under its class
"""The error function, which the normal distribution and GELU need and NumPy lacks."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dlstudy.scratch.array_or_tensor import unary
from dlstudy.scratch.tape import Node
from dlstudy.scratch.types import Array, ArrayOrTensor

from .functions import unary_op

# W. J. Cody, "Rational Chebyshev approximations for the error function", Mathematics of Computation 23 (1969): the
# coefficients of numerator and denominator, highest power first, for |x| < 0.46875, below 4, and above.
SMALL = (
    (
        1.85777706184603153e-1,
        3.16112374387056560e0,
        1.13864154151050156e2,
        3.77485237685302021e2,
        3.20937758913846947e3,
    ),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
)
MIDDLE = (
    (
        2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0, 6.61191906371416295e1,
        2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
        1.23033935479799725e3,
    ),
    (
        1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
        3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3,
    ),
)  # fmt: skip
LARGE = (
    (
        1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
        1.60837851487422766e-2, 6.58749161529837803e-4,
    ),
    (
        1.0, 2.56852019228982242e0, 1.87295284992346725e0, 5.27905102951428412e-1, 6.05183413124413191e-2,
        2.33520497626869185e-3,
    ),
)  # fmt: skip


def _ratio(x: Array, coefficients: Sequence[Sequence[float]]) -> Array:
    """Return one polynomial in x divided by another."""
    values = []
    for polynomial in coefficients:
        value = np.full_like(x, polynomial[0])
        for c in polynomial[1:]:
            value *= x
            value += x.dtype.type(c)
        values.append(value)
    return values[0] / values[1]


def erfc_of_positive(x: Array) -> Array:
    """Return 1 - erf(x) of an array of numbers above 0.46875, to full relative accuracy."""
    x = np.minimum(x, x.dtype.type(30))  # where it is 0 in every format
    tail = np.exp(-x * x)
    inverse = 1 / np.maximum(x * x, x.dtype.type(1e-3))
    far = (x.dtype.type(1 / math.sqrt(math.pi)) - inverse * _ratio(inverse, LARGE)) / np.maximum(x, x.dtype.type(1e-3))
    return tail * np.where(x <= 4, _ratio(np.minimum(x, x.dtype.type(4)), MIDDLE), far)


def erf_array(x: Array, out: Array | None = None) -> Array:
    """Return the error function of an array of floats."""
    kind = np.float32 if x.dtype == np.float16 else x.dtype
    x = np.asarray(x, kind)
    size = np.abs(x)
    near = size < 0.46875
    y = np.where(near, size * _ratio(np.minimum(size * size, x.dtype.type(0.25)), SMALL), 0)
    if not near.all():
        y = np.where(near, y, 1 - erfc_of_positive(size))
    return np.asarray(np.copysign(y, x))


def erfc_array(x: Array, out: Array | None = None) -> Array:
    """Return 1 - erf(x) of an array of floats, accurate also where it is tiny."""
    kind = np.float32 if x.dtype == np.float16 else x.dtype
    x = np.asarray(x, kind)
    return np.asarray(np.where(x > 0.46875, erfc_of_positive(np.maximum(x, x.dtype.type(0.4))), 1 - erf_array(x)))


class ErfBackward0(Node):
    """y = 2 / sqrt(pi) * the integral of exp(-t^2) from 0 to a"""

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor) -> ArrayOrTensor:
        return grad * (unary("exp", -(a * a)) * (2 / math.sqrt(math.pi)))


class ErfcBackward0(Node):
    """y = 1 - erf a"""

    def grad_a(self, grad: ArrayOrTensor, a: ArrayOrTensor) -> ArrayOrTensor:
        return grad * (unary("exp", -(a * a)) * (-2 / math.sqrt(math.pi)))


def _in_format(function: Callable[[Array], Array]) -> Callable[..., Array]:
    def apply(x: Array, out: Array | None = None) -> Array:
        return function(x).astype(x.dtype, copy=False)

    return apply


erf = unary_op(_in_format(erf_array), ErfBackward0)
erfc = unary_op(_in_format(erfc_array), ErfcBackward0)

FUNCTIONS: dict[str, Any] = {"erf": erf, "erfc": erfc}
for _name, _function in FUNCTIONS.items():
    _function.__name__ = _function.__qualname__ = _name
METHODS: dict[str, Any] = FUNCTIONS
