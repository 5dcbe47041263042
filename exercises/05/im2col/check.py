"""Oracle: PyTorch's `unfold`; the example of the task is worked by hand."""

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
            2,
            expected=np.array([[[1.0, 2, 4, 5], [2, 3, 5, 6], [4, 5, 7, 8], [5, 6, 8, 9]]]),
        ),
        Case("an image that is wider than high", array(1, 1, 3, 5), 2),
        Case("two channels", array(1, 2, 3, 4), 2),
        Case("a batch of two, three channels", array(2, 3, 5, 4), 3),
        Case("a padding of 1", array(1, 1, 3, 2), 2, 1, 1),
        Case("a stride of 2", array(1, 2, 6, 7), 3, 2),
        Case("a stride of 3 with a padding of 2, in float32", array(2, 2, 7, 6).astype(np.float32), 4, 3, 2),
        Case("windows of one pixel, a stride of 2", array(2, 2, 5, 4), 1, 2),
        Case("a padding as large as the window", array(1, 2, 3, 4), 2, 1, 2),
        Case("an image that is not contiguous in memory", array(2, 4, 5, 3).transpose(0, 3, 1, 2), 3, 2, 1),
        Case("one window as large as the image", array(2, 3, 3, 3), 3),
    ]


def oracle(x, kernel, stride=1, padding=0):
    return F.unfold(torch.tensor(x), kernel, stride=stride, padding=padding).numpy()
