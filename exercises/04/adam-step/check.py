"""Oracle: torch.optim.Adam in float64 is given the same gradients, one after the other, from the same start."""

import numpy as np
import torch

from dlstudy.course.checking import Case

PARTS = ("w", "m", "v", "the arrays that were changed in place")
RTOL = 1e-9


def cases(rng):
    def table(steps, *shape):
        return np.round(rng.normal(size=(steps, *shape)) + 0.2, 2)

    return [
        Case("the very first step", np.array([1.0, -2.0]), np.array([[0.5, -4.0]]), lr=0.1),
        Case("two steps", np.array([1.0, -2.0]), np.array([[0.5, -4.0], [0.25, 1.0]]), lr=0.1),
        Case("seven steps on a table of weights", table(1, 2, 3)[0], table(7, 2, 3)),
        Case("a weight whose gradient is 0", np.array([1.0, -2.0]), np.array([[0.0, 0.5], [0.0, -1.0]]), lr=0.1),
        Case("no memory for the mean: a beta of 0", table(1, 3)[0], table(4, 3), lr=0.01, betas=(0.0, 0.9)),
        Case("many steps", table(1, 2)[0], table(30, 2), lr=0.05),
        Case("gradients in the thousands, three dimensions", table(1, 2, 1, 2)[0], 1000 * table(3, 2, 1, 2), lr=0.05),
        Case("other betas", table(1, 3)[0], table(4, 3), lr=0.01, betas=(0.5, 0.9)),
        Case("gradients so small that eps counts", table(1, 3)[0], table(3, 3) * 1e-8, lr=0.01),
        Case("a large eps", table(1, 3)[0], table(3, 3), lr=0.01, eps=0.1),
    ]


def given(w, grads, **settings):
    words = "".join(f", {name} = {value}" for name, value in settings.items())
    steps = "one step" if len(grads) == 1 else f"{len(grads)} steps"
    return f"{steps} from w = {w.tolist()} with m = v = 0, gradients {grads.tolist()}{words}"


def run(answer, w, grads, **settings):
    m, v, changed = np.zeros_like(w), np.zeros_like(w), set()
    for t, g in enumerate(grads, start=1):
        handed = {"w": w, "g": g, "m": m, "v": v}
        before = {name: array.copy() for name, array in handed.items()}
        found = answer(w, g, m, v, t, **settings)
        changed |= {name for name, array in handed.items() if not np.array_equal(array, before[name], equal_nan=True)}
        if not isinstance(found, tuple | list) or len(found) != 3 or not all(isinstance(a, np.ndarray) for a in found):
            return found
        w, m, v = found
    return w, m, v, " and ".join(sorted(changed)) or "none"


def oracle(w, grads, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    weights = torch.tensor(w, requires_grad=True)
    optimizer = torch.optim.Adam([weights], lr=lr, betas=betas, eps=eps)
    for g in grads:
        weights.grad = torch.tensor(g)
        optimizer.step()
    state = optimizer.state[weights]
    return weights.detach().numpy(), state["exp_avg"].numpy(), state["exp_avg_sq"].numpy(), "none"
