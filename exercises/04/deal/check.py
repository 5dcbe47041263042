"""Oracle: counting. Every number once, batches of the right sizes, and an order that chance makes, anew each time."""

from collections.abc import Iterable

import numpy as np

from dlstudy.course.checking import Case
from dlstudy.course.checking.compare import kind_of

EPOCHS = 20


def cases(rng):
    return [
        Case("twelve digits in batches of four", 12, 4, 0),
        Case("a last batch that is smaller", 50, 8, 1),
        Case("a batch for everybody", 30, 30, 2),
        Case("a batch larger than everybody", 30, 64, 3),
        Case("one at a time", 25, 1, 4),
        Case("many digits", 2000, 128, 5),
    ]


def given(n, batch_size, seed):
    return f"n = {n}, batch_size = {batch_size}"


def run(answer, n, batch_size, seed):
    rng = np.random.default_rng(seed)
    epochs = []
    for generator in (*[rng] * EPOCHS, np.random.default_rng(seed)):
        found = answer(n, batch_size, generator)
        batches = list(found) if isinstance(found, Iterable) else []  # whoever yields the batches deals them as well
        if not batches or not all(np.ndim(batch) == 1 for batch in batches):
            came = ", ".join(sorted({kind_of(batch) for batch in batches})) or kind_of(found)
            return oracle(n, batch_size, seed) | {"what is in the list": f"not arrays of one dimension, but {came}"}
        epochs.append(batches)
    again = epochs.pop()
    first = [np.asarray(batch) for batch in epochs[0]]
    dealt = np.concatenate(first)
    counts = np.bincount(dealt.astype(int), minlength=n) if len(dealt) and dealt.min() >= 0 else np.zeros(n)
    return {
        "what is in the list": "arrays",
        "batch sizes": [len(batch) for batch in first],
        "numbers left out": some((counts[:n] == 0).any()),
        "numbers dealt twice": some((counts > 1).any()),
        "numbers not from 0 to n - 1": some(len(counts) > n or dealt.dtype.kind not in "iu"),
        "the order": _order(n, [np.concatenate(epoch) for epoch in epochs]),
        "the order of the next epoch": "the same" if _same(epochs[0], epochs[1]) else "another",
        "with a generator like rng": "the same order" if _same(epochs[0], again) else "another order",
    }


def _same(one, other):
    return np.array_equal(np.concatenate(one), np.concatenate(other))


def _order(n, epochs):
    """How numbers and places go together, over many epochs: chance leaves neighbours about n / 3 apart."""
    if not any((np.diff(epoch) < 0).any() for epoch in epochs):
        return "rising"
    if np.mean([np.abs(np.diff(epoch)).mean() for epoch in epochs]) < n / 5:
        return "neighbours stay neighbours"
    if min(len({epoch[place] for epoch in epochs if place < len(epoch)}) for place in (0, n // 2, n - 1)) < 4:
        return "the same numbers come in the same places"
    return "random"


def some(found):
    return "some" if found else "none"


def oracle(n, batch_size, seed):
    whole, rest = divmod(n, batch_size)
    return {
        "what is in the list": "arrays",
        "batch sizes": [batch_size] * whole + [rest] * (rest > 0),
        "numbers left out": "none",
        "numbers dealt twice": "none",
        "numbers not from 0 to n - 1": "none",
        "the order": "random",
        "the order of the next epoch": "another",
        "with a generator like rng": "the same order",
    }
