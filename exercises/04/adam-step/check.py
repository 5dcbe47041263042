"""Oracle: torch.optim.Adam in float64 is given the same gradients, one after the other, from the same start."""

import numpy as np
import torch

from dlstudy.course.checking import Case

PARTS = ("w", "m", "v")
RTOL = 1e-9


def cases(rng):
    def table(steps, *shape):
        return np.round(rng.normal(size=(steps, *shape)) + 0.2, 2)

    return [
        Case("the very first step", np.array([1.0, -2.0]), np.array([[0.5, -4.0]]), lr=0.1),
        Case("two steps", np.array([1.0, -2.0]), np.array([[0.5, -4.0], [0.25, 1.0]]), lr=0.1),
        Case("seven steps on a table of weights", table(1, 2, 3)[0], table(7, 2, 3)),
        Case("other betas", table(1, 3)[0], table(4, 3), lr=0.01, betas=(0.5, 0.9)),
        Case("gradients so small that eps counts", table(1, 3)[0], table(3, 3) * 1e-8, lr=0.01),
        Case("a large eps", table(1, 3)[0], table(3, 3), lr=0.01, eps=0.1),
    ]


def given(w, grads, **settings):
    words = "".join(f", {name} = {value}" for name, value in settings.items())
    steps = "one step" if len(grads) == 1 else f"{len(grads)} steps"
    return f"{steps} from w = {w.tolist()} with m = v = 0, gradients {grads.tolist()}{words}"


def run(answer, w, grads, **settings):
    m = v = np.zeros_like(w)
    for t, g in enumerate(grads, start=1):
        w, m, v = answer(w, g, m, v, t, **settings)
    return w, m, v


def oracle(w, grads, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    weights = torch.tensor(w, requires_grad=True)
    optimizer = torch.optim.Adam([weights], lr=lr, betas=betas, eps=eps)
    for g in grads:
        weights.grad = torch.tensor(g)
        optimizer.step()
    state = optimizer.state[weights]
    return weights.detach().numpy(), state["exp_avg"].numpy(), state["exp_avg_sq"].numpy()
