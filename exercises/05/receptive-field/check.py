"""Oracle: run the layers in PyTorch with positive weights, count the pixels that have a slope; small ones by hand."""

import torch
import torch.nn.functional as F

from dlstudy.course.checking import Case


def cases(rng):
    def layer():
        return tuple(int(n) for n in rng.integers((2, 1, 1), (5, 4, 4)))

    return [
        Case("one layer", [(3, 1, 1)], expected=3),
        Case("two layers of 3", [(3, 1, 1), (3, 1, 1)], expected=5),
        Case("a pooling layer between", [(3, 1, 1), (2, 2, 1), (3, 1, 1)], expected=8),
        Case("a dilated kernel", [(3, 1, 2), (3, 1, 1)], expected=7),
        Case("dilations of 1, 2, 4 and 8", [(3, 1, 1), (3, 1, 2), (3, 1, 4), (3, 1, 8)], expected=31),
        Case("strides on strides", [(3, 2, 1), (3, 2, 1), (3, 2, 1), (3, 1, 1)]),
        Case("a large kernel first, strides behind it", [(7, 1, 1), (2, 2, 1), (3, 3, 1)]),
        Case("LeNet up to its last pooling layer", [(5, 1, 1), (2, 2, 1), (5, 1, 1), (2, 2, 1)]),
        Case("three layers at random", [layer(), layer(), layer()]),
        Case("gaps: a stride larger than the kernel", [(2, 3, 1), (2, 1, 1)], expected=5),
        Case("a kernel of one pixel with a stride", [(3, 1, 1), (1, 2, 1), (3, 1, 1)], expected=7),
        Case("kernels of one pixel alone", [(1, 1, 1), (1, 3, 2)], expected=1),
        Case("a dilation and a stride in one layer", [(3, 2, 3), (3, 1, 2), (2, 1, 1)], expected=17),
        Case("no layers at all", [], expected=1),
    ]


def oracle(layers):
    x = torch.ones(1, 1, 2000, dtype=torch.float64, requires_grad=True)
    y = x
    for kernel, stride, dilation in layers:
        y = F.conv1d(y, torch.ones(1, 1, kernel, dtype=torch.float64) / kernel, None, stride, 0, dilation)
    (slope,) = torch.autograd.grad(y[0, 0, y.shape[2] // 2], x)
    seen = slope.flatten().nonzero().flatten()
    return int(seen[-1] - seen[0]) + 1
