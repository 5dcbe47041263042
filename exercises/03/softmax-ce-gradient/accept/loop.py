import numpy as np


def cross_entropy_grad(scores, labels):
    n = len(labels)
    grad = np.exp(scores - scores.max(axis=1, keepdims=True))
    grad /= grad.sum(axis=1, keepdims=True)
    for i, label in enumerate(labels):
        grad[i, label] = grad[i, label] - 1
    return grad / n
