import numpy as np


def im2col(x, kernel, stride=1, padding=0):
    """Return every window of `x` (N, C, H, W) as a column: (N, C * kernel * kernel, windows).

    A column lists the numbers of one window channel by channel, in each channel row by row. The columns follow the
    windows from left to right, then down. Equal to `torch.nn.functional.unfold`, and in the dtype of `x`.
    """
    images, channels, height, width = x.shape
    # 1. Put the zeros around the images.
    edge = (padding, padding)
    padded = np.pad(x, ((0, 0), (0, 0), edge, edge))
    # 2. How many windows fit, down and across?
    out_h = (height + 2 * padding - kernel) // stride + 1
    out_w = (width + 2 * padding - kernel) // stride + 1
    # 3. Fill in the columns. (Slow and clear: window by window. Fast: one slice for each place (u, v) in the kernel.)
    columns = np.zeros((images, channels, kernel, kernel, out_h, out_w), dtype=x.dtype)
    for u, v in np.ndindex(kernel, kernel):
        rows = slice(u, u + out_h * stride, stride)
        places = slice(v, v + out_w * stride, stride)
        columns[:, :, u, v] = padded[:, :, rows, places]
    return columns.reshape(images, channels * kernel * kernel, out_h * out_w)
