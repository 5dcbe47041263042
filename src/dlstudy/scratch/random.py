"""Random numbers that equal torch's on the CPU, number for number, after the same `manual_seed`.

Both torch and NumPy's RandomState draw from the generator MT19937 (Matsumoto and Nishimura, 1998), seeded the same way;
what differs is how its 32-bit integers are made into floats, permutations and normal numbers, and that is done here as
torch does it. rand, randint, randperm and uniform_ are equal bit by bit; normal numbers, which go through log and cos,
to rounding. Here is the stream and what is drawn from it, as arrays; `sampling.py` makes tensors of them.
"""

import math
import time
from typing import Any

import numpy as np

from .device import check_device
from .types import Array, Device

Words = Array  # an array of raw 32-bit integers, held as uint64


class Generator:
    """A stream of random numbers, as `torch.Generator`: manual_seed, seed, initial_seed, get_state, set_state."""

    def __init__(self, device: Device = "cpu"):
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

    def get_state(self) -> tuple[Any, ...]:
        """Return the state of the stream, for `set_state`."""
        return (self._seed, self._bits.state, self._spare_normal)

    def set_state(self, state: tuple[Any, ...]) -> "Generator":
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


def get_rng_state() -> tuple[Any, ...]:
    """Return the state of the default generator."""
    return default_generator.get_state()


def set_rng_state(state: tuple[Any, ...]) -> None:
    """Put the default generator into a state that `get_rng_state` returned."""
    default_generator.set_state(state)


def uniform_array(count: int, kind: np.dtype[Any] | type, generator: Generator | None) -> Array:
    """Return `count` numbers from [0, 1): 53 random bits for float64, 24 for the others."""
    source = generator or default_generator
    if kind == np.float64:
        return (source.long_words(count) & np.uint64((1 << 53) - 1)) * 2.0**-53
    return ((source.words(count) & np.uint64((1 << 24) - 1)) * 2.0**-24).astype(kind)


def bernoulli_array(count: int, p: float, generator: Generator | None) -> Array:
    """Return `count` booleans, each true with probability p: as torch draws them for one p, with 53 random bits."""
    bits = (generator or default_generator).long_words(count) & np.uint64((1 << 53) - 1)
    return bits < np.uint64(math.ceil(p * 2.0**53))


def normal_array(count: int, kind: np.dtype[Any] | type, generator: Generator | None) -> Array:
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


def _box_muller(uniform: Array) -> Array:
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
