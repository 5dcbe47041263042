import numpy as np


def bce_with_logits(z, y):
    """Return the binary cross-entropy of each score `z` with its target `y` (0 to 1), same shape, for any finite z.

    >>> bce_with_logits(np.array([0.0, 800.0]), np.array([1.0, 0.0])).round(4).tolist()
    [0.6931, 800.0]
    """
    # log(1 + e^z) = max(z, 0) + log(1 + e^-|z|): the exponential now lies between 0 and 1
    return np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))
