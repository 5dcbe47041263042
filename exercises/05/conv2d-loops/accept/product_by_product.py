import numpy as np


def conv2d_loops(x, weight, bias, stride=1, padding=0):
    images, channels, height, width = x.shape
    kernels, _, kh, kw = weight.shape
    padded = np.zeros((images, channels, height + 2 * padding, width + 2 * padding), dtype=x.dtype)
    padded[:, :, padding : padding + height, padding : padding + width] = x
    out_h = (height + 2 * padding - kh) // stride + 1
    out_w = (width + 2 * padding - kw) // stride + 1
    y = np.zeros((images, kernels, out_h, out_w), dtype=x.dtype)
    for n in range(images):
        for f in range(kernels):
            for i in range(out_h):
                for j in range(out_w):
                    y[n, f, i, j] = bias[f]
                    for c in range(channels):
                        for u in range(kh):
                            for v in range(kw):
                                y[n, f, i, j] += padded[n, c, i * stride + u, j * stride + v] * weight[f, c, u, v]
    return y
