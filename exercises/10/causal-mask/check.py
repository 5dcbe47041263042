"""Oracle: each entry asked on its own, by the definition; the smallest ones written out by hand."""

import torch

from dlstudy.course.checking import Case

T, F = True, False


def cases(rng):
    return [
        Case("three positions", 3, expected=torch.tensor([[T, F, F], [T, T, F], [T, T, T]])),
        Case("the last one of four positions", 1, 4, expected=torch.tensor([[T, T, T, T]])),
        Case("the last two of five positions", 2, 5, expected=torch.tensor([[T, T, T, T, F], [T, T, T, T, T]])),
        Case("a single position", 1, expected=torch.tensor([[T]])),
        Case("six positions", 6),
        Case("the last five of nine", 5, 9),
        Case("all four of four", 4, 4),
        Case(
            "more queries than keys, which cannot be", 5, 3, raises=ValueError,
            alone="Every mask is right. What is left is the error that the docstring promises.",
        ),
    ]  # fmt: skip


def oracle(length, total=None):
    total = total or length
    return torch.tensor([[s <= total - length + t for s in range(total)] for t in range(length)])
