def matmul_backward(grad, a, b):
    return b.T @ grad, grad @ a.T
