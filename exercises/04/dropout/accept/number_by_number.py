import numpy as np


def dropout(x, p, training, noise):
    result = np.array(x)
    if training:
        for place in np.ndindex(*x.shape):
            result[place] = 0 if noise[place] < p else result[place] / (1 - p)
    return result
