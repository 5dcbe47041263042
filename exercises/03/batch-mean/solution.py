def loss_and_gradients(x, target, weight, bias):
    """Return the loss of a linear layer and the gradients of `weight` (out, in) and `bias` (out,).

    The loss adds the squared errors over the outputs and takes the mean over the N examples; `x` (N, in),
    `target` (N, out).
    """
    n = len(x)
    error = x @ weight.T + bias - target  # (N, out)
    loss = (error**2).sum() / n
    grad = 2 * error / n
    grad_weight = grad.T @ x
    grad_bias = grad.sum(axis=0)
    return loss, grad_weight, grad_bias
