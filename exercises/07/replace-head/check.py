"""Oracle: the facts about a model with a new head, stated for each case: what it puts out, what learns, what stayed."""

import torch
from torch import nn
from torch.nn import functional as F

from dlstudy.course.checking import Case

MUTATES = True
INDEPENDENT_CASES = False
PARTS = (
    "the shape of the output",
    "the layers",
    "whether the old weights are as they were",
    "the loss before training",
    "what the gradient reaches",
    "the returned layer is the model's",
)


class Net(nn.Module):
    """Features with a hidden linear layer, and a head under a name of its own; weights from a fixed seed."""

    def __init__(self, frozen=False, bias=True, deep=False):
        super().__init__()
        generator = torch.Generator().manual_seed(5)
        self.features = nn.Sequential(nn.Linear(6, 5), nn.ReLU())
        self.head = nn.Sequential(nn.Dropout(0.0), nn.Linear(5, 7, bias=bias)) if deep else nn.Linear(5, 7, bias=bias)
        with torch.no_grad():
            for p in self.parameters():
                p.copy_(torch.randn(p.shape, generator=generator))
        if frozen:
            self.requires_grad_(False)

    def forward(self, x):
        return self.head(self.features(x))


def cases(rng):
    def facts(outputs, layers, learns):
        return (
            (4, outputs),
            layers,
            True,
            round(float(torch.log(torch.tensor(float(outputs)))), 4),
            learns,
            True,
        )

    everything = ["features.0.bias", "features.0.weight", "head.bias", "head.weight"]
    hidden = ["features.0: 6 to 5"]
    return [
        Case("three classes", {}, 3, expected=facts(3, [*hidden, "head: 5 to 3"], everything)),
        Case(
            "a frozen network",
            {"frozen": True},
            4,
            expected=facts(4, [*hidden, "head: 5 to 4"], ["head.bias", "head.weight"]),
        ),
        Case(
            "a head inside a Sequential",
            {"deep": True},
            2,
            expected=facts(
                2,
                [*hidden, "head.1: 5 to 2"],
                ["features.0.bias", "features.0.weight", "head.1.bias", "head.1.weight"],
            ),
        ),
        Case(
            "a head without a bias",
            {"bias": False},
            3,
            expected=facts(3, [*hidden, "head: 5 to 3, no bias"], [n for n in everything if n != "head.bias"]),
        ),
    ]


def given(options, classes):
    said = ", ".join(f"{name}={value}" for name, value in options.items())
    return f"a small network Net({said}), num_classes = {classes}"


def run(answer, options, classes):
    model = Net(**options)
    before = {n: v.clone() for n, v in model.state_dict().items() if n.startswith("features")}
    head = answer(model, classes)
    x = torch.randn(4, 6, generator=torch.Generator().manual_seed(1))
    scores = model(x)
    loss = F.cross_entropy(scores, torch.arange(4) % min(classes, scores.shape[1]))
    learns = []
    if loss.requires_grad:
        loss.backward()
        learns = sorted(n for n, p in model.named_parameters() if p.grad is not None)
    layers = [
        f"{n}: {m.in_features} to {m.out_features}" + ("" if m.bias is not None else ", no bias")
        for n, m in model.named_modules()
        if isinstance(m, nn.Linear)
    ]
    kept = all(torch.equal(v, model.state_dict().get(n, torch.empty(0))) for n, v in before.items())
    last = [m for m in model.modules() if isinstance(m, nn.Linear)][-1]
    return tuple(scores.shape), layers, kept, round(loss.item(), 4), learns, head is last
