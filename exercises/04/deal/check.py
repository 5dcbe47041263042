"""Oracle: counting. Every number once, batches of the right sizes, and an order that chance makes, anew each time."""

import numpy as np

from dlstudy.course.checking import Case


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
    first, second = ([np.asarray(batch) for batch in answer(n, batch_size, rng)] for _ in range(2))
    dealt = np.concatenate(first)
    counts = np.bincount(dealt.astype(int), minlength=n) if len(dealt) and dealt.min() >= 0 else np.zeros(n)
    return {
        "batch sizes": [len(batch) for batch in first],
        "numbers left out": some((counts[:n] == 0).any()),
        "numbers dealt twice": some((counts > 1).any()),
        "numbers not from 0 to n - 1": some(len(counts) > n or dealt.dtype.kind not in "iu"),
        "the order": "random" if (np.diff(dealt) < 0).any() else "rising",
        "the order of the next epoch": "the same" if np.array_equal(dealt, np.concatenate(second)) else "another",
    }


def some(found):
    return "some" if found else "none"


def oracle(n, batch_size, seed):
    whole, rest = divmod(n, batch_size)
    return {
        "batch sizes": [batch_size] * whole + [rest] * (rest > 0),
        "numbers left out": "none",
        "numbers dealt twice": "none",
        "numbers not from 0 to n - 1": "none",
        "the order": "random",
        "the order of the next epoch": "another",
    }
