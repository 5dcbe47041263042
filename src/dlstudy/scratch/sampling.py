"""Tensors of random numbers, with torch's names; `random.py` draws the numbers."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from . import dtypes
from .device import check_device
from .ops.inplace import check_writable, rebase
from .ops.views import sizes
from .random import Generator, bernoulli_array, default_generator, normal_array, uniform_array
from .tensor import Tensor, attach, wrap
from .types import Array, Device, DType, Ints


def _float_kind(dtype: DType | None) -> np.dtype[Any]:
    kind = dtypes.get_default_dtype() if dtype is None else dtypes.as_dtype(dtype)
    if not kind.is_floating_point:
        raise RuntimeError(f"expected a floating-point dtype for random fractions, got {kind}")
    return kind.numpy


def rand(
    *size: Ints, generator: Generator | None = None, dtype: DType | None = None, device: Device = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Return numbers drawn evenly from [0, 1)."""
    check_device(device)
    shape = sizes(size)
    return wrap(uniform_array(math.prod(shape), _float_kind(dtype), generator).reshape(shape)).requires_grad_(
        requires_grad
    )


def randn(
    *size: Ints, generator: Generator | None = None, dtype: DType | None = None, device: Device = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Return numbers drawn from the normal distribution with mean 0 and variance 1."""
    check_device(device)
    shape = sizes(size)
    return wrap(normal_array(math.prod(shape), _float_kind(dtype), generator).reshape(shape)).requires_grad_(
        requires_grad
    )


def randint(
    low: int, high: Any = None, size: Ints | None = None, *, generator: Generator | None = None,
    dtype: DType = dtypes.int64, device: Device = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Return integers drawn evenly from low (0 if left out) to high - 1: randint(high, size) or randint(low, high,
    size).
    """
    check_device(device)
    if size is None:
        low, high, size = 0, low, high
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    shape = sizes((size,))
    source, count, span = generator or default_generator, math.prod(shape), high - low
    words = source.words(count) if span < 1 << 32 else source.long_words(count)
    values = (words % np.uint64(span)).astype(np.int64) + low
    return wrap(values.reshape(shape).astype(dtypes.as_dtype(dtype).numpy)).requires_grad_(requires_grad)


def randperm(
    n: int, *, generator: Generator | None = None, dtype: DType = dtypes.int64, device: Device = None
) -> Tensor:
    """Return the numbers 0 to n - 1 in random order (the shuffle of Fisher and Yates)."""
    check_device(device)
    if n < 0:
        raise RuntimeError(f"randperm: expected n of at least 0, got {n}")
    order = list(range(n))
    remaining = np.arange(n, 1, -1, dtype=np.uint64)
    steps = (generator or default_generator).words(max(n - 1, 0)) % remaining
    for i, step in enumerate(steps.tolist()):
        j = i + step
        order[i], order[j] = order[j], order[i]
    return wrap(np.array(order, dtypes.as_dtype(dtype).numpy))


def _fill(t: Tensor, values: Array) -> Tensor:
    check_writable(t)
    t._data[...] = values.reshape(t._data.shape)
    rebase(t, t._node if t._base is None else None)
    return t


def uniform_(self: Tensor, a: float = 0.0, b: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Fill with numbers drawn evenly from [a, b)."""
    x = self._data
    unit = uniform_array(x.size, x.dtype, generator)
    width = float(x.dtype.type(b) - x.dtype.type(a))
    return _fill(
        self, (unit * np.float64(width) + float(x.dtype.type(a))).astype(x.dtype)
    )  # rounded once, as torch does


def normal_(self: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Fill with normal numbers of the given mean and standard deviation."""
    if std < 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    x = self._data
    return _fill(self, normal_array(x.size, x.dtype, generator) * x.dtype.type(std) + x.dtype.type(mean))


def bernoulli_(self: Tensor, p: float = 0.5, *, generator: Generator | None = None) -> Tensor:
    """Fill with ones, each with probability p, and zeros. RuntimeError if p is no probability."""
    if not 0 <= p <= 1:
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p}")
    return _fill(self, bernoulli_array(self._data.size, p, generator))


def bernoulli(input: Tensor, *, generator: Generator | None = None) -> Tensor:
    """Return a tensor of ones and zeros; each is one with the probability that `input` has in its place."""
    x = input._data
    if x.dtype.kind != "f" or (x.size and not (x.min() >= 0 and x.max() <= 1)):
        raise RuntimeError("bernoulli: expected a floating-point tensor of probabilities, which lie in [0, 1]")
    drawn = uniform_array(x.size, x.dtype, generator).reshape(x.shape) < x
    return wrap(drawn.astype(x.dtype))


def _like(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def make(
        input: Tensor, *, dtype: DType | None = None, device: Device = None, requires_grad: bool = False,
        generator: Generator | None = None,
    ) -> Tensor:  # fmt: skip
        kind = input.dtype if dtype is None else dtype
        made: Tensor = function(
            input._data.shape, dtype=kind, device=device, requires_grad=requires_grad, generator=generator
        )
        return made

    make.__doc__ = f"{function.__doc__} With the shape and format of `input`."
    return make


rand_like, randn_like = _like(rand), _like(randn)


def randint_like(input: Tensor, low: int, high: int | None = None, *, dtype: DType | None = None) -> Tensor:
    """Return integers drawn evenly from low to high - 1, with the shape and format of `input`."""
    kind = input.dtype if dtype is None else dtype
    return (
        randint(low, input._data.shape, dtype=kind)
        if high is None
        else randint(low, high, input._data.shape, dtype=kind)
    )


attach({"uniform_": uniform_, "normal_": normal_, "bernoulli_": bernoulli_, "bernoulli": bernoulli})
