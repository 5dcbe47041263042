"""Samplers: in which order a loader takes the samples. With one seed the order is torch's."""

from collections.abc import Iterator, Sequence, Sized
from typing import Any, Generic, TypeVar

import numpy as np

from dlstudy.scratch.random import Generator, default_generator, uniform_array
from dlstudy.scratch.sampling import randint, randperm

Index = TypeVar("Index", covariant=True)


def draw_seed(generator: Generator | None) -> int:
    """Return a random seed of 63 bits, as `torch.empty((), dtype=torch.int64).random_()` draws one."""
    return int((generator or default_generator).long_words(1)[0] % np.uint64(1 << 63))


class Sampler(Generic[Index]):
    """Something to iterate over that gives the numbers of samples; a subclass writes __iter__."""

    def __iter__(self) -> Iterator[Index]:
        raise NotImplementedError(f"a sampler needs __iter__: {type(self).__name__} has none")


class SequentialSampler(Sampler[int]):
    """The numbers 0 to len(data_source) - 1."""

    def __init__(self, data_source: Sized):
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler[int]):
    """The numbers of all samples in random order, or `num_samples` drawn evenly with `replacement`.

    Without a `generator` each pass starts one of its own, whose seed it draws from the default generator. Without
    replacement and with more `num_samples` than samples, whole permutations follow each other.
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Generator | None = None,
    ):
        self.data_source, self.replacement, self.generator = data_source, replacement, generator
        self._num_samples = num_samples
        if not isinstance(replacement, bool):
            raise TypeError(f"replacement should be a boolean value, but got replacement={replacement}")
        if not isinstance(self.num_samples, int) or self.num_samples <= 0:
            raise ValueError(f"num_samples should be a positive integer value, but got num_samples={self.num_samples}")

    @property
    def num_samples(self) -> int:
        """How many numbers one pass gives."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        n, generator = len(self.data_source), self.generator
        if generator is None:
            generator = Generator().manual_seed(draw_seed(None))
        if self.replacement:
            for start in range(0, self.num_samples, 32):
                count = min(32, self.num_samples - start)
                yield from randint(0, n, (count,), generator=generator).tolist()
            return
        for _ in range(self.num_samples // n):
            yield from randperm(n, generator=generator).tolist()
        yield from randperm(n, generator=generator).tolist()[: self.num_samples % n]

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """The given numbers in random order."""

    def __init__(self, indices: Sequence[int], generator: Generator | None = None):
        self.indices, self.generator = indices, generator

    def __iter__(self) -> Iterator[int]:
        for i in randperm(len(self.indices), generator=self.generator).tolist():
            yield self.indices[i]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """`num_samples` numbers, drawn with probabilities proportional to `weights`, with or without replacement.

    The distribution is torch's; the numbers drawn for a seed are not, as torch's `multinomial` is not rebuilt here.
    """

    def __init__(
        self,
        weights: Sequence[float],
        num_samples: int,
        replacement: bool = True,
        generator: Generator | None = None,
    ):
        if not isinstance(num_samples, int) or isinstance(num_samples, bool) or num_samples <= 0:
            raise ValueError(f"num_samples should be a positive integer value, but got num_samples={num_samples}")
        if not isinstance(replacement, bool):
            raise ValueError(f"replacement should be a boolean value, but got replacement={replacement}")
        self.weights = np.asarray(weights, np.float64)
        if self.weights.ndim != 1:
            raise ValueError(f"weights should be a 1d sequence but given weights have shape {self.weights.shape}")
        if not (self.weights >= 0).all() or not 0 < self.weights.sum() < np.inf:
            raise RuntimeError("weights: expected finite numbers of at least 0 with a sum above 0")
        if not replacement and num_samples > np.count_nonzero(self.weights):
            raise RuntimeError(
                f"cannot draw {num_samples} different samples: only {np.count_nonzero(self.weights)} have a weight"
            )
        self.num_samples, self.replacement, self.generator = num_samples, replacement, generator

    def __iter__(self) -> Iterator[int]:
        if self.replacement:
            ends = np.cumsum(self.weights)
            places = uniform_array(self.num_samples, np.float64, self.generator) * ends[-1]
            yield from np.searchsorted(ends, places, side="right").tolist()
            return
        # the smallest of exponential waiting times: each is the next one drawn with probability weight / rest
        with np.errstate(divide="ignore"):
            waits = -np.log1p(-uniform_array(self.weights.size, np.float64, self.generator)) / self.weights
        yield from np.argsort(waits, kind="stable")[: self.num_samples].tolist()

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """Lists of `batch_size` numbers from `sampler`; the last may be shorter, unless `drop_last` leaves it out."""

    def __init__(self, sampler: Any, batch_size: int, drop_last: bool):
        if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size <= 0:
            raise ValueError(f"batch_size should be a positive integer value, but got batch_size={batch_size}")
        if not isinstance(drop_last, bool):
            raise ValueError(f"drop_last should be a boolean value, but got drop_last={drop_last}")
        self.sampler, self.batch_size, self.drop_last = sampler, batch_size, drop_last

    def __iter__(self) -> Iterator[list[int]]:
        batch: list[int] = []
        for index in self.sampler:
            batch.append(index)
            if len(batch) == self.batch_size:
                yield batch
                batch = []
        if batch and not self.drop_last:
            yield batch

    def __len__(self) -> int:
        whole, rest = divmod(len(self.sampler), self.batch_size)
        return whole + (rest > 0 and not self.drop_last)


class Endless(Sampler[None]):
    """None, for ever: what stands in for numbers where the dataset is iterated over."""

    def __iter__(self) -> Iterator[None]:
        while True:
            yield None


__all__ = ["BatchSampler", "RandomSampler", "Sampler", "SequentialSampler", "WeightedRandomSampler"]
