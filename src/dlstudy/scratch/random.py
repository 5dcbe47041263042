"""Random numbers that equal torch's on the CPU, number for number, after the same `manual_seed`.

Both torch and NumPy's RandomState draw from the generator MT19937 (Matsumoto and Nishimura, 1998), seeded the same way;
what differs is how its 32-bit integers are made into floats, permutations and normal numbers, and that is done here as
torch does it. rand, randint, randperm and uniform_ are equal bit by bit; normal numbers, which go through log and cos,
to rounding.
"""

import math
import time
from typing import Any

import numpy as np

from . import dtypes
from .device import check_device
from .ops.inplace import check_writable, rebase
from .ops.views import sizes
from .tensor import Tensor, wrap

Words = Any  # an array of raw 32-bit integers, held as uint64


class Generator:
    """A stream of random numbers, as `torch.Generator`: manual_seed, seed, initial_seed, get_state, set_state."""

    def __init__(self, device: Any = "cpu"):
        check_device(device)
        self._bits = np.random.MT19937()
        self._state = np.random.RandomState(self._bits)
        self._spare_normal: float | None = None
        self.manual_seed(67280421310721)

    def manual_seed(self, seed: int) -> "Generator":
        """Start the stream that belongs to `seed`, an integer (its low 32 bits count)."""
        self._seed = int(seed)
        self._state.seed(self._seed & 0xFFFFFFFF)
        self._spare_normal = None
        return self

    def seed(self) -> int:
        """Start a stream that nobody can foresee; returns its seed."""
        seed = time.time_ns() & 0xFFFFFFFF
        self.manual_seed(seed)
        return seed

    def initial_seed(self) -> int:
        """Return the seed that the stream was started with."""
        return self._seed

    def get_state(self) -> Any:
        """Return the state of the stream, for `set_state`."""
        return (self._seed, self._bits.state, self._spare_normal)

    def set_state(self, state: Any) -> "Generator":
        """Go on from a state that `get_state` returned."""
        self._seed, self._bits.state, self._spare_normal = state
        return self

    def words(self, count: int) -> Words:
        """Return the next `count` 32-bit integers."""
        return self._bits.random_raw(count)

    def long_words(self, count: int) -> Words:
        """Return the next `count` 64-bit integers, each made of two 32-bit ones, the first one high."""
        pairs = self._bits.random_raw(2 * count).reshape(count, 2)
        return (pairs[:, 0] << np.uint64(32)) | pairs[:, 1]


default_generator = Generator()


def manual_seed(seed: int) -> Generator:
    """Start the stream of the default generator that belongs to `seed`; returns the generator."""
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Start an unforeseeable stream; returns its seed."""
    return default_generator.seed()


def initial_seed() -> int:
    """Return the seed of the default generator."""
    return default_generator.initial_seed()


def get_rng_state() -> Any:
    """Return the state of the default generator."""
    return default_generator.get_state()


def set_rng_state(state: Any) -> None:
    """Put the default generator into a state that `get_rng_state` returned."""
    default_generator.set_state(state)


def uniform_array(count: int, kind: Any, generator: Generator | None) -> Any:
    """Return `count` numbers from [0, 1): 53 random bits for float64, 24 for the others."""
    source = generator or default_generator
    if kind == np.float64:
        return (source.long_words(count) & np.uint64((1 << 53) - 1)) * 2.0**-53
    return ((source.words(count) & np.uint64((1 << 24) - 1)) * 2.0**-24).astype(kind)


def bernoulli_array(count: int, p: float, generator: Generator | None) -> Any:
    """Return `count` booleans, each true with probability p: as torch draws them for one p, with 53 random bits."""
    bits = (generator or default_generator).long_words(count) & np.uint64((1 << 53) - 1)
    return bits < np.uint64(math.ceil(p * 2.0**53))


def normal_array(count: int, kind: Any, generator: Generator | None) -> Any:
    """Return `count` standard normal numbers by Box and Muller's method (1958).

    From 16 numbers on, uniform numbers are paired eight apart in blocks of 16, and if the last block is not full, the
    last 16 numbers are drawn anew; fewer are made one pair at a time, and the spare one of a pair is kept for the next
    call.
    """
    source = generator or default_generator
    if count < 16:
        return np.array([_one_normal(source) for _ in range(count)]).astype(kind)
    values = _box_muller(uniform_array(count, kind, source)[: count - count % 16])
    if count % 16:
        values = np.concatenate([values, np.empty(count % 16, kind)])
        values[-16:] = _box_muller(uniform_array(16, kind, source))
    return values


def _box_muller(uniform: Any) -> Any:
    first, second = uniform.reshape(-1, 2, 8)[:, 0], uniform.reshape(-1, 2, 8)[:, 1]
    radius = np.sqrt(-2 * np.log(1 - first))
    angle = uniform.dtype.type(2 * math.pi) * second
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).reshape(-1)


def _one_normal(source: Generator) -> float:
    if source._spare_normal is not None:
        value, source._spare_normal = source._spare_normal, None
        return value
    u1, u2 = uniform_array(2, np.float64, source)
    radius = math.sqrt(-2 * math.log1p(-u2))
    source._spare_normal = radius * math.sin(2 * math.pi * u1)
    return radius * math.cos(2 * math.pi * u1)


def _float_kind(dtype: Any) -> Any:
    kind = dtypes.get_default_dtype() if dtype is None else dtypes.as_dtype(dtype)
    if not kind.is_floating_point:
        raise RuntimeError(f"expected a floating-point dtype for random fractions, got {kind}")
    return kind.numpy


def rand(
    *size: Any, generator: Generator | None = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return numbers drawn evenly from [0, 1)."""
    check_device(device)
    shape = sizes(size)
    return wrap(uniform_array(math.prod(shape), _float_kind(dtype), generator).reshape(shape)).requires_grad_(
        requires_grad
    )


