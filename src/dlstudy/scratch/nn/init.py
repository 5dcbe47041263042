"""Initial values of parameters, with the names, defaults and random numbers of `torch.nn.init`.

All functions change the tensor in place, without recording it, and return it. Why these variances: the signal should
neither grow nor shrink from layer to layer, forward (fan_in terms per sum) and backward (fan_out terms per sum).
"""

import math
import warnings

import numpy as np

from dlstudy.scratch.autograd import no_grad
from dlstudy.scratch.creation import empty_like
from dlstudy.scratch.random import Generator, normal_array
from dlstudy.scratch.sampling import randperm
from dlstudy.scratch.tensor import Tensor, wrap
from dlstudy.scratch.types import Array

LINEAR = ("linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d")


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Return by how much weights must be larger to make up for what `nonlinearity` takes away of the signal.

    1 for linear layers and sigmoid, 5/3 for tanh, sqrt(2) for relu, sqrt(2 / (1 + slope^2)) for leaky_relu (`param` is
    the slope, 0.01 if left out), 3/4 for selu. ValueError for any other.
    """
    if nonlinearity in (*LINEAR, "sigmoid"):
        return 1.0
    if nonlinearity == "tanh":
        return 5.0 / 3
    if nonlinearity == "relu":
        return math.sqrt(2.0)
    if nonlinearity == "leaky_relu":
        if isinstance(param, bool) or not isinstance(param, int | float | None):
            raise ValueError(f"negative_slope {param} not a valid number")
        slope = 0.01 if param is None else param
        return math.sqrt(2.0 / (1 + slope**2))
    if nonlinearity == "selu":
        return 3.0 / 4
    raise ValueError(f"Unsupported nonlinearity {nonlinearity}")


def _fans(tensor: Tensor) -> tuple[int, int]:
    """Return how many inputs feed one output (fan_in) and how many outputs one input feeds (fan_out).

    A weight is (out, in, *kernel). ValueError if it has fewer than two dimensions.
    """
    shape = tensor._data.shape
    if len(shape) < 2:
        raise ValueError("Fan in and fan out can not be computed for tensor with fewer than 2 dimensions")
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


_calculate_fan_in_and_fan_out = _fans  # the name that torch code in the wild uses


def _fan(tensor: Tensor, mode: str) -> int:
    if mode.lower() not in ("fan_in", "fan_out"):
        raise ValueError(f"Mode {mode.lower()} not supported, please use one of ['fan_in', 'fan_out']")
    fan_in, fan_out = _fans(tensor)
    return fan_in if mode.lower() == "fan_in" else fan_out


@no_grad()
def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill with numbers drawn evenly from [a, b)."""
    return tensor.uniform_(a, b, generator=generator)


@no_grad()
def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill with normal numbers of this mean and standard deviation."""
    return tensor.normal_(mean, std, generator=generator)


@no_grad()
def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with one value."""
    return tensor.fill_(val)


