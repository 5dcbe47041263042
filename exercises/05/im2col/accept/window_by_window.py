import numpy as np


def im2col(x, kernel, stride=1, padding=0):
    n, c, height, width = x.shape
    padded = np.zeros((n, c, height + 2 * padding, width + 2 * padding), dtype=x.dtype)
    padded[:, :, padding : padding + height, padding : padding + width] = x
    columns = []
    for top in range(0, padded.shape[2] - kernel + 1, stride):
        for left in range(0, padded.shape[3] - kernel + 1, stride):
            window = padded[:, :, top : top + kernel, left : left + kernel]
            columns.append(window.reshape(n, -1))
    return np.stack(columns, axis=-1)
