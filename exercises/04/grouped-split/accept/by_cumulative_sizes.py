import numpy as np


def grouped_split(groups, share, rng):
    names, sizes = np.unique(groups, return_counts=True)
    order = rng.permutation(len(names))
    before = np.cumsum(sizes[order]) - sizes[order]
    chosen = names[order[before < share * len(groups)]]
    held = np.isin(groups, chosen)
    return np.where(~held)[0], np.where(held)[0]
