"""Oracle: let NumPy walk a row that holds 0, 1, 2, ...; the number it finds at an index is that element's place."""

import numpy as np

from dlstudy.course.checking import Case

ROW = np.arange(500)


def cases(rng):
    i, j, k = (int(n) for n in rng.integers(1, 4, 3))
    return [
        Case("a 3 by 4 array, row after row", (1, 2), (4, 1), expected=6),
        Case("the same array transposed", (2, 1), (1, 4), expected=6),
        Case("a tensor that begins at place 10 of the row", (1, 2), (4, 1), 10, expected=16),
        Case("the very first element", (0, 0), (4, 1), expected=0),
        Case("three dimensions", (i, j, k), (20, 5, 1), 3),
        Case("a row that broadcasting repeats (stride 0)", (5, 2), (0, 3), 7, expected=13),
        Case("every second element, backwards", (3,), (-2,), 40, expected=34),
        Case("a 0-d tensor: no dimensions at all", (), (), 42, expected=42),
        Case("four dimensions, one of them walked backwards", (1, j, 2, k), (60, 20, -5, 1), 100),
        Case("five dimensions", (1, 1, 2, 1, 3), (120, 60, 20, 5, 1)),
        Case("the first index in three dimensions, from an offset", (0, 0, 0), (20, 5, 1), 9, expected=9),
        Case("two indices for three strides", (1, 2), (12, 4, 1), raises=ValueError),
        Case("three indices for two strides", (1, 2, 3), (4, 1), raises=ValueError),
        Case("no index for one stride", (), (1,), raises=ValueError),
        Case("one index for no stride", (2,), (), raises=ValueError),
    ]


def oracle(index, strides, offset=0):
    step = ROW.itemsize
    shape = [n + 1 for n in index]
    walk = np.lib.stride_tricks.as_strided(ROW[offset:], shape, [s * step for s in strides], writeable=False)
    return int(walk[index])
