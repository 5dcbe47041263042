import numpy as np


def inplace_repair(x, w):
    x = x.copy()
    product = x
    product *= w
    t = np.tanh(product)
    slope = 1 - t * t
    return t.sum(), slope * w, slope * x
