import numpy as np


def softmax(scores):
    """Return the probabilities of `scores` (N, C): positive, and each row adds up to 1."""
    shifted = scores - scores.max(axis=1, keepdims=True)
    powers = np.exp(shifted)
    return powers / powers.sum(axis=1, keepdims=True)
