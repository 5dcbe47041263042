"""Oracle: PyTorch's softmax in float64; by hand where exponentials are easy."""

import numpy as np
import torch

from dlstudy.course.checking import Case


def cases(rng):
    def scores(*shape):
        return np.round(rng.normal(size=shape), 2)

    third = np.log(np.array([[1.0, 2.0, 3.0]]))
    return [
        Case("the logarithms of 1, 2 and 3", third, expected=np.array([[1.0, 2.0, 3.0]]) / 6),
        Case("the same, all raised by 5", third + 5, expected=np.array([[1.0, 2.0, 3.0]]) / 6),
        Case("two rows alike", scores(2, 3)),
        Case("one row, raised by a thousand", third + 1000, expected=np.array([[1.0, 2.0, 3.0]]) / 6),
        Case("one row, lowered by a thousand", third - 1000, expected=np.array([[1.0, 2.0, 3.0]]) / 6),
        Case("a batch whose second row is a thousand lower", np.concatenate([third, third - 1000]),
             expected=np.array([[1.0, 2.0, 3.0]] * 2) / 6),
        Case("a row with one enormous score", np.array([[2000.0, 0.0, -2000.0]]), expected=np.array([[1.0, 0.0, 0.0]])),
        Case("scores of 900 in any column", np.array([[0.0, 0, 900], [900, 0, 0], [0, 900, 0]]),
             expected=np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])),
        Case("a row thirty thousand lower, and a row of enormous scores",
             np.concatenate([third, third - 30_000, [[-5.0, 4000, 4000]]]),
             expected=np.array([[1 / 6, 1 / 3, 1 / 2], [1 / 6, 1 / 3, 1 / 2], [0, 0.5, 0.5]])),
        Case("as many rows as classes", scores(4, 4) * 3),
        Case("a batch whose rows differ by some dozens", scores(5, 3) + np.array([[0.0], [30], [-40], [60], [-20]])),
    ]  # fmt: skip


def oracle(scores):
    return torch.softmax(torch.tensor(scores), dim=1).numpy()
