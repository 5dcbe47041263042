"""The loader: from a dataset and an order to batches."""

import functools
import itertools
import weakref
from collections.abc import Callable, Iterator
from typing import Any

from dlstudy.scratch.random import Generator
from dlstudy.scratch.tensor import wrap

from .collate import default_collate, default_convert
from .dataset import IterableDataset, TensorDataset
from .sampler import BatchSampler, Endless, RandomSampler, SequentialSampler, draw_seed
from .workers import Workers


class DataLoader:
    """Batches of a dataset, one pass an iteration, with the arguments and the order of `torch.utils.data.DataLoader`.

    `shuffle` draws a new order every pass, from `generator` or the default one; `sampler` or `batch_sampler` give
    another order. `batch_size=None` gives single samples. `drop_last` leaves out a last batch that is not full.
    `collate_fn` makes a batch of a list of samples. `num_workers` threads load `prefetch_factor` batches ahead each
    (see workers.py; torch uses processes); `worker_init_fn(id)` is called in each. `pin_memory` and
    `multiprocessing_context` are accepted and change nothing. ValueError for settings that exclude each other.
    """

    def __init__(
        self, dataset: Any, batch_size: int | None = 1, shuffle: bool | None = None, sampler: Any = None,
        batch_sampler: Any = None, num_workers: int = 0, collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False, drop_last: bool = False, timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None, multiprocessing_context: Any = None,
        generator: Generator | None = None, *, prefetch_factor: int | None = None, persistent_workers: bool = False,
        pin_memory_device: str = "", in_order: bool = True,
    ):  # fmt: skip
        if num_workers < 0:
            raise ValueError("num_workers option should be non-negative; use num_workers=0 to load in the main thread.")
        if timeout < 0:
            raise ValueError("timeout option should be non-negative")
        if prefetch_factor is not None and (num_workers == 0 or prefetch_factor < 0):
            raise ValueError("prefetch_factor option needs num_workers > 0 and should be non-negative")
        if persistent_workers and num_workers == 0:
            raise ValueError("persistent_workers option needs num_workers > 0")

        self._iterable = isinstance(dataset, IterableDataset)
        if self._iterable:
            for name, value in (("shuffle", shuffle), ("sampler", sampler), ("batch_sampler", batch_sampler)):
                if value not in (None, False):
                    raise ValueError(
                        f"DataLoader with IterableDataset: expected unspecified {name} option, but got {name}={value}"
                    )
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError(
                    "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last"
                )
            batch_size = None
        elif batch_size is None and drop_last:
            raise ValueError("batch_size=None option disables auto-batching and is mutually exclusive with drop_last")

        if sampler is None:
            if self._iterable:
                sampler = Endless()
            else:
                sampler = RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)
        if batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)

        self.dataset, self.batch_size, self.drop_last = dataset, batch_size, drop_last
        self.sampler, self.batch_sampler, self.generator = sampler, batch_sampler, generator
        self.collate_fn = collate_fn or (default_convert if batch_sampler is None else default_collate)
        self.num_workers, self.worker_init_fn, self.timeout = num_workers, worker_init_fn, timeout
        self.prefetch_factor = 2 if num_workers and prefetch_factor is None else prefetch_factor
        self.persistent_workers, self.pin_memory, self.pin_memory_device = persistent_workers, pin_memory, ""
        self.multiprocessing_context, self.in_order = multiprocessing_context, in_order
        self._workers: Workers | None = None

    def __len__(self) -> int:
        if self._iterable:
            length = len(self.dataset)
            if self.batch_size is None:
                return length
            return length // self.batch_size if self.drop_last else -(-length // self.batch_size)
        return len(self.sampler if self.batch_sampler is None else self.batch_sampler)

    def __iter__(self) -> Iterator[Any]:
        # torch draws a seed for its workers before the sampler draws its own, so that must be done here as well
        if self._workers is None:
            seed = draw_seed(self.generator)
        order = iter(self.sampler if self.batch_sampler is None else self.batch_sampler)
        if self.num_workers == 0:
            return self._batches(order)
        workers = self._workers
        if workers is None:
            settings = (self.dataset, self.collate_fn, self.batch_sampler is not None, self.drop_last)
            start = functools.partial(fetcher, *settings)
            lasting = self.persistent_workers
            workers = Workers(self.num_workers, seed, self.dataset, start, self.worker_init_fn, lasting)
            if self.persistent_workers:
                self._workers = workers
                weakref.finalize(self, workers.stop)
        return self._batches_from(workers, order)

    def _batches(self, order: Iterator[Any]) -> Iterator[Any]:
        fetch = fetcher(self.dataset, self.collate_fn, self.batch_sampler is not None, self.drop_last)
        for indices in order:
            try:
                batch = fetch(indices)
            except StopIteration:
                return
            yield batch

    def _batches_from(self, workers: Workers, order: Iterator[Any]) -> Iterator[Any]:
        try:
            yield from workers.run(order, self.prefetch_factor or 1, self.timeout)
        finally:
            if not self.persistent_workers:
                workers.stop()


def fetcher(dataset: Any, collate: Callable[[Any], Any], batched: bool, drop_last: bool) -> Callable[[Any], Any]:
    """Return the function from the numbers of a batch (or, unless `batched`, of a sample) to the batch.

    For an iterable dataset it takes the next ones, whatever the numbers, and raises StopIteration at the end.
    """
    if isinstance(dataset, IterableDataset):
        return _stream(iter(dataset), collate, batched, drop_last)
    if not batched:
        return lambda index: collate(dataset[index])
    plain = type(dataset) is TensorDataset and not any(t.requires_grad for t in dataset.tensors)
    if plain and collate is default_collate:  # the same rows, taken at once instead of one by one
        arrays = [t._data for t in dataset.tensors]
        return lambda indices: [wrap(array[indices]) for array in arrays]
    many = getattr(dataset, "__getitems__", None)
    if callable(many):
        return lambda indices: collate(many(indices))
    return lambda indices: collate([dataset[i] for i in indices])


def _stream(samples: Iterator[Any], collate: Callable[[Any], Any], batched: bool, drop_last: bool) -> Any:
    def fetch(indices: Any) -> Any:
        if not batched:
            return collate(next(samples))
        batch = list(itertools.islice(samples, len(indices)))
        if not batch or (drop_last and len(batch) < len(indices)):
            raise StopIteration
        return collate(batch)

    return fetch
