import numpy as np


def conv_weight_grad(x, grad, kernel, stride=1):
    result = np.zeros((grad.shape[1], x.shape[1], kernel, kernel), dtype=x.dtype)
    for n, f, i, j in np.ndindex(grad.shape):
        top, left = i * stride, j * stride
        result[f] += grad[n, f, i, j] * x[n, :, top : top + kernel, left : left + kernel]
    return result
