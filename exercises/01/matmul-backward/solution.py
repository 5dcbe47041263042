def matmul_backward(grad, a, b):
    """Return the gradients of `a` (n, k) and `b` (k, m), given `grad`, the gradient of `a @ b` (n, m)."""
    grad_a = grad @ b.T  # (n, m) @ (m, k) -> (n, k)
    grad_b = a.T @ grad  # (k, n) @ (n, m) -> (k, m)
    return grad_a, grad_b
