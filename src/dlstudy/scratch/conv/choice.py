"""Which kernel computes a convolution. The one place where that is decided."""

from typing import Any

from . import flat
from .geometry import Geometry

Array = Any


def forward(x: Array, w: Array, b: Array | None, geo: Geometry) -> Array:
    """Return y (N, F, Ho, Wo), the convolution of x (N, C, H, W) with w (F, C / groups, K, L), plus b (F,)."""
    return flat.forward(x, w, b, geo)


def input_gradient(grad: Array, w: Array, geo: Geometry) -> Array:
    """Return the gradient of x for `grad` (N, F, Ho, Wo), that of y."""
    return flat.input_gradient(grad, w, geo)


def weight_gradient(x: Array, grad: Array, geo: Geometry) -> Array:
    """Return the gradient of w for `grad` (N, F, Ho, Wo), that of y."""
    return flat.weight_gradient(x, grad, geo)
