"""Oracle: the layer in PyTorch, its numbers counted, and torch's own counter watching it run; two cases by hand."""

import torch
from torch.utils.flop_counter import FlopCounterMode

from dlstudy.course.checking import Case

PARTS = ("parameters", "multiply-adds")


def cases(rng):
    kernel, stride = int(rng.integers(2, 5)), int(rng.integers(2, 4))
    return [
        Case("the first layer of ResNet", 224, 3, 64, 7, 2, 3, expected=(9408, 118013952)),
        Case("1 × 1: only the channels are mixed", 14, 256, 64, 1, expected=(16384, 3211264)),
        Case("3 × 3, the size stays", 8, 4, 6, 3, 1, 1),
        Case("without padding", 9, 2, 3, 5),
        Case("depthwise: as many groups as channels", 10, 12, 12, 3, 1, 1, 12),
        Case("four groups", 7, 8, 16, 3, 2, 1, 4),
        Case("steps that do not fit exactly", 8, 3, 2, 3, 3, 0),
        Case("numbers at random", 17, 6, 10, kernel, stride, 1, 2),
    ]


def oracle(size, in_channels, out_channels, kernel, stride=1, padding=0, groups=1):
    layer = torch.nn.Conv2d(in_channels, out_channels, kernel, stride, padding, groups=groups, bias=False)
    with FlopCounterMode(display=False) as counter:
        layer(torch.rand(1, in_channels, size, size))
    return layer.weight.numel(), counter.get_total_flops() // 2
