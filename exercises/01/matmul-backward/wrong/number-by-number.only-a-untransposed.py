def matmul_backward(grad, a, b):
    return b * grad, a.T @ grad
