def matmul_backward(grad, a, b):
    return grad @ b, a @ grad
