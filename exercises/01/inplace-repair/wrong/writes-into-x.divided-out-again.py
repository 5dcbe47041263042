import numpy as np


def inplace_repair(x, w):
    product = x
    product *= w
    t = np.tanh(product)
    slope = 1 - t * t
    grad_x = slope * w
    grad_w = slope * x / w
    return t.sum(), grad_x, grad_w
