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
        "numbers from 0 to n - 1 that are never dealt": bool((counts[:n] == 0).any()),
        "numbers dealt more than once": bool((counts > 1).any()),
        "numbers that are not from 0 to n - 1": bool(len(counts) > n or dealt.dtype.kind not in "iu"),
        "batch sizes": [len(batch) for batch in first],
        "in random order": bool((np.diff(dealt) < 0).any()),
        "in another order the second time": not np.array_equal(dealt, np.concatenate(second)),
    }


def oracle(n, batch_size, seed):
    whole, rest = divmod(n, batch_size)
    return {
        "numbers from 0 to n - 1 that are never dealt": False,
        "numbers dealt more than once": False,
        "numbers that are not from 0 to n - 1": False,
        "batch sizes": [batch_size] * whole + [rest] * (rest > 0),
        "in random order": True,
        "in another order the second time": True,
    }
