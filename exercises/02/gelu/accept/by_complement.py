import math

import numpy as np


def gelu(x):
    phi = np.vectorize(lambda v: 0.5 * math.erfc(-v / 2**0.5))(x)
    bell = (2 * np.pi) ** -0.5 * np.exp(-0.5 * x**2)
    return phi * x, phi + bell * x
