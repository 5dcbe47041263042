import numpy as np


def conv_weight_grad(x, grad, kernel, stride=1):
    """Return the gradient of a convolution's weight: (F, C, kernel, kernel), in the dtype of `x`.

    x (N, C, H, W) went into the layer (no padding), and `grad` (N, F, out_h, out_w) arrived at what came out.
    """
    channels = x.shape[1]
    _, kernels, out_h, out_w = grad.shape
    result = np.zeros((kernels, channels, kernel, kernel), dtype=x.dtype)
    for u, v in np.ndindex(kernel, kernel):
        # Every pixel that the weights at place (u, v) have met.
        met = x[:, :, u : u + out_h * stride : stride, v : v + out_w * stride : stride]
        result[:, :, u, v] = np.einsum("nfij,ncij->fc", grad, met)
    return result
