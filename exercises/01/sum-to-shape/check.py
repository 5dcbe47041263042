"""Oracle: PyTorch broadcasts a tensor of that shape, and its own backward pass says what the gradient is."""

import numpy as np
import torch

from dlstudy.course.checking import Case


def cases(rng):
    def grad(*shape):
        return np.round(rng.normal(size=shape), 2)

    return [
        Case("a row used in two rows", np.array([[1.0, 2, 3], [10, 20, 30]]), (3,), expected=np.array([11.0, 22, 33])),
        Case(
            "the same row with shape (1, 3)",
            np.array([[1.0, 2, 3], [10, 20, 30]]),
            (1, 3),
            expected=np.array([[11.0, 22, 33]]),
        ),
        Case("a column stretched to four columns", grad(3, 4), (3, 1)),
        Case("a single number used everywhere", grad(2, 3), ()),
        Case("nothing was broadcast", grad(2, 3), (2, 3)),
        Case("a square, so that the wrong axis has the right length", grad(3, 3), (3,)),
        Case("a new dimension on the left and a stretched one inside", grad(2, 3, 4), (3, 1)),
        Case("both dimensions stretched", grad(3, 3), (1, 1)),
        Case("two new dimensions", grad(2, 3, 4), (4,)),
        Case("four dimensions, two of them stretched", grad(2, 3, 4, 5), (2, 1, 4, 1)),
        Case("new and stretched dimensions of one length", grad(3, 3, 3, 3), (3, 1, 3)),
        Case("a transposed table", grad(4, 2).T, (2, 1)),
        Case("a dimension that is 1 on both sides", grad(2, 1, 3), (1, 3)),
    ]


def oracle(grad, shape):
    start = torch.zeros(shape, dtype=torch.float64, requires_grad=True)
    start.expand(grad.shape).backward(torch.from_numpy(grad))
    return start.grad.numpy()
