import numpy as np


def inplace_repair(x, w):
    product = x.copy()
    product *= w
    t = np.tanh(product, out=product)
    slope = 1 - t * t
    return t.sum(), slope * w, slope * x
