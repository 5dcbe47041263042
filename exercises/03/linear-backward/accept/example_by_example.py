import numpy as np


def linear_backward(grad, x, weight):
    grad_x, grad_weight, grad_bias = np.empty_like(x), np.zeros_like(weight), np.zeros(len(weight))
    for n in range(len(x)):
        grad_x[n] = weight.T @ grad[n]
        grad_weight += np.outer(grad[n], x[n])
        grad_bias += grad[n]
    return grad_x, grad_weight, grad_bias
