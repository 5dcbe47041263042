import numpy as np


def sum_to_shape(grad, shape):
    padded = (1,) * (grad.ndim - len(shape)) + tuple(shape)
    result = np.zeros(padded, dtype=grad.dtype)
    for index in np.ndindex(grad.shape):
        result[tuple(0 if size == 1 else i for i, size in zip(index, padded))] += grad[index]
    return result.reshape(shape)
