import numpy as np


def conv2d_loops(x, weight, bias, stride=1, padding=0):
    """Return what a convolution layer makes of `x`: (N, F, out_h, out_w), worked out number by number.

    x (N, C, H, W) are images, weight (F, C, kh, kw) the kernels, bias (F,). `padding` zeros are put around each image,
    and the window moves `stride` places a step. Equal to `torch.nn.functional.conv2d`.
    """
    images, _, height, width = x.shape
    kernels, _, kh, kw = weight.shape
    edge = (padding, padding)
    padded = np.pad(x, ((0, 0), (0, 0), edge, edge))
    out_h = (height + 2 * padding - kh) // stride + 1
    out_w = (width + 2 * padding - kw) // stride + 1
    y = np.zeros((images, kernels, out_h, out_w), dtype=x.dtype)
    for n, f, i, j in np.ndindex(y.shape):
        top, left = i * stride, j * stride
        window = padded[n, :, top : top + kh, left : left + kw]
        y[n, f, i, j] = (window * weight[f]).sum() + bias[f]
    return y
