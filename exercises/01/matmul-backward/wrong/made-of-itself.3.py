def matmul_backward(grad, a, b):
    return a.T @ grad, a.T @ grad
