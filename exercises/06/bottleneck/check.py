"""Oracle: the block written out by hand with torch's functions, from figure 5 of the paper, on the same weights."""

import torch
import torch.nn.functional as F

from dlstudy.course.checking import Case
from dlstudy.course.checking.modules import SPOILED_OUTPUTS, ask, load_by_name, random_weights

RTOL, ATOL = 1e-6, 1e-8


def cases(rng):
    def image(*shape):
        return torch.from_numpy(abs(rng.normal(size=shape)) + 0.1)  # as it comes out of a ReLU

    return [
        Case("no projection", 8, 2, 1, False, image(2, 8, 4, 5)),
        Case("the first block of a stage", 6, 2, 2, False, image(2, 6, 6, 5)),
        Case("more channels, the size stays", 3, 2, 1, False, image(3, 3, 4, 4)),
        Case("the stride of the paper", 4, 1, 2, True, image(2, 4, 6, 6)),
    ]


def given(in_channels, channels, stride, stride_first, x):
    extra = ", stride_first=True" if stride_first else ""
    return f"BottleneckBlock({in_channels}, {channels}, stride={stride}{extra}) on an input of shape {tuple(x.shape)}"


def weights(in_channels, channels, stride):
    wide = 4 * channels
    shapes = {
        "conv1.weight": (channels, in_channels, 1, 1), "bn1": channels,
        "conv2.weight": (channels, channels, 3, 3), "bn2": channels,
        "conv3.weight": (wide, channels, 1, 1), "bn3": wide,
    }  # fmt: skip
    if stride != 1 or in_channels != wide:
        shapes |= {"downsample.0.weight": (wide, in_channels, 1, 1), "downsample.1": wide}
    return random_weights(shapes)


def run(answer, in_channels, channels, stride, stride_first, x):
    options = {"stride_first": True} if stride_first else {}
    block = answer(in_channels, channels, stride, **options)
    return ask(load_by_name(block, weights(in_channels, channels, stride)), x)


def oracle(in_channels, channels, stride, stride_first, x):
    w = weights(in_channels, channels, stride)
    first, middle = (stride, 1) if stride_first else (1, stride)

    def norm(name, y):
        return F.batch_norm(y, None, None, w[f"{name}.weight"], w[f"{name}.bias"], training=True)

    def block(x):
        out = norm("bn1", F.conv2d(x, w["conv1.weight"], stride=first)).relu()
        out = norm("bn2", F.conv2d(out, w["conv2.weight"], stride=middle, padding=1)).relu()
        out = norm("bn3", F.conv2d(out, w["conv3.weight"]))
        if "downsample.0.weight" in w:
            x = norm("downsample.1", F.conv2d(x, w["downsample.0.weight"], stride=stride))
        return (out + x).relu()

    return ask(block, x)


AUTOMATIC = SPOILED_OUTPUTS
