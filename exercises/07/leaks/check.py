"""Oracle: paint every training crop on an empty canvas for each photo, and look whether a test crop meets paint."""

import numpy as np

from dlstudy.course.checking import Case


def cases(rng):
    def crops(count, photos=3, side=40):
        columns = [rng.integers(0, high, size=count) for high in (photos, side, side)]
        return np.stack(columns, 1)

    one = np.array([[0, 10, 10]])
    corners = np.array([[0, 13, 13], [0, 14, 10], [0, 10, 6], [0, 7, 13], [0, 6, 6]])
    return [
        Case("corner to corner: sharing one pixel, or none", one, corners, 4, expected=[0, 3]),
        Case("the same place in another photo", one, np.array([[1, 10, 10], [0, 10, 10]]), 4, expected=[1]),
        Case("side by side, and far apart", one, np.array([[0, 10, 14], [0, 10, 30], [0, 30, 10]]), 4, expected=[]),
        Case("one above the other", one, np.array([[0, 12, 25], [0, 12, 8], [0, 25, 10]]), 4, expected=[1]),
        Case("one pixel further down and to the right", one, np.array([[0, 11, 11], [0, 10, 10]]), 4, expected=[0, 1]),
        Case("many crops at random", crops(12), crops(20), 6),
        Case("small crops, few of which meet", crops(10), crops(15), 3),
        Case("crops of one pixel", np.array([[0, 5, 5], [0, 7, 7]]), np.array([[0, 5, 6], [0, 7, 7]]), 1, expected=[1]),
    ]


def oracle(train, test, size):
    canvas = np.zeros((10, 100, 100), bool)
    for photo, top, left in train:
        canvas[photo, top : top + size, left : left + size] = True
    return [n for n, (p, top, left) in enumerate(test) if canvas[p, top : top + size, left : left + size].any()]
