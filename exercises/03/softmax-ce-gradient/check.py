"""Oracle: PyTorch's cross_entropy and its own backward pass; the smallest case by hand."""

import numpy as np
import torch

from dlstudy.course.checking import Case


def cases(rng):
    def scores(*shape):
        return np.round(rng.normal(size=shape) * 2, 2)

    return [
        Case("two scores that are nearly equal", np.array([[0.0, 0.0001]]), np.array([1])),
        Case("one example of three classes", np.array([[2.0, 1.0, -1.0]]), np.array([2])),
        Case("three examples, all of different classes", scores(3, 3), np.array([2, 0, 1])),
        Case("four examples, two of them of one class", scores(4, 3), np.array([1, 1, 0, 2])),
        Case("scores in the thousands", np.array([[2000.0, 0, 0], [0, -3000, 5], [0, 0, 900]]), np.array([0, 1, 0])),
        Case("one class is right in every row", scores(4, 3), np.array([2, 2, 2, 2])),
        Case("more classes than examples, the last one right", scores(2, 5), np.array([4, 3])),
        Case("a large score at the wrong class", np.array([[30.0, 1.0], [-2.0, 5.0]]), np.array([1, 0])),
        Case("a batch of 16, ten classes", scores(16, 10), rng.integers(0, 10, size=16)),
        Case("the same in float32", scores(6, 5).astype(np.float32), rng.integers(0, 5, size=6)),
    ]


def oracle(scores, labels):
    leaf = torch.tensor(scores, requires_grad=True)
    torch.nn.functional.cross_entropy(leaf, torch.tensor(labels)).backward()
    return leaf.grad.numpy()
