def loss_and_gradients(x, target, weight, bias):
    error = x @ weight.T + bias - target
    loss = (error**2).sum(axis=1).mean()
    return loss, 2 * error.T @ x / len(x), 2 * error.mean(axis=0)
