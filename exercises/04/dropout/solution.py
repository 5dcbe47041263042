import numpy as np


def dropout(x, p, training, noise):
    """Return `x` with each number dropped with probability `p` while `training`, and the rest scaled up to make up.

    `noise` has the shape of `x` and holds random numbers, all equally likely from 0 up to 1: a number is dropped where
    its `noise` is below `p`. When not training, nothing is dropped and nothing scaled. `p` may be 1.
    The result has the dtype of `x`, whatever that of the noise.
    """
    if not training:
        return x
    if p == 1:
        return np.zeros_like(x)
    return np.where(noise < p, 0, x / (1 - p)).astype(x.dtype)
