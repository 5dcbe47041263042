"""Convolution written to be read: as loops, and as one matrix product. `flat.py` and its neighbours are for speed.

What deep learning calls convolution is cross-correlation: the kernel is not flipped. Shapes: input x (N, C, H, W),
kernels w (F, C / groups, K, L), result y (N, F, Ho, Wo). All functions take and return NumPy arrays.
"""

import numpy as np

from dlstudy.scratch.types import Array

from .geometry import output_size


def pad(x: Array, padding: int) -> Array:
    """Return x (N, C, H, W) in a frame of zeros, `padding` wide."""
    return np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))


def conv2d_loops(
    x: Array, w: Array, b: Array | None = None, stride: int = 1, padding: int = 0, dilation: int = 1, groups: int = 1
) -> Array:
    """Return the convolution of x with w, one output number at a time: four loops around a product and a sum.

    Proven equal to `torch.nn.functional.conv2d`.
    """
    N, _, H, W = x.shape
    F, C_group, K, L = w.shape
    Ho = output_size(H, K, stride, padding, dilation)
    Wo = output_size(W, L, stride, padding, dilation)
    x = pad(x, padding)
    y = np.empty((N, F, Ho, Wo), x.dtype)
    for n in range(N):
        for f in range(F):
            start = f // (F // groups) * C_group
            channels = slice(start, start + C_group)
            for i in range(Ho):
                rows = slice(i * stride, i * stride + dilation * (K - 1) + 1, dilation)
                for j in range(Wo):
                    cols = slice(j * stride, j * stride + dilation * (L - 1) + 1, dilation)
                    y[n, f, i, j] = (x[n, channels, rows, cols] * w[f]).sum()
    return y if b is None else y + b[:, None, None]


def windows(x: Array, kernel: tuple[int, int], stride: int = 1, padding: int = 0, dilation: int = 1) -> Array:
    """Return all windows that a kernel sees: a view (N, C, K, L, Ho, Wo) of the padded input, nothing copied.

    windows[n, c, k, l, i, j] is the number under tap (k, l) when the kernel stands at place (i, j).
    """
    K, L = kernel
    reach = (dilation * (K - 1) + 1, dilation * (L - 1) + 1)
    x = pad(x, padding)
    view = np.lib.stride_tricks.sliding_window_view(x, reach, (2, 3))
    view = view[:, :, ::stride, ::stride, ::dilation, ::dilation]
    return view.transpose(0, 1, 4, 5, 2, 3)


def im2col(x: Array, kernel: tuple[int, int], stride: int = 1, padding: int = 0, dilation: int = 1) -> Array:
    """Return (N, C * K * L, Ho * Wo): each window as a column. Proven equal to `torch.nn.functional.unfold`."""
    view = windows(x, kernel, stride, padding, dilation)
    N, C, K, L, Ho, Wo = view.shape
    return view.reshape(N, C * K * L, Ho * Wo)  # the copy happens here


def conv2d_im2col(
    x: Array, w: Array, b: Array | None = None, stride: int = 1, padding: int = 0, dilation: int = 1, groups: int = 1
) -> Array:
    """Return the convolution of x with w as a matrix product: kernels as rows times windows as columns.

    Source: Chellapilla, Puri and Simard, "High Performance Convolutional Neural Networks for Document Processing"
    (2006). Proven equal to `torch.nn.functional.conv2d`.
    """
    N, C, H, W = x.shape
    F, _, K, L = w.shape
    Ho = output_size(H, K, stride, padding, dilation)
    Wo = output_size(W, L, stride, padding, dilation)
    columns = im2col(x, (K, L), stride, padding, dilation)
    columns = columns.reshape(N, groups, C // groups * K * L, Ho * Wo)
    rows = w.reshape(groups, F // groups, C // groups * K * L)
    y = (rows @ columns).reshape(N, F, Ho, Wo)
    return y if b is None else y + b[:, None, None]


def col2im(
    columns: Array,
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
) -> Array:
    """Return (N, C, H, W): each column put back where `im2col` took it from, and added up where windows overlap.

    Not the inverse of `im2col` but its transpose, which is what the backward pass needs. Proven equal to
    `torch.nn.functional.fold`.
    """
    (H, W), (K, L) = size, kernel
    Ho = output_size(H, K, stride, padding, dilation)
    Wo = output_size(W, L, stride, padding, dilation)
    N, C = len(columns), columns.shape[1] // (K * L)
    columns = columns.reshape(N, C, K, L, Ho, Wo)
    x = np.zeros((N, C, H + 2 * padding, W + 2 * padding), columns.dtype)
    for k in range(K):
        for m in range(L):
            top, left = k * dilation, m * dilation
            rows = slice(top, top + stride * (Ho - 1) + 1, stride)
            cols = slice(left, left + stride * (Wo - 1) + 1, stride)
            x[:, :, rows, cols] += columns[:, :, k, m]
    return x[:, :, padding : padding + H, padding : padding + W]


def conv2d_backward(
    grad: Array, x: Array, w: Array, stride: int = 1, padding: int = 0, dilation: int = 1, groups: int = 1
) -> tuple[Array, Array, Array]:
    """Return the gradients of x, w and b for grad (N, F, Ho, Wo), that of y: the backward pass of a matrix product.

    Proven equal to autograd through `torch.nn.functional.conv2d`.
    """
    N, C, H, W = x.shape
    F, C_group, K, L = w.shape
    Ho, Wo = grad.shape[2:]
    columns = im2col(x, (K, L), stride, padding, dilation)
    columns = columns.reshape(N, groups, C_group * K * L, Ho * Wo)
    rows = w.reshape(groups, F // groups, C_group * K * L)
    g = grad.reshape(N, groups, F // groups, Ho * Wo)

    grad_w = (g @ columns.mT).sum(0).reshape(w.shape)
    grad_columns = (rows.mT @ g).reshape(N, C * K * L, Ho * Wo)
    grad_x = col2im(grad_columns, (H, W), (K, L), stride, padding, dilation)
    grad_b = grad.sum((0, 2, 3))
    return grad_x, grad_w, grad_b


def max_pool2d_windows(x: Array, kernel: int, stride: int | None = None) -> Array:
    """Return the largest number of each window, (N, C, Ho, Wo). Proven equal to `torch.nn.functional.max_pool2d`."""
    return windows(x, (kernel, kernel), stride or kernel).max((2, 3))


def max_pool2d_backward(grad: Array, x: Array, kernel: int, stride: int | None = None) -> Array:
    """Return the gradient of x: each number of grad (N, C, Ho, Wo) goes to the place its maximum came from.

    If a window holds its maximum twice, the first in reading order gets it all, as in torch.
    """
    stride = stride or kernel
    N, C, Ho, Wo = grad.shape
    view = windows(x, (kernel, kernel), stride)
    winner = view.reshape(N, C, kernel * kernel, Ho, Wo).argmax(2)
    columns = np.zeros((N, C, kernel * kernel, Ho, Wo), grad.dtype)
    np.put_along_axis(columns, winner[:, :, None], grad[:, :, None], axis=2)
    return col2im(columns.reshape(N, C * kernel * kernel, Ho * Wo), x.shape[2:], (kernel, kernel), stride)
