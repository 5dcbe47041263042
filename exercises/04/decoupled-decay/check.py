"""Oracle: torch.optim.AdamW in float64 is given the same gradients, one after the other, from the same start."""

import numpy as np
import torch

from dlstudy.course.checking import Case

PARTS = ("w", "m", "v", "the arrays that were changed in place")
RTOL = 1e-9


def cases(rng):
    def table(steps, *shape):
        return np.round(rng.normal(size=(steps, *shape)) + 0.2, 2)

    return [
        Case("one step", np.array([1.0, -2.0]), np.array([[0.5, -4.0]]), lr=0.1, decay=0.5),
        Case(
            "gradients of very different sizes", np.array([1.0, 1.0]), np.array([[100.0, 0.01]] * 3), lr=0.01, decay=1.0
        ),
        Case("five steps on a table of weights", table(1, 2, 3)[0], table(5, 2, 3), lr=0.02, decay=0.3),
        Case("a weight whose gradient is 0", np.array([1.0, -2.0]), np.array([[0.0, 0.5]] * 2), lr=0.1, decay=0.5),
        Case("a weight of 0", np.array([0.0, 3.0]), table(3, 2), lr=0.1, decay=0.5),
        Case("no decay at all", table(1, 4)[0], table(3, 4), lr=0.02, decay=0.0),
        Case("the usual settings", table(1, 4)[0], table(6, 4)),
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


def oracle(w, grads, lr=0.001, decay=0.01):
    weights = torch.tensor(w, requires_grad=True)
    optimizer = torch.optim.AdamW([weights], lr=lr, weight_decay=decay)
    for g in grads:
        weights.grad = torch.tensor(g)
        optimizer.step()
    state = optimizer.state[weights]
    return weights.detach().numpy(), state["exp_avg"].numpy(), state["exp_avg_sq"].numpy(), "none"
