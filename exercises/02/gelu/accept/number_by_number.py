import math

import numpy as np


def gelu(x):
    value, slope = np.zeros(x.shape), np.zeros(x.shape)
    for place in np.ndindex(*x.shape):
        number = float(x[place])
        share = (1 + math.erf(number / math.sqrt(2))) / 2
        value[place] = number * share
        slope[place] = share + number * math.exp(-number * number / 2) / math.sqrt(2 * math.pi)
    return value, slope
