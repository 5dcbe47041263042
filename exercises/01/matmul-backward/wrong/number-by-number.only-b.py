def matmul_backward(grad, a, b):
    return grad @ b.T, a.T * grad
