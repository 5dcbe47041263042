"""Oracle: the block written out by hand with torch's functions, from the formula of the page, on the same weights."""

import torch
import torch.nn.functional as F

from dlstudy.course.checking import Case
from dlstudy.course.checking.modules import SPOILED_OUTPUTS, ask, load_by_name, random_weights

RTOL, ATOL = 1e-6, 1e-8


def cases(rng):
    def image(*shape):
        return torch.from_numpy(rng.normal(size=shape) + 0.2)

    return [
        Case("the shape stays", 3, 3, 1, image(2, 3, 4, 5)),
        Case("twice the channels, half the size", 2, 4, 2, image(2, 2, 6, 6)),
        Case("more channels, the size stays", 2, 3, 1, image(3, 2, 4, 4)),
        Case("fewer channels, an odd size halved", 4, 2, 2, image(2, 4, 5, 7)),
        Case("the same channels, half the size", 3, 3, 2, image(2, 3, 6, 4)),
    ]


def given(in_channels, channels, stride, x):
    return f"BasicBlock({in_channels}, {channels}, stride={stride}) on an input of shape {tuple(x.shape)}"


def weights(in_channels, channels, stride):
    shapes = {
        "conv1.weight": (channels, in_channels, 3, 3),
        "bn1": channels,
        "conv2.weight": (channels, channels, 3, 3),
        "bn2": channels,
    }
    if stride != 1 or in_channels != channels:
        shapes |= {"downsample.0.weight": (channels, in_channels, 1, 1), "downsample.1": channels}
    return random_weights(shapes)


def run(answer, in_channels, channels, stride, x):
    block = answer(in_channels, channels, stride)
    return ask(load_by_name(block, weights(in_channels, channels, stride)), x)


def oracle(in_channels, channels, stride, x):
    w = weights(in_channels, channels, stride)

    def norm(name, y):
        return F.batch_norm(y, None, None, w[f"{name}.weight"], w[f"{name}.bias"], training=True)

    def block(x):
        out = norm("bn1", F.conv2d(x, w["conv1.weight"], stride=stride, padding=1)).relu()
        out = norm("bn2", F.conv2d(out, w["conv2.weight"], padding=1))
        if "downsample.0.weight" in w:
            x = norm("downsample.1", F.conv2d(x, w["downsample.0.weight"], stride=stride))
        return (out + x).relu()

    return ask(block, x)


AUTOMATIC = SPOILED_OUTPUTS
