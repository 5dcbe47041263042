def softmax_vjp(grad, p):
    """Return the gradient along the scores (N, C), given `p` (N, C), their softmax row by row, and `grad` (N, C).

    `grad` is the gradient that arrives at `p`.

    >>> softmax_vjp(np.array([[1.0, 0.0]]), np.array([[0.5, 0.5]])).tolist()
    [[0.25, -0.25]]
    """
    average = (grad * p).sum(axis=1, keepdims=True)  # (N, 1): what arrives on average, weighted by p
    return p * (grad - average)
