def linear_backward(grad, x, weight):
    """Return the gradients of `x` (N, in), `weight` (out, in) and the bias (out,) of `x @ weight.T + bias`.

    `grad` (N, out) is the gradient that arrives at the layer's result.
    """
    grad_x = grad @ weight  # (N, out) @ (out, in)
    grad_weight = grad.T @ x  # (out, N) @ (N, in)
    grad_bias = grad.sum(axis=0)  # one number for each output: its copies in N rows add up
    return grad_x, grad_weight, grad_bias
