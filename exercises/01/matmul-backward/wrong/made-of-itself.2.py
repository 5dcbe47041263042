def matmul_backward(grad, a, b):
    return grad @ a.T, a.T @ grad
