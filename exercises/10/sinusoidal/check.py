"""Oracle: each number by itself from the paper's formula, with the `math` module; the first rows by hand."""

import math

import torch

from dlstudy.course.checking import Case

ATOL = 1e-5


def cases(rng):
    return [
        Case(
            "two positions, two columns: one pair, one radian for a step",
            2, 2, expected=torch.tensor([[0.0, 1.0], [math.sin(1), math.cos(1)]]),
        ),
        Case(
            "four columns: the second pair turns a hundred times more slowly",
            2, 4,
            expected=torch.tensor([[0.0, 1, 0, 1], [math.sin(1), math.cos(1), math.sin(0.01), math.cos(0.01)]]),
        ),
        Case("five positions, six columns", 5, 6),
        Case("twelve positions, eight columns", 12, 8),
        Case("as many positions as columns", 6, 6),
        Case(
            "an odd number of columns, which cannot be pairs", 3, 5, raises=ValueError,
            alone="Every table is right. What is left is the error that the docstring promises.",
        ),
    ]  # fmt: skip


def oracle(length, dim):
    def entry(pos, column):
        angle = pos / 10000 ** (column // 2 * 2 / dim)
        return math.cos(angle) if column % 2 else math.sin(angle)

    return torch.tensor([[entry(pos, column) for column in range(dim)] for pos in range(length)])
