"""Oracle: PyTorch's binary_cross_entropy_with_logits. A warning (overflow, division by zero) counts as a failure."""

import warnings

import numpy as np
import torch

from dlstudy.course.checking import Case

RTOL, ATOL = 1e-6, 1e-8


def cases(rng):
    def array(*shape):
        return np.round(rng.normal(size=shape) * 3, 2)

    return [
        Case("ordinary scores, both answers", np.array([0.1, 2.0, -1.5, 0.5]), np.array([1.0, 0.0, 1.0, 0.0])),
        Case("a table, and targets in between", array(3, 4), np.round(rng.uniform(size=(3, 4)), 2)),
        Case("sure and wrong: z = 800, target 0", np.array([800.0, 1.0]), np.array([0.0, 1.0])),
        Case("sure and right: z = 800, target 1", np.array([800.0]), np.array([1.0])),
        Case("sure of no, and wrong: z = -800, target 1", np.array([-800.0]), np.array([1.0])),
        Case("sure of no, and right: z = -800, target 0", np.array([-800.0, -3.0]), np.array([0.0, 0.5])),
        Case("so sure that p is 1 to the last bit", np.array([40.0, -40.0, 37.0]), np.array([0.0, 1.0, 0.25])),
        Case("scores of tens of thousands", np.array([30_000.0, -30_000.0]), np.array([0.0, 1.0])),
        Case("scores of exactly 0", np.array([0.0, 0.0, 1.5]), np.array([0.0, 1.0, 0.5])),
        Case("three dimensions, transposed in memory", array(2, 3, 2).T, np.round(rng.uniform(size=(2, 3, 2)), 2).T),
        Case("a spread of scores in float32", np.linspace(-100, 100, 9, dtype=np.float32),
             np.tile(np.float32([0.0, 1.0, 0.25]), 3)),
    ]  # fmt: skip


def run(answer, z, y):
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        return answer(z, y)


def oracle(z, y):
    return torch.nn.functional.binary_cross_entropy_with_logits(
        torch.tensor(z), torch.tensor(y), reduction="none"
    ).numpy()
