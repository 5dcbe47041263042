"""Oracle: look at every beginning of the list; the first whose lowest loss lies `patience` epochs back ends it."""

import numpy as np

from dlstudy.course.checking import Case

PARTS = ("the epoch to keep", "the number of epochs run")


def cases(rng):
    noisy = np.round(
        1 + 0.02 * np.arange(40) ** 1.2 - 0.3 * np.exp(-((np.arange(40) - 9) ** 2) / 30) + 0.1 * rng.random(40), 3
    )
    return [
        Case("it falls, then rises", [0.9, 0.7, 0.5, 0.6, 0.7, 0.8, 0.9], 2, expected=(2, 5)),
        Case("one bad epoch on the way down", [0.9, 0.7, 0.8, 0.6, 0.7, 0.5, 0.6, 0.7], 2, expected=(5, 8)),
        Case("it falls to the end", [0.9, 0.8, 0.7, 0.6], 3, expected=(3, 4)),
        Case("better than the last, but not than the best", [0.5, 0.9, 0.8, 0.7, 0.6], 3, expected=(0, 4)),
        Case("a lower loss that comes too late", [0.6, 0.5, 0.7, 0.7, 0.7, 0.2], 3, expected=(1, 5)),
        Case("no change at all", [0.5, 0.5, 0.5, 0.5, 0.5, 0.5], 2, expected=(0, 3)),
        Case("losses far above 1", [7.5, 5.0, 6.0, 4.0, 4.5, 8.0, 3.0], 2, expected=(3, 6)),
        Case("losses in the hundreds", [900.0, 500.0, 600.0, 550.0, 400.0], 2, expected=(1, 4)),
        Case("small steps down", [0.5, 0.49999, 0.49998, 0.49997, 0.6, 0.7], 2, expected=(3, 6)),
        Case("a loss of 0", [0.5, 0.0, 0.1, 0.0, 0.2], 3, expected=(1, 5)),
        Case("losses below 0", [-0.5, -1.5, -1.0, -1.2, -2.0], 2, expected=(1, 4)),
        Case("an equal best comes back", [0.8, 0.5, 0.6, 0.5, 0.4], 2, expected=(1, 4)),
        Case("the last epoch is the best", [0.9, 0.95, 0.7], 2, expected=(2, 3)),
        Case("a single epoch", [1.3], 1, expected=(0, 1)),
        Case("impatient", [0.9, 0.7, 0.8, 0.6], 1, expected=(1, 3)),
        Case("a loss that is not a number", [0.9, 0.7, float("nan"), 0.6, float("nan"), 0.8, 0.9], 3, expected=(3, 7)),
        Case("a real, noisy curve", noisy.tolist(), 6),
    ]


def oracle(losses, patience):
    for seen in range(1, len(losses) + 1):
        known = np.nan_to_num(np.array(losses[:seen]), nan=np.inf)
        lowest = int(known.argmin())
        if seen - 1 - lowest == patience:
            break
    return lowest, seen