def ones_(tensor: Tensor) -> Tensor:
    """Fill with ones."""
    return constant_(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with zeros."""
    return constant_(tensor, 0.0)


@no_grad()
def eye_(tensor: Tensor) -> Tensor:
    """Fill a matrix with ones on its diagonal and zeros elsewhere; ValueError for any other number of dimensions."""
    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    values = np.eye(*tensor._data.shape, dtype=tensor._data.dtype)
    return tensor.copy_(wrap(values))


@no_grad()
def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Fill the weight of a convolution so that it passes as many channels as it can through unchanged."""
    shape = tensor._data.shape
    if len(shape) not in (3, 4, 5):
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    if shape[0] % groups:
        raise ValueError("dim 0 must be divisible by groups")
    per_group = shape[0] // groups
    values = np.zeros(shape, tensor._data.dtype)
    centre = tuple(size // 2 for size in shape[2:])
    for g in range(groups):
        for d in range(min(per_group, shape[1])):
            values[(g * per_group + d, d, *centre)] = 1
    return tensor.copy_(wrap(values))


@no_grad()
def trunc_normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:  # fmt: skip
    """Fill with normal numbers, those outside [a, b] drawn again until all lie inside.

    a and b are values, not multiples of std. Where fewer than three in ten would be kept, numbers are drawn evenly
    from [a, b) instead and each is kept with a probability proportional to its density.
    """
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. "
            "The distribution of values may be incorrect.",
            stacklevel=2,
        )
    x = tensor._data
    low, high = ((1 + math.erf((edge - mean) / std / math.sqrt(2))) / 2 for edge in (a, b))
    if high - low > 0.3:
        values = _normal(x, mean, std, generator)
        while (outside := (values < x.dtype.type(a)) | (values > x.dtype.type(b))).any():
            values = np.where(outside, _normal(x, mean, std, generator), values)
        return tensor.copy_(wrap(values))
    peak = -0.5 * ((max(a, min(mean, b)) - mean) / std) ** 2
    values, refused = np.zeros(x.shape, x.dtype), np.ones(x.shape, bool)
    while refused.any():
        drawn = empty_like(tensor).uniform_(a, b, generator=generator)._data
        chance = -0.5 * ((drawn - mean) / std) ** 2 - peak
        with np.errstate(divide="ignore"):
            lost = np.log(empty_like(tensor).uniform_(generator=generator)._data) > chance
        values = np.where(refused, drawn, values)
        refused &= lost
    return tensor.copy_(wrap(values))


def _normal(x: Array, mean: float, std: float, generator: Generator | None) -> Array:
    """Return an array like `x` of normal numbers."""
    return normal_array(x.size, x.dtype, generator).reshape(x.shape) * x.dtype.type(std) + x.dtype.type(mean)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill evenly from [-bound, bound) with variance gain^2 * 2 / (fan_in + fan_out).

    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010, equation 16.
    """
    fan_in, fan_out = _fans(tensor)
    bound = math.sqrt(3.0) * (gain * math.sqrt(2.0 / float(fan_in + fan_out)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill with normal numbers of variance gain^2 * 2 / (fan_in + fan_out) (Glorot and Bengio, 2010, equation 12)."""
    fan_in, fan_out = _fans(tensor)
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / float(fan_in + fan_out)), generator)


def kaiming_uniform_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:  # fmt: skip
    """Fill evenly from [-bound, bound) with variance gain^2 / fan; for relu that is 2 / fan_in.

    `a` is the slope of the leaky ReLU that follows, which decides the gain. He et al., "Delving deep into rectifiers",
    arXiv:1502.01852, equation 10.
    """
    if 0 in tensor._data.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=2)
        return tensor
    bound = math.sqrt(3.0) * (calculate_gain(nonlinearity, a) / math.sqrt(_fan(tensor, mode)))
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:  # fmt: skip
    """Fill with normal numbers of variance gain^2 / fan; for relu that is 2 / fan_in (He et al., arXiv:1502.01852)."""
    if 0 in tensor._data.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=2)
        return tensor
    return normal_(tensor, 0, calculate_gain(nonlinearity, a) / math.sqrt(_fan(tensor, mode)), generator)


@no_grad()
def orthogonal_(tensor: Tensor, gain: float = 1, generator: Generator | None = None) -> Tensor:
    """Fill so that the rows (or the columns, if there are more rows) are orthogonal to each other and of length gain.

    All dimensions after the first count as one. Saxe et al., arXiv:1312.6120.
    """
    if tensor.ndim < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    x = tensor._data
    if x.size == 0:
        return tensor
    rows, columns = x.shape[0], x.size // x.shape[0]
    flat = normal_array(x.size, x.dtype, generator).reshape(rows, columns)
    q, r = np.linalg.qr(flat.T if rows < columns else flat)
    q = q * np.sign(np.diag(r))  # one sign convention, which makes the distribution uniform
    values = (q.T if rows < columns else q).reshape(x.shape)
    return tensor.copy_(wrap(values)).mul_(gain)


@no_grad()
def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None) -> Tensor:
    """Fill a matrix with normal numbers and set the share `sparsity` of each column to 0."""
    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    rows, columns = tensor._data.shape
    tensor.normal_(0, std, generator=generator)
    for column in range(columns):
        chosen = randperm(rows)._data[: math.ceil(sparsity * rows)]
        tensor._data[chosen, column] = 0
    return tensor
