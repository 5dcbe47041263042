"""Datasets and loaders: torch's order with the same seed, nothing lost or repeated, workers, and collation."""

import collections
import itertools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import dlstudy.scratch as scratch


def plain(value: Any) -> Any:
    """Return a batch with its tensors as (format, nested lists), to compare across the libraries."""
    if isinstance(value, torch.Tensor | scratch.Tensor):
        return (str(value.dtype), value.tolist())
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return (type(value).__name__, [plain(v) for v in value])
    if isinstance(value, list | tuple):
        return (type(value).__name__, [plain(v) for v in value])
    return value


def dataset(M: Any, n: int) -> Any:
    return M.utils.data.TensorDataset(M.arange(n) * 10, M.arange(float(n)).reshape(n, 1))


class Squares:
    """A dataset of neither library."""

    def __init__(self, n: int):
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, i: int) -> tuple[int, float]:
        if not 0 <= i < self.n:
            raise IndexError(i)
        return i, i**2 / 4


# -- order -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("own_generator", [False, True])
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("kind", ["tensors", "object"])
def test_the_order_is_torchs(kind: str, drop_last: bool, shuffle: bool, own_generator: bool) -> None:
    for n, size in itertools.product([1, 7, 12], [1, 4, 20]):
        seen = []
        for M in (torch, scratch):
            M.manual_seed(n)
            generator = M.Generator().manual_seed(5) if own_generator else None
            data = dataset(M, n) if kind == "tensors" else Squares(n)
            loader = M.utils.data.DataLoader(data, size, shuffle, drop_last=drop_last, generator=generator)
            passes = [[plain(batch) for batch in loader] for _ in range(3)]
            seen.append((passes, len(loader), M.rand(3).tolist()))  # the default stream goes on alike, too
        assert seen[0] == seen[1]


SAMPLERS: list[Callable[[Any], Any]] = [
    lambda D: D.RandomSampler(range(10)),
    lambda D: D.RandomSampler(range(10), num_samples=33),
    lambda D: D.RandomSampler(range(10), num_samples=4),
    lambda D: D.RandomSampler(range(10), replacement=True),
    lambda D: D.RandomSampler(range(10), replacement=True, num_samples=71),
    lambda D: D.RandomSampler(range(10), replacement=True, num_samples=64),
    lambda D: D.SequentialSampler(range(6)),
    lambda D: D.SubsetRandomSampler([4, 7, 1, 9, 0]),
    lambda D: D.BatchSampler(D.RandomSampler(range(10)), 3, False),
    lambda D: D.BatchSampler(D.RandomSampler(range(10)), 3, True),
]


@pytest.mark.parametrize("make", SAMPLERS, ids=[str(i) for i in range(len(SAMPLERS))])
def test_samplers(make: Callable[[Any], Any]) -> None:
    seen = []
    for M in (torch, scratch):
        M.manual_seed(11)
        sampler = make(M.utils.data)
        seen.append([list(sampler), list(sampler), len(sampler), M.rand(1).item()])
    assert seen[0] == seen[1]


def test_a_generator_of_ones_own_is_used_and_goes_on() -> None:
    seen = []
    for M in (torch, scratch):
        generator = M.Generator().manual_seed(3)
        sampler = M.utils.data.RandomSampler(range(9), generator=generator)
        seen.append([list(sampler), list(sampler)])
    assert seen[0] == seen[1]
    assert seen[1][0] != seen[1][1]


