"""Oracle: the block written out by hand with torch's functions, from the formula of the page, on the same weights."""

import torch
import torch.nn.functional as F

from dlstudy.course.checking import Case

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
    """Weights by name, none of them at the value that it starts from."""
    shapes = {
        "conv1.weight": (channels, in_channels, 3, 3),
        "bn1": channels,
        "conv2.weight": (channels, channels, 3, 3),
        "bn2": channels,
    }
    if stride != 1 or in_channels != channels:
        shapes |= {"downsample.0.weight": (channels, in_channels, 1, 1), "downsample.1": channels}
    torch.manual_seed(7)
    found = {}
    for name, shape in shapes.items():
        if isinstance(shape, tuple):
            found[name] = torch.randn(shape, dtype=torch.float64)
        else:
            found[f"{name}.weight"] = torch.rand(shape, dtype=torch.float64) + 0.5
            found[f"{name}.bias"] = torch.randn(shape, dtype=torch.float64)
    return found


def _ask(block, x):
    x = x.clone().requires_grad_()
    y = block(x)
    torch.manual_seed(1)
    (slope,) = torch.autograd.grad(y, x, torch.randn(y.shape, dtype=y.dtype), allow_unused=True)
    return {"output": y.detach(), "gradient of x": torch.zeros_like(x) if slope is None else slope}


def run(answer, in_channels, channels, stride, x):
    block = answer(in_channels, channels, stride).double()
    values = weights(in_channels, channels, stride)
    values |= {name: value for name, value in block.state_dict().items() if "running" in name or "num_" in name}
    block.load_state_dict(values)
    return _ask(block, x)


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

    return _ask(block, x)


def _with(change):
    """An automatic wrong answer: the right block, with something done to what it returns."""

    def make(solution):
        class BasicBlock(solution):
            def forward(self, x):
                return change(super().forward(x))

        return BasicBlock

    return make


AUTOMATIC = {
    "zeros": _with(lambda y: y * 0),
    "none": _with(lambda y: None),
    "negated": _with(lambda y: -y),
    "transposed": _with(lambda y: y.transpose(2, 3)),
    "sum-for-mean": _with(lambda y: y * len(y)),
}
