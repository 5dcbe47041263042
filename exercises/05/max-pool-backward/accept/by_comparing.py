import numpy as np


def max_pool_backward(x, grad, kernel, stride):
    result = np.zeros_like(x)
    for i in range(grad.shape[0]):
        for j in range(grad.shape[1]):
            best, place = -np.inf, None
            for row in range(i * stride, i * stride + kernel):
                for column in range(j * stride, j * stride + kernel):
                    if x[row, column] > best:
                        best, place = x[row, column], (row, column)
            result[place] = result[place] + grad[i, j]
    return result
