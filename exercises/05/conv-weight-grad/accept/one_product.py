import numpy as np


def conv_weight_grad(x, grad, kernel, stride=1):
    windows = np.lib.stride_tricks.sliding_window_view(x, (kernel, kernel), axis=(2, 3))
    windows = windows[:, :, ::stride, ::stride][:, :, : grad.shape[2], : grad.shape[3]]
    return np.ascontiguousarray(np.tensordot(grad, windows, axes=((0, 2, 3), (0, 2, 3))))
