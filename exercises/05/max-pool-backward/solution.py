import numpy as np


def max_pool_backward(x, grad, kernel, stride):
    """Return the gradient of `x` (H, W), given `grad` (out_h, out_w), which arrived at the maxima of its windows."""
    result = np.zeros_like(x)
    for i, j in np.ndindex(grad.shape):
        top, left = i * stride, j * stride
        window = x[top : top + kernel, left : left + kernel]
        u, v = np.unravel_index(window.argmax(), window.shape)
        result[top + u, left + v] += grad[i, j]
    return result
