import numpy as np


def matmul_backward(grad, a, b):
    grad_a, grad_b = np.zeros_like(a), np.zeros_like(b)
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            grad_a[i] += grad[i, j] * b[:, j]
            grad_b[:, j] += grad[i, j] * a[i]
    return grad_a, grad_b
