"""Oracle: autograd through the same recurrence, run forward again; the smallest case is worked by hand."""

import torch

from dlstudy.course.checking import Case


def cases(rng):
    def sequence(steps, units, scale=0.8, losses="all", first=True):
        w = torch.from_numpy(rng.normal(size=(units, units)).round(2)) * scale
        h = torch.from_numpy(rng.normal(size=units).round(2)) * 0.4
        states = [h]
        for _ in range(steps):
            states.append(torch.tanh(w @ states[-1] + torch.from_numpy(rng.normal(size=units).round(2))))
        grads = torch.from_numpy(rng.normal(size=(steps, units)).round(2)) + 0.05
        if losses == "last":
            grads[:-1] = 0
        return w, torch.stack(states), grads

    def rows(*values):
        return torch.tensor(values, dtype=torch.float64)

    return [
        Case(
            "the example: one unit, two steps",
            rows([2.0]),
            rows([0.5], [0.6], [0.8]),
            rows([0.0], [1.0]),
            expected=rows([0.4464]),
        ),
        Case("a single step", *sequence(1, 3)),
        Case("two steps, a loss at each", *sequence(2, 2)),
        Case("five steps, a loss at the last only", *sequence(5, 3, losses="last")),
        Case("seven steps, a loss at each", *sequence(7, 4)),
        Case("a matrix that makes gradients grow", *sequence(6, 3, scale=1.6)),
    ]


def oracle(w_hh, states, grads):
    w = w_hh.clone().requires_grad_()
    constant = torch.atanh(states[1:]) - states[:-1] @ w_hh.T  # what was added to w_hh @ h at each step
    h, loss = states[0], 0
    for u, g in zip(constant, grads):
        h = torch.tanh(w @ h + u)
        loss = loss + (g * h).sum()
    loss.backward()
    return w.grad
