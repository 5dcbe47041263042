import numpy as np


def perceptron_update(w, b, x, label):
    total = b
    for wi, xi in zip(w, x):
        total += wi * xi
    error = label - (1 if total > 0 else 0)
    return np.array([wi + error * xi for wi, xi in zip(w, x)]), b + error
