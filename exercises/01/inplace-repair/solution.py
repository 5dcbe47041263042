import numpy as np


def inplace_repair(x, w):
    """Return the loss sum(tanh(x * w)) and its gradients with respect to `x` and `w`, arrays of one shape."""
    # forward
    product = x * w
    t = np.tanh(product)
    # backward
    slope = 1 - t * t
    grad_x = slope * w
    grad_w = slope * x
    return t.sum(), grad_x, grad_w
