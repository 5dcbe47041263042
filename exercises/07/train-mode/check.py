"""Oracle: which parts are in train mode, stated by hand, and whether statistics are bit-equal after a forward pass."""

import torch
from torch import nn

from dlstudy.course.checking import Case

MUTATES = True
AUTOMATIC = {
    "only the model itself, not its parts": lambda solution: lambda model: setattr(model, "training", True),
    "everything in eval mode": lambda solution: lambda model: model.eval() and None,
    "nothing at all": lambda solution: lambda model: None,
}
PARTS = ("in train mode", "statistics that moved", "what learns")


def block(channels):
    return nn.Sequential(nn.Linear(4, channels), nn.BatchNorm1d(channels), nn.Dropout(0.5), nn.Linear(channels, 4))


def network():
    torch.manual_seed(0)
    model = nn.Sequential()
    for name in ("lower", "upper"):
        model.add_module(name, block(6))
    model.add_module("head", nn.Sequential(nn.Dropout(0.5), nn.Linear(4, 3)))
    return model


FROZEN = {
    "nothing is frozen": (),
    "the lower block is frozen": ("lower",),
    "all but the head is frozen": ("lower", "upper"),
    "one BatchNorm is frozen, in a block that learns": ("upper.1",),
    "half a BatchNorm is frozen: its weight, not its bias": ("upper.1.weight",),
    "everything is frozen": ("",),
    "the upper block is frozen, and the model comes in eval mode": ("upper",),
}


def cases(rng):
    all_parts = [n for n, _ in network().named_modules() if n]

    def under(*roots):
        return [n for n in all_parts if not any(n == r or n.startswith(r + ".") for r in roots)]

    def learns(*roots):
        names = [n for n, _ in network().named_parameters()]
        return [n for n in names if not any(n == r or n.startswith(r + ".") for r in roots)]

    both = ["lower.1", "upper.1"]
    awake = {
        "nothing is frozen": (all_parts, both, learns()),
        "the lower block is frozen": (under("lower"), ["upper.1"], learns("lower")),
        "all but the head is frozen": (under("lower", "upper"), [], learns("lower", "upper")),
        "one BatchNorm is frozen, in a block that learns": (under("upper.1"), ["lower.1"], learns("upper.1")),
        "half a BatchNorm is frozen: its weight, not its bias": (all_parts, both, learns("upper.1.weight")),
        "everything is frozen": ([], [], []),
        "the upper block is frozen, and the model comes in eval mode": (under("upper"), ["lower.1"], learns("upper")),
    }
    return [Case(label, label, expected=awake[label]) for label in FROZEN]


def given(label):
    return "a network of two blocks (Linear, BatchNorm, Dropout, Linear) and a head (Dropout, Linear)"


def run(answer, label):
    model = network()
    if "eval mode" in label:
        model.eval()
    for name in FROZEN[label]:
        part = model.get_parameter(name) if name.endswith("weight") else model.get_submodule(name)
        part.requires_grad_(False)
    answer(model)
    training = [name for name, module in model.named_modules() if name and module.training]
    norms = {name: m for name, m in model.named_modules() if isinstance(m, nn.BatchNorm1d)}
    before = {name: m.running_mean.clone() for name, m in norms.items()}
    model(torch.randn(8, 4, generator=torch.Generator().manual_seed(2)))
    moved = [name for name, m in norms.items() if not torch.equal(m.running_mean, before[name])]
    return training, moved, [name for name, p in model.named_parameters() if p.requires_grad]
