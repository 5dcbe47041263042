import numpy as np


def he_normal(shape, rng, slope=0.0):
    fan_in = 1
    for size in shape[1:]:
        fan_in *= size
    numbers = rng.standard_normal(shape[::-1]).T
    return np.ascontiguousarray(numbers) * np.sqrt(2 / fan_in) / np.sqrt(1 + slope**2)
