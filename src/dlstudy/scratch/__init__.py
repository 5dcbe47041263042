"""A small torch on NumPy. Never imports torch.

`import dlstudy.scratch as torch`: the names, argument order and meaning are torch's.
"""

from . import autograd, ops, shapes
from .autograd import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from .creation import from_numpy, tensor
from .device import device
from .dtypes import (
    bool_ as bool,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
)
from .ops.matrix import matmul
from .ops.pointwise import cos, exp, log, neg, pow, relu, sigmoid, sin, sqrt, tanh
from .ops.reductions import mean, sum
from .ops.views import flatten, permute, reshape, squeeze, transpose, unsqueeze
from .shapes import broadcast_shapes
from .tensor import Size, Tensor

float, double, half, int, long = float32, float64, float16, int32, int64
