"""Oracle: PyTorch multiplies the two matrices and walks back through its own graph."""

import numpy as np
import torch

from dlstudy.course.checking import Case

PARTS = ("the gradient of a", "the gradient of b")


def cases(rng):
    def matrix(*shape):
        return np.round(rng.normal(size=shape), 2)

    return [
        Case(
            "the example of the task",
            np.array([[10.0]]),
            np.array([[1.0, 2.0]]),
            np.array([[3.0], [4.0]]),
            expected=(np.array([[30.0, 40.0]]), np.array([[10.0], [20.0]])),
        ),
        Case("square matrices, so that every order runs", matrix(2, 2), matrix(2, 2), matrix(2, 2)),
        Case("three different sizes", matrix(2, 4), matrix(2, 3), matrix(3, 4)),
        Case("one row, as for a single example", matrix(1, 5), matrix(1, 2), matrix(2, 5)),
        Case("a column times a row", matrix(3, 2), matrix(3, 1), matrix(1, 2)),
        Case("transposed matrices", *(matrix(*shape).T for shape in ((4, 3), (2, 3), (4, 2)))),
        Case("a batch of 32", matrix(32, 10), matrix(32, 64), matrix(64, 10)),
    ]


def oracle(grad, a, b):
    leaves = [torch.tensor(value, requires_grad=True) for value in (a, b)]
    (leaves[0] @ leaves[1]).backward(torch.from_numpy(grad))
    return tuple(leaf.grad.numpy() for leaf in leaves)
