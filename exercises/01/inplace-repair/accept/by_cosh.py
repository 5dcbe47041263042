import numpy as np


def inplace_repair(x, w):
    product = np.multiply(x, w)
    slope = 1 / np.cosh(product) ** 2
    return np.sum(np.tanh(product)), w * slope, x * slope
