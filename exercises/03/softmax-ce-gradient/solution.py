import numpy as np


def cross_entropy_grad(scores, labels):
    """Return the gradient of the mean cross-entropy along `scores` (N, C); `labels` (N,) holds the right classes.

    >>> cross_entropy_grad(np.array([[0.0, 0.0]]), np.array([1])).tolist()
    [[0.5, -0.5]]
    """
    n = len(labels)
    grad = np.exp(scores - scores.max(axis=1, keepdims=True))
    grad /= grad.sum(axis=1, keepdims=True)  # now p, the softmax of each row
    grad[np.arange(n), labels] -= 1
    return grad / n
