import numpy as np


def deal(n, batch_size, rng):
    shuffled = np.arange(n)
    rng.shuffle(shuffled)
    return np.split(shuffled, range(batch_size, n, batch_size))
