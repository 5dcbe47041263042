"""Oracle: PyTorch's exact GELU and its own backward pass; at 0, where all is known, the values by hand."""

import numpy as np
import torch

from dlstudy.course.checking import Case

PARTS = ("the value", "the slope")
RTOL, ATOL = 1e-6, 1e-9


def cases(rng):
    return [
        Case("two and minus two", np.array([2.0, -2.0])),
        Case("zero, and very large numbers", np.array([0.0, 40.0, -40.0]),
             expected=(np.array([0.0, 40.0, -0.0]), np.array([0.5, 1.0, 0.0]))),
        Case("from -3 to 3", np.linspace(-3, 3, 13)),
        Case("three dimensions, not contiguous in memory", np.round(rng.normal(size=(2, 3, 2)), 2).T),
        Case("a table of one row", np.array([[0.5, -1.5, 3.0]])),
        Case("a table", np.round(rng.normal(size=(3, 4)), 2)),
    ]  # fmt: skip


def oracle(x):
    leaf = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    value = torch.nn.functional.gelu(leaf)
    value.sum().backward()
    return value.detach().numpy(), leaf.grad.numpy()
