"""Oracle: PyTorch's own scaling on the mask that the noise dictates, its backward pass, and numbers by hand."""

import numpy as np
import torch

from dlstudy.course.checking import Case


def cases(rng):
    def array(*shape):
        return np.round(rng.normal(size=shape) + 0.3, 2)

    four, noise = np.array([1.0, -2.0, 3.0, 4.0]), np.array([0.1, 0.6, 0.49, 0.9])
    return [
        Case("four numbers, one half", four, 0.5, True, noise, expected=np.array([0.0, -4.0, 0.0, 8.0])),
        Case("the same in use", four, 0.5, False, noise, expected=four.copy()),
        Case("a table, p = 0.2", array(3, 4), 0.2, True, rng.random((3, 4))),
        Case("a table, p = 0.8", array(3, 4), 0.8, True, rng.random((3, 4))),
        Case(
            "a batch in float32", array(2, 3, 4).astype(np.float32), 0.3, True, rng.random((2, 3, 4)).astype(np.float32)
        ),
        Case(
            "a noise that equals p is not below it",
            np.array([1.0, 2.0, -3.0, 0.5]),
            0.25,
            True,
            np.array([0.25, 0.0, 0.24, 0.26]),
            expected=np.array([4 / 3, 0.0, 0.0, 2 / 3]),
        ),
        Case("float32 numbers and float64 noise", array(3, 3).astype(np.float32), 0.4, True, rng.random((3, 3))),
        Case("nothing to drop, and a noise of exactly 0", array(3), 0.0, True, np.array([0.0, 0.5, 0.9])),
        Case("all of it, in use", array(4), 1.0, False, rng.random(4)),
        Case("a table of one row", array(1, 4), 0.5, True, rng.random((1, 4))),
        Case("a transposed table", array(2, 3).T, 0.5, True, rng.random((2, 3)).T),
        Case("nothing to drop", array(5), 0.0, True, rng.random(5)),
        Case("all of it", array(5), 1.0, True, rng.random(5)),
        Case("a table in use, p = 0.2", array(2, 3), 0.2, False, rng.random((2, 3))),
    ]


def run(answer, x, p, training, noise):
    with np.errstate(all="ignore"):
        return np.array(answer(x, p, training, noise))


def oracle(x, p, training, noise):
    """Dropout is linear: row by row, what goes through is x times a factor that is 0 or what torch scales ones by."""
    if not training:
        return x
    torch.manual_seed(0)
    kept = torch.nn.functional.dropout(torch.ones(1000, dtype=torch.float64), p).max().item()
    factors = [0.0 if r < p else kept for r in noise.ravel().tolist()]
    scaled = [value * factor if factor else 0.0 for value, factor in zip(x.ravel().tolist(), factors)]
    return np.array(scaled, x.dtype).reshape(x.shape)
