import numpy as np


def bce_with_logits(z, y):
    small = np.log1p(np.exp(-np.abs(z)))
    yes = small + np.maximum(-z, 0)
    no = small + np.maximum(z, 0)
    return y * yes + (1 - y) * no
