import numpy as np


def leaks(train, test, size):
    gap = np.abs(test[:, None, 1:] - train[None, :, 1:]).max(-1)
    meet = (gap < size) & (test[:, None, 0] == train[None, :, 0])
    return np.flatnonzero(meet.any(1)).tolist()
