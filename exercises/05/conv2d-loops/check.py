"""Oracle: PyTorch's own conv2d; the smallest cases are worked by hand."""

import numpy as np
import torch
import torch.nn.functional as F

from dlstudy.course.checking import Case


def cases(rng):
    def array(*shape):
        return np.round(rng.normal(size=shape) + 0.1, 2)

    return [
        Case(
            "one window, one channel: 1·10 + 2·20 + 3·30 + 4·40, and a bias of 5",
            np.array([[[[1.0, 2], [3, 4]]]]),
            np.array([[[[10.0, 20], [30, 40]]]]),
            np.array([5.0]),
            expected=np.array([[[[305.0]]]]),
        ),
        Case("one kernel over one plane", array(1, 1, 4, 5), array(1, 1, 2, 2), array(1)),
        Case("three channels", array(1, 3, 4, 4), array(1, 3, 3, 3), array(1)),
        Case("several kernels", array(1, 1, 4, 4), array(3, 1, 3, 3), array(3)),
        Case("a batch of two, three channels, two kernels", array(2, 3, 5, 4), array(2, 3, 2, 2), array(2)),
        Case("kernels of one pixel, a stride of 2", array(2, 3, 5, 4), array(2, 3, 1, 1), array(2), 2),
        Case("kernels that are higher than wide, in float32", *_single(array(2, 2, 5, 4), array(3, 2, 3, 2), array(3))),
        Case("a padding larger than the image", array(1, 2, 2, 3), array(2, 2, 3, 3), array(2), 3, 4),
        Case("a stride of 2 and a padding of 1", array(2, 2, 6, 5), array(3, 2, 3, 3), array(3), 2, 1),
    ]


def _single(*arrays):
    return tuple(array.astype(np.float32) for array in arrays)


def oracle(x, weight, bias, stride=1, padding=0):
    x, weight, bias = (torch.from_numpy(a) for a in (x, weight, bias))
    return F.conv2d(x, weight, bias, stride=stride, padding=padding).numpy()
