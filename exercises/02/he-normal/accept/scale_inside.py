import numpy as np


def he_normal(shape, rng, slope=0.0):
    window = np.prod(shape[2:], dtype=int)
    variance = 2.0 / ((1 + slope * slope) * shape[1] * window)
    return rng.normal(0.0, variance**0.5, shape)
