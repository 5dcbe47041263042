def matmul_backward(grad, a, b):
    return b.T, a.T
