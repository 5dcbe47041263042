"""Oracle: the formula of the page in NumPy, image by image; the gradient by autograd through the same formula."""

import torch

from dlstudy.course.checking import Case

RTOL, ATOL = 1e-6, 1e-8


def cases(rng):
    def image(*shape):
        return torch.from_numpy(rng.normal(size=shape) + 0.3)

    return [
        Case("one image", 4, 2, image(1, 4, 3, 5)),
        Case("two images in a batch", 3, 2, image(2, 3, 4, 4)),
        Case("one squeezed channel", 5, 1, image(2, 5, 2, 3)),
        Case("a single pixel", 3, 4, image(3, 3, 1, 1)),
    ]


def given(channels, squeeze_channels, x):
    return f"SqueezeExcitation({channels}, {squeeze_channels}) on an input of shape {tuple(x.shape)}"


def weights(channels, squeeze_channels):
    torch.manual_seed(13)
    draw = lambda *shape: torch.randn(shape, dtype=torch.float64)  # noqa: E731
    return [draw(squeeze_channels, channels), draw(squeeze_channels), draw(channels, squeeze_channels), draw(channels)]


def _ask(layer, x):
    x = x.clone().requires_grad_()
    y = layer(x)
    torch.manual_seed(1)
    (slope,) = torch.autograd.grad(y, x, torch.randn(y.shape, dtype=y.dtype), allow_unused=True)
    return {"output": y.detach(), "gradient of x": torch.zeros_like(x) if slope is None else slope}


def run(answer, channels, squeeze_channels, x):
    layer = answer(channels, squeeze_channels).double()
    values = weights(channels, squeeze_channels)
    mine = [[n for n in p.shape if n != 1] for p in layer.parameters()]
    wanted = [[n for n in value.shape if n != 1] for value in values]
    if mine != wanted:  # an axis of length 1 more or less is a matter of taste
        return {"shapes of the parameters": mine}
    with torch.no_grad():
        for parameter, value in zip(layer.parameters(), values):
            parameter.copy_(value.reshape(parameter.shape))
    return {"shapes of the parameters": mine} | _ask(layer, x)


def oracle(channels, squeeze_channels, x):
    w1, b1, w2, b2 = weights(channels, squeeze_channels)

    def layer(x):
        images = []
        for image in x:
            z = image.sum((1, 2)) / image[0].numel()
            inner = w1 @ z + b1
            s = 1 / (1 + torch.exp(-(w2 @ (inner / (1 + torch.exp(-inner))) + b2)))
            images.append(torch.stack([s[c] * image[c] for c in range(channels)]))
        return torch.stack(images)

    shapes = [[n for n in value.shape if n != 1] for value in weights(channels, squeeze_channels)]
    return {"shapes of the parameters": shapes} | _ask(layer, x)


def _with(change):
    """An automatic wrong answer: the right module, with something done to what it returns."""

    def make(solution):
        class SqueezeExcitation(solution):
            def forward(self, x):
                return change(super().forward(x))

        return SqueezeExcitation

    return make


AUTOMATIC = {
    "zeros": _with(lambda y: y * 0),
    "none": _with(lambda y: None),
    "negated": _with(lambda y: -y),
    "transposed": _with(lambda y: y.transpose(2, 3)),
    "sum-for-mean": _with(lambda y: y * len(y) * 2),
}
