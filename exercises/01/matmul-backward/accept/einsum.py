import numpy as np


def matmul_backward(grad, a, b):
    return np.einsum("nm,km->nk", grad, b), np.einsum("nk,nm->km", a, grad)
