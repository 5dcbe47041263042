import numpy as np


def loss_and_gradients(x, target, weight, bias):
    loss, grad_weight, grad_bias = 0.0, np.zeros_like(weight), np.zeros_like(bias)
    for row, wanted in zip(x, target):
        error = weight @ row + bias - wanted
        loss += (error**2).sum() / len(x)
        grad_weight += 2 * np.outer(error, row) / len(x)
        grad_bias += 2 * error / len(x)
    return loss, grad_weight, grad_bias
