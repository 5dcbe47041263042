"""Oracle: each channel convolved by a call of its own, channels mixed by a matrix product, BatchNorm written out."""

import torch
import torch.nn.functional as F

from dlstudy.course.checking import Case
from dlstudy.course.checking.modules import SPOILED_OUTPUTS, ask, load_in_order, random_weights, shapes

RTOL, ATOL = 1e-6, 1e-8


def cases(rng):
    def image(*shape):
        return torch.from_numpy(rng.normal(size=shape) + 0.2)

    return [
        Case("four channels to six", 4, 6, 1, image(2, 4, 5, 4)),
        Case("halved", 2, 4, 2, image(2, 2, 6, 7)),
        Case("four channels, all stays", 4, 4, 1, image(3, 4, 4, 4)),
        Case("fewer channels, halved", 6, 2, 2, image(2, 6, 5, 5)),
    ]


def given(in_channels, out_channels, stride, x):
    return f"DepthwiseSeparable({in_channels}, {out_channels}, stride={stride}) on {tuple(x.shape)}"


def weights(in_channels, out_channels):
    """The parameters in the order of use: a kernel, a scale and a shift, twice."""
    depth, point = (in_channels, 1, 3, 3), (out_channels, in_channels, 1, 1)
    return [*random_weights({"depth": depth, "bn1": in_channels, "point": point, "bn2": out_channels}).values()]


def run(answer, in_channels, out_channels, stride, x):
    layer, values = answer(in_channels, out_channels, stride), weights(in_channels, out_channels)
    found = shapes(layer.parameters())
    return found | ask(load_in_order(layer, values), x) if found == shapes(values) else found


def oracle(in_channels, out_channels, stride, x):
    depth, scale_1, shift_1, point, scale_2, shift_2 = weights(in_channels, out_channels)

    def norm(y, scale, shift):
        mean, var = y.mean((0, 2, 3), keepdim=True), y.var((0, 2, 3), correction=0, keepdim=True)
        return (y - mean) / (var + 1e-5).sqrt() * scale[:, None, None] + shift[:, None, None]

    def layer(x):
        planes = [F.conv2d(x[:, c : c + 1], depth[c : c + 1], stride=stride, padding=1) for c in range(in_channels)]
        y = norm(torch.cat(planes, 1), scale_1, shift_1).clamp(min=0)
        return norm(torch.einsum("fc,nchw->nfhw", point[:, :, 0, 0], y), scale_2, shift_2).clamp(min=0)

    return shapes(weights(in_channels, out_channels)) | ask(layer, x)


AUTOMATIC = SPOILED_OUTPUTS
