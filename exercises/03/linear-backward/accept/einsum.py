import numpy as np


def linear_backward(grad, x, weight):
    return np.einsum("no,oi->ni", grad, weight), np.einsum("no,ni->oi", grad, x), np.einsum("no->o", grad)
