"""Printing tensors."""

import numpy as np

from .tensor import Tensor


def format_tensor(t: Tensor) -> str:
    """Return the tensor as torch prints it."""
    text = np.array2string(t._data, separator=", ", prefix="tensor(", precision=4)
    end = f", grad_fn=<{t.grad_fn.name()}>" if t.grad_fn is not None else ", requires_grad=True" if t.requires_grad else ""
    return f"tensor({text}{end})"
