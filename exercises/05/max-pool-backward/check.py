"""Oracle: PyTorch pools and walks back; the smallest case is worked by hand."""

import numpy as np
import torch
import torch.nn.functional as F

from dlstudy.course.checking import Case


def cases(rng):
    def array(*shape):
        return np.round(rng.normal(size=shape) + 0.1, 2)

    def rectified(*shape):
        return np.maximum(rng.integers(-4, 3, size=shape), 0).astype(np.float64)  # few values, many equals

    return [
        Case("four windows side by side", array(4, 4), array(2, 2), 2, 2),
        Case(
            "two windows that share their winner, 9",
            np.array([[1.0, 9, 1], [0, 2, 3]]),
            np.array([[3.0, 4]]),
            2,
            1,
            expected=np.array([[0.0, 7, 0], [0, 0, 0]]),
        ),
        Case("a kernel of 3 and a stride of 2, as in AlexNet", array(7, 5), array(3, 2), 3, 2),
        Case("windows at every pixel", array(5, 6), array(3, 4), 3, 1),
        Case("ties, as a ReLU leaves them", rectified(6, 6), array(3, 3), 2, 2),
        Case("ties in windows that overlap", rectified(7, 7), array(3, 3), 3, 2),
        Case("nothing but numbers below 0", -1 - np.abs(array(4, 6)), array(2, 3), 2, 2),
        Case("windows of one pixel, a stride of 2", array(5, 5), array(3, 3), 1, 2),
        Case("a transposed image in float32", array(6, 4).astype(np.float32).T, array(2, 3).astype(np.float32), 2, 2),
        Case("gaps between the windows, float32", array(5, 8).astype(np.float32), array(2, 3).astype(np.float32), 2, 3),
    ]


def oracle(x, grad, kernel, stride):
    x = torch.tensor(x, requires_grad=True)
    F.max_pool2d(x[None], kernel, stride)[0].backward(torch.from_numpy(grad))
    return x.grad.numpy()
