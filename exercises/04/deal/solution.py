import numpy as np  # noqa: F401  (an answer may use it)


def deal(n, batch_size, rng):
    """Return the numbers 0 to n - 1 in batches, a list of arrays: shuffled, and each number in exactly one of them.

    Every batch holds `batch_size` numbers; the last one holds what is left and may be smaller. `rng` is a NumPy
    Generator, and the only source of chance.
    """
    order = rng.permutation(n)
    batches = []
    for start in range(0, n, batch_size):
        batches.append(order[start : start + batch_size])
    return batches
