"""Oracle: PyTorch runs the layer and walks back; the example of the task is worked by hand."""

import numpy as np
import torch
import torch.nn.functional as F

from dlstudy.course.checking import Case


def cases(rng):
    def array(*shape):
        return np.round(rng.normal(size=shape) + 0.1, 2)

    return [
        Case(
            "the example of the task",
            np.arange(1.0, 10).reshape(1, 1, 3, 3),
            np.array([[[[1.0, 0], [0, 10]]]]),
            2,
            expected=np.array([[[[51.0, 62], [84, 95]]]]),
        ),
        Case("one plane, higher than wide", array(1, 1, 5, 4), array(1, 1, 4, 3), 2),
        Case("a batch of two", array(2, 1, 4, 4), array(2, 1, 2, 2), 3),
        Case("two channels and three kernels", array(1, 2, 4, 4), array(1, 3, 3, 3), 2),
        Case("a kernel of one pixel, a stride of 2", array(2, 2, 5, 6), array(2, 3, 3, 3), 1, 2),
        Case("a kernel as large as the image", array(3, 2, 4, 4), array(3, 2, 1, 1), 4),
        Case(
            "channels last in memory",
            array(2, 5, 4, 3).transpose(0, 3, 1, 2),
            array(2, 4, 3, 2).transpose(0, 3, 1, 2),
            2,
        ),
        Case("a stride of 2", array(2, 2, 7, 6), array(2, 3, 3, 2), 3, 2),
        Case("a stride that leaves pixels over, in float32", *_single(array(3, 2, 8, 8), array(3, 2, 3, 3)), 2, 3),
    ]


def _single(*arrays):
    return tuple(array.astype(np.float32) for array in arrays)


def oracle(x, grad, kernel, stride=1):
    x, grad = torch.from_numpy(x), torch.from_numpy(grad)
    weight = torch.ones(grad.shape[1], x.shape[1], kernel, kernel, dtype=x.dtype, requires_grad=True)
    F.conv2d(x, weight, stride=stride).backward(grad)
    return weight.grad.numpy()