@pytest.mark.parametrize("replacement", [True, False])
def test_weighted_sampler_draws_by_weight(replacement: bool) -> None:
    weights = np.array([0.0, 1, 2, 3, 4])
    counts, firsts = np.zeros(5), np.zeros(5)
    generator = scratch.Generator().manual_seed(1)
    rounds = 4000
    for _ in range(rounds):
        drawn = list(scratch.utils.data.WeightedRandomSampler(weights.tolist(), 3, replacement, generator=generator))
        assert len(drawn) == 3
        assert replacement or len(set(drawn)) == 3
        counts += np.bincount(drawn, minlength=5)
        firsts[drawn[0]] += 1
    assert counts[0] == 0
    p = weights / weights.sum()
    assert np.all(np.abs(firsts / rounds - p) < 4 * np.sqrt(p * (1 - p) / rounds) + 1e-12)
    with pytest.raises(RuntimeError, match="only 4 have a weight"):
        scratch.utils.data.WeightedRandomSampler(weights.tolist(), 5, False)


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(1, 40), size=st.integers(1, 12), shuffle=st.booleans(), drop=st.booleans(),
    workers=st.integers(0, 3), seed=st.integers(0, 1000),
)  # fmt: skip
def test_nothing_is_lost_or_repeated(n: int, size: int, shuffle: bool, drop: bool, workers: int, seed: int) -> None:
    generator = scratch.Generator().manual_seed(seed)
    loader = scratch.utils.data.DataLoader(
        dataset(scratch, n), size, shuffle, drop_last=drop, num_workers=workers, generator=generator
    )
    for _ in range(2):
        batches = [(a.tolist(), b.tolist()) for a, b in loader]
        assert len(batches) == len(loader)
        assert all(len(a) == size for a, _ in batches[: n // size])
        assert all([x / 10] == y for a, b in batches for x, y in zip(a, b))  # rows stay together
        rows = [x for a, _ in batches for x in a]
        assert len(rows) == (n // size * size if drop else n)
        assert len(set(rows)) == len(rows)
        assert set(rows) <= {10 * i for i in range(n)}


# -- datasets ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("lengths", [[3, 7], [10, 0], [0.3, 0.3, 0.4], [0.25, 0.25, 0.5], [0.15, 0.85]])
def test_random_split(lengths: list[float]) -> None:
    seen = []
    for M in (torch, scratch):
        M.manual_seed(2)
        parts = M.utils.data.random_split(range(10), lengths)
        more = M.utils.data.random_split(range(10), lengths, M.Generator().manual_seed(4))
        seen.append([[list(part) for part in parts], [list(part) for part in more]])
    assert seen[0] == seen[1]
    assert sorted(itertools.chain(*seen[1][0])) == list(range(10))


def test_what_fractions_leave_over_goes_round() -> None:
    thirds = [1 / 3] * 3
    sizes = [[len(part) for part in M.utils.data.random_split(range(11), thirds)] for M in (torch, scratch)]
    assert sizes == [[4, 4, 3], [4, 4, 3]]


def test_seeds_are_drawn_as_torch_draws_them() -> None:
    ours, theirs = scratch.Generator().manual_seed(9), torch.Generator().manual_seed(9)
    for _ in range(5):
        drawn = torch.empty((), dtype=torch.int64).random_(generator=theirs).item()
        assert scratch.utils.data.sampler.draw_seed(ours) == drawn


def test_datasets_of_datasets() -> None:
    seen = []
    for M in (torch, scratch):
        D = M.utils.data
        both = D.ConcatDataset([dataset(M, 3), Squares(2)])
        subset = D.Subset(dataset(M, 8), [5, 1, 7])
        found = [plain(both[i]) for i in (0, 2, 3, 4, -1, -5)] + [len(both), both.cumulative_sizes]
        found += [plain(subset[0]), plain(subset[[2, 0]]), plain(subset.__getitems__([1, 2])), len(subset)]
        found += [plain(D.StackDataset(range(3), Squares(3))[2]), plain(D.StackDataset(a=range(3), b="xyz")[1])]
        found += [len(dataset(M, 2) + dataset(M, 5))]
        found += [[plain(b) for b in D.DataLoader(subset, 2)], [plain(b) for b in D.DataLoader(both, 1)]]
        seen.append(found)
    assert seen[0] == seen[1]


class Counting:
    """Makes an iterable dataset that splits its numbers among the workers."""

    @staticmethod
    def of(M: Any, n: int) -> Any:
        class Numbers(M.utils.data.IterableDataset):  # type: ignore[name-defined, misc]
            def __iter__(self) -> Iterator[int]:
                info = M.utils.data.get_worker_info()
                start, step = (0, 1) if info is None else (info.id, info.num_workers)
                return iter(range(start, n, step))

        return Numbers()


@pytest.mark.parametrize("size", [None, 1, 3, 20])
@pytest.mark.parametrize("drop_last", [False, True])
def test_iterable_datasets(size: int | None, drop_last: bool) -> None:
    if size is None and drop_last:
        return
    seen = []
    for M in (torch, scratch):
        loader = M.utils.data.DataLoader(Counting.of(M, 10), size, drop_last=drop_last)
        chained = M.utils.data.ChainDataset([Counting.of(M, 2), Counting.of(M, 3)])
        seen.append([[plain(b) for b in loader], [plain(b) for b in loader], list(chained)])
    assert seen[0] == seen[1]


@pytest.mark.parametrize("n", [0, 1, 10, 11])
def test_an_iterable_dataset_split_among_workers(n: int) -> None:
    loader = scratch.utils.data.DataLoader(Counting.of(scratch, n), 2, num_workers=3)
    for _ in range(2):
        assert sorted(x for batch in loader for x in batch.tolist()) == list(range(n))


# -- workers -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("persistent", [False, True])
def test_workers_give_the_same_batches_in_order(persistent: bool) -> None:
    def passes(**extra: Any) -> Any:
        loader = scratch.utils.data.DataLoader(
            Squares(23), 4, True, generator=scratch.Generator().manual_seed(1), **extra
        )
        return [plain(list(loader)) for _ in range(3)]

    threads = passes(num_workers=3, persistent_workers=persistent, prefetch_factor=3)
    assert threads[0] == passes()[0]
    if not persistent:  # which draw a seed for the workers only once, in torch too
        assert threads == passes()


def test_workers_that_stay_begin_every_pass_anew() -> None:
    starts: list[int] = []
    settings = {"num_workers": 2, "persistent_workers": True, "worker_init_fn": starts.append}
    numbered = scratch.utils.data.DataLoader(Squares(9), 2, **settings)
    for _ in range(3):
        next(iter(numbered))  # a pass that is broken off
        assert [i for batch in numbered for i in batch[0].tolist()] == list(range(9))
    stream = scratch.utils.data.DataLoader(Counting.of(scratch, 9), 2, **settings)
    for _ in range(3):
        assert sorted(i for batch in stream for i in batch.tolist()) == list(range(9))
    assert sorted(starts) == [0, 0, 1, 1]


def test_workers_know_themselves_and_run_beside_the_main_thread() -> None:
    names, starts = set(), []

    class Named(scratch.utils.data.Dataset):  # type: ignore[type-arg]
        def __len__(self) -> int:
            return 12

        def __getitem__(self, i: int) -> list[int]:
            info = scratch.utils.data.get_worker_info()
            assert info is not None
            assert info.dataset is self
            names.add(threading.current_thread().name)
            return [i, info.id, info.num_workers]

    loader = scratch.utils.data.DataLoader(Named(), 2, num_workers=2, worker_init_fn=starts.append, collate_fn=list)
    batches = list(loader)
    assert [row[0] for batch in batches for row in batch] == list(range(12))
    assert [batch[0][1] for batch in batches] == [0, 1, 0, 1, 0, 1]
    assert sorted(starts) == [0, 1]
    assert threading.current_thread().name not in names
    assert scratch.utils.data.get_worker_info() is None


def test_an_error_in_a_worker_arrives_and_threads_end() -> None:
    class Broken(Squares):
        def __getitem__(self, i: int) -> Any:
            if i == 5:
                raise KeyError("sample 5 is broken")
            return i

    loader = scratch.utils.data.DataLoader(Broken(9), 2, num_workers=2)
    seen = []
    with pytest.raises(KeyError, match="sample 5"):
        seen.extend(batch.tolist() for batch in loader)
    assert seen == [[0, 1], [2, 3]]
    for _ in range(5):
        next(iter(scratch.utils.data.DataLoader(Squares(9), 2, num_workers=2)))
    loader = scratch.utils.data.DataLoader(Squares(9), 2, num_workers=2, persistent_workers=True)
    assert len(list(loader)) == 5
    del loader
    for thread in threading.enumerate():
        if thread.name.startswith("loader-"):
            thread.join(5)
            assert not thread.is_alive()


# -- batches -----------------------------------------------------------------------------------------------
Point = collections.namedtuple("Point", "x y")


@pytest.mark.parametrize(
    "make",
    [
        lambda M: [M.tensor([1.0, 2.0]), M.tensor([3.0, 4.0])],
        lambda M: [1, 2],
        lambda M: [1.5, 2.5],
        lambda M: [True, False],
        lambda M: ["a", "b"],
        lambda M: [np.array([1, 2], "float32"), np.array([3, 4], "float32")],
        lambda M: [np.float64(1.5), np.float64(2)],
        lambda M: [np.int64(3), np.int64(4)],
        lambda M: [{"a": 1, "b": [M.tensor(1), 2.0]}, {"a": 2, "b": [M.tensor(3), 4.0]}],
        lambda M: [(1, M.tensor([1])), (2, M.tensor([2]))],
        lambda M: [[1, 2, 3], [4, 5, 6]],
        lambda M: [Point(1, 2.0), Point(3, 4.0)],
    ],
)
def test_default_collate(make: Callable[[Any], Any]) -> None:
    theirs, ours = (plain(M.utils.data.default_collate(make(M))) for M in (torch, scratch))
    assert ours == theirs
    theirs, ours = (plain(M.utils.data.default_convert(make(M))) for M in (torch, scratch))
    assert ours == theirs


@pytest.mark.parametrize(
    ("error", "batch"), [(RuntimeError, [[1, 2], [3]]), (TypeError, [object()]), (TypeError, [None, None])]
)
def test_default_collate_refuses(error: type[Exception], batch: Any) -> None:
    for M in (torch, scratch):
        with pytest.raises(error):
            M.utils.data.default_collate(batch)


def test_rows_taken_at_once_are_the_rows_taken_one_by_one() -> None:
    class Slow(scratch.utils.data.TensorDataset):
        pass  # a subclass goes the long way

    tensors = [scratch.rand(9, 2, 3), scratch.arange(9), scratch.rand(3, 9).T]
    fast, slow = scratch.utils.data.TensorDataset(*tensors), Slow(*tensors)
    for indices in ([3, 1, 1, 8], [-1, 0]):
        one, two = (next(iter(scratch.utils.data.DataLoader(d, batch_sampler=[indices]))) for d in (fast, slow))
        assert plain(one) == plain(two)
    batch = next(iter(scratch.utils.data.DataLoader(fast, 4)))
    batch[0].zero_()
    assert tensors[0].abs().sum().item() > 0  # a batch is a copy
    weights = scratch.ones(4, 2, requires_grad=True)
    (recorded,) = next(iter(scratch.utils.data.DataLoader(scratch.utils.data.TensorDataset(weights), 2)))
    (recorded * 3).sum().backward()
    assert weights.grad.tolist() == [[3.0, 3.0], [3.0, 3.0], [0.0, 0.0], [0.0, 0.0]]


def test_collate_fn_batch_sampler_and_no_batches() -> None:
    seen = []
    for M in (torch, scratch):
        D = M.utils.data
        found = [list(D.DataLoader(range(5), 2, collate_fn=sum))]
        found.append([b.tolist() for b in D.DataLoader(range(6), batch_sampler=[[5, 0], [3]])])
        found.append([b.tolist() for b in D.DataLoader(range(6), 2, sampler=[3, 1, 5])])
        found.append([plain(b) for b in D.DataLoader(dataset(M, 3), batch_size=None)])
        found.append([plain(b) for b in D.DataLoader(np.arange(4.0), batch_size=None)])
        seen.append(found)
    assert seen[0] == seen[1]


REFUSED: list[tuple[type[Exception], Callable[[Any, Any], Any]]] = [
    (ValueError, lambda M, D: D.DataLoader(range(3), num_workers=-1)),
    (ValueError, lambda M, D: D.DataLoader(range(3), timeout=-1)),
    (ValueError, lambda M, D: D.DataLoader(range(3), prefetch_factor=2)),
    (ValueError, lambda M, D: D.DataLoader(range(3), persistent_workers=True)),
    (ValueError, lambda M, D: D.DataLoader(range(3), sampler=[1], shuffle=True)),
    (ValueError, lambda M, D: D.DataLoader(range(3), batch_sampler=[[1]], batch_size=2)),
    (ValueError, lambda M, D: D.DataLoader(range(3), batch_sampler=[[1]], drop_last=True)),
    (ValueError, lambda M, D: D.DataLoader(range(3), batch_size=None, drop_last=True)),
    (ValueError, lambda M, D: D.DataLoader(range(3), batch_size=0)),
    (ValueError, lambda M, D: D.DataLoader(Counting.of(M, 3), shuffle=True)),
    (ValueError, lambda M, D: D.DataLoader(Counting.of(M, 3), sampler=[1])),
    (ValueError, lambda M, D: D.DataLoader([], shuffle=True)),
    (ValueError, lambda M, D: D.RandomSampler(range(3), num_samples=0)),
    (TypeError, lambda M, D: D.RandomSampler(range(3), replacement=1)),
    (ValueError, lambda M, D: D.BatchSampler(range(3), 2, "yes")),
    (ValueError, lambda M, D: D.WeightedRandomSampler([[1.0]], 1)),
    (ValueError, lambda M, D: D.random_split(range(5), [2, 2])),
    (ValueError, lambda M, D: D.random_split(range(5), [1.5, -0.5])),
    (AssertionError, lambda M, D: D.TensorDataset(M.ones(2), M.ones(3))),
    (AssertionError, lambda M, D: D.ConcatDataset([])),
    (ValueError, lambda M, D: D.StackDataset(range(2), range(3))),
    (NotImplementedError, lambda M, D: D.Dataset()[0]),
]


@pytest.mark.parametrize(("error", "call"), REFUSED, ids=[str(i) for i in range(len(REFUSED))])
def test_both_refuse(error: type[Exception], call: Callable[[Any, Any], Any]) -> None:
    for M in (torch, scratch):
        with pytest.raises(error):
            call(M, M.utils.data)
