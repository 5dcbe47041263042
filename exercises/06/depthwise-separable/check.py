"""Oracle: each channel convolved by a call of its own, channels mixed by a matrix product, BatchNorm written out."""

import torch
import torch.nn.functional as F

from dlstudy.course.checking import Case

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
    """The parameters in the order of use, none at the value that it starts from."""
    torch.manual_seed(11)
    draw = lambda *shape: torch.randn(shape, dtype=torch.float64)  # noqa: E731
    return [
        draw(in_channels, 1, 3, 3), draw(in_channels).abs() + 0.5, draw(in_channels),
        draw(out_channels, in_channels, 1, 1), draw(out_channels).abs() + 0.5, draw(out_channels),
    ]  # fmt: skip


def _ask(layer, x):
    x = x.clone().requires_grad_()
    y = layer(x)
    torch.manual_seed(1)
    (slope,) = torch.autograd.grad(y, x, torch.randn(y.shape, dtype=y.dtype), allow_unused=True)
    return {"output": y.detach(), "gradient of x": torch.zeros_like(x) if slope is None else slope}


def run(answer, in_channels, out_channels, stride, x):
    layer = answer(in_channels, out_channels, stride).double()
    values = weights(in_channels, out_channels)
    mine = [tuple(p.shape) for p in layer.parameters()]
    wanted = [tuple(value.shape) for value in values]
    if mine != wanted:
        return {"shapes of the parameters": mine}
    with torch.no_grad():
        for parameter, value in zip(layer.parameters(), values):
            parameter.copy_(value)
    return {"shapes of the parameters": mine} | _ask(layer, x)


def oracle(in_channels, out_channels, stride, x):
    depth, scale_1, shift_1, point, scale_2, shift_2 = weights(in_channels, out_channels)

    def norm(y, scale, shift):
        mean, var = y.mean((0, 2, 3), keepdim=True), y.var((0, 2, 3), correction=0, keepdim=True)
        return (y - mean) / (var + 1e-5).sqrt() * scale[:, None, None] + shift[:, None, None]

    def layer(x):
        planes = [F.conv2d(x[:, c : c + 1], depth[c : c + 1], stride=stride, padding=1) for c in range(in_channels)]
        y = norm(torch.cat(planes, 1), scale_1, shift_1).clamp(min=0)
        return norm(torch.einsum("fc,nchw->nfhw", point[:, :, 0, 0], y), scale_2, shift_2).clamp(min=0)

    shapes = [tuple(value.shape) for value in weights(in_channels, out_channels)]
    return {"shapes of the parameters": shapes} | _ask(layer, x)


def _with(change):
    """An automatic wrong answer: the right layer, with something done to what it returns."""

    def make(solution):
        class DepthwiseSeparable(solution):
            def forward(self, x):
                return change(super().forward(x))

        return DepthwiseSeparable

    return make


AUTOMATIC = {
    "zeros": _with(lambda y: y * 0),
    "none": _with(lambda y: None),
    "negated": _with(lambda y: -y),
    "transposed": _with(lambda y: y.transpose(2, 3)),
    "sum-for-mean": _with(lambda y: y * len(y)),
}