def randn(
    *size: Any, generator: Generator | None = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return numbers drawn from the normal distribution with mean 0 and variance 1."""
    check_device(device)
    shape = sizes(size)
    return wrap(normal_array(math.prod(shape), _float_kind(dtype), generator).reshape(shape)).requires_grad_(
        requires_grad
    )


def randint(
    low: int, high: Any = None, size: Any = None, *, generator: Generator | None = None, dtype: Any = dtypes.int64,
    device: Any = None,
    requires_grad: bool = False,
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


def randperm(n: int, *, generator: Generator | None = None, dtype: Any = dtypes.int64, device: Any = None) -> Tensor:
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


def _fill(t: Any, values: Any) -> Any:
    check_writable(t)
    t._data[...] = values.reshape(t._data.shape)
    rebase(t, t._node if t._base is None else None)
    return t


def uniform_(self: Any, a: float = 0.0, b: float = 1.0, *, generator: Generator | None = None) -> Any:
    """Fill with numbers drawn evenly from [a, b)."""
    x = self._data
    unit = uniform_array(x.size, x.dtype, generator)
    width = float(x.dtype.type(b) - x.dtype.type(a))
    return _fill(
        self, (unit * np.float64(width) + float(x.dtype.type(a))).astype(x.dtype)
    )  # rounded once, as torch does


def normal_(self: Any, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None) -> Any:
    """Fill with normal numbers of the given mean and standard deviation."""
    if std < 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    x = self._data
    return _fill(self, normal_array(x.size, x.dtype, generator) * x.dtype.type(std) + x.dtype.type(mean))


def bernoulli_(self: Any, p: float = 0.5, *, generator: Generator | None = None) -> Any:
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


def _like(function: Any) -> Any:
    def make(
        input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, generator: Any = None
    ) -> Tensor:
        kind = input.dtype if dtype is None else dtype
        made: Tensor = function(
            input._data.shape, dtype=kind, device=device, requires_grad=requires_grad, generator=generator
        )
        return made

    make.__doc__ = f"{function.__doc__} With the shape and format of `input`."
    return make


rand_like, randn_like = _like(rand), _like(randn)


def randint_like(input: Tensor, low: int, high: int | None = None, *, dtype: Any = None) -> Tensor:
    """Return integers drawn evenly from low to high - 1, with the shape and format of `input`."""
    kind = input.dtype if dtype is None else dtype
    return (
        randint(low, input._data.shape, dtype=kind)
        if high is None
        else randint(low, high, input._data.shape, dtype=kind)
    )


for _name, _function in {
    "uniform_": uniform_,
    "normal_": normal_,
    "bernoulli_": bernoulli_,
    "bernoulli": bernoulli,
}.items():
    setattr(Tensor, _name, _function)
__all__ = ["Generator", "default_generator", "manual_seed", "rand", "randint", "randn", "randperm"]
