import numpy as np


def grouped_split(groups, share, rng):
    """Return the places of the training and of the validation examples, two arrays, with no group in both.

    `groups` (N,) names the group of every example: whole numbers or words. Whole groups, drawn at random by the NumPy
    Generator `rng` alone, go to validation one after the other until it holds at least `share` (above 0, at most 1) of
    all examples. Every example is in exactly one of the two.
    """
    held = np.zeros(len(groups), dtype=bool)
    for name in rng.permutation(np.unique(groups)):
        if held.sum() >= share * len(groups):
            break
        held |= groups == name
    return np.flatnonzero(~held), np.flatnonzero(held)
