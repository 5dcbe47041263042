"""Oracle: one SGD step with a gradient of 1 everywhere moves each parameter by its rate; rates are worked by hand."""

import torch
from torch import nn

from dlstudy.course.checking import Case

RTOL, ATOL = 1e-5, 1e-9


def network(depth, frozen):
    torch.manual_seed(0)
    parts = [nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)) if i % 2 else nn.Linear(3, 2) for i in range(depth)]
    for place in frozen:
        parts[place].requires_grad_(False)
    return parts


def cases(rng):
    return [
        Case("three parts, each half as fast as the next", 3, (), 0.8, 0.5, expected=[0.2, 0.4, 0.8]),
        Case("four parts", 4, (), 1.0, 0.1, expected=[0.001, 0.01, 0.1, 1.0]),
        Case("the first part is frozen", 3, (0,), 0.8, 0.5, expected=[0.0, 0.4, 0.8]),
        Case("a part in the middle is frozen", 4, (1,), 1.0, 0.5, expected=[0.125, 0.0, 0.5, 1.0]),
        Case("all at one rate", 3, (), 0.3, 1.0, expected=[0.3, 0.3, 0.3]),
        Case("one part alone", 1, (), 0.7, 0.5, expected=[0.7]),
    ]


def given(depth, frozen, rate, decay):
    frozen_words = f"frozen: {list(frozen) or 'none'}"
    return f"{depth} parts, {frozen_words}, rate = {rate}, decay = {decay}; shown is by how much each moves"


def run(answer, depth, frozen, rate, decay):
    parts = network(depth, frozen)
    optimizer = torch.optim.SGD(answer(parts, rate, decay), lr=99.0)
    before = [[p.detach().clone() for p in part.parameters()] for part in parts]
    for part in parts:
        for p in part.parameters():
            p.grad = torch.ones_like(p)
    optimizer.step()
    moved = []
    for part, old in zip(parts, before):
        steps = torch.cat([(b - p.detach()).flatten() for p, b in zip(part.parameters(), old)])
        same = bool((steps - steps[0]).abs().max() < 1e-4)
        moved.append(round(steps.double().mean().item(), 5) if same else [round(v, 3) for v in steps.tolist()])
    return moved
