def fold_linear(layers):
    """Return the weight and the bias of the one linear layer that does what `layers` do one after another.

    Each layer is a pair (weight, bias) of arrays, (out, in) and (out,), and gives weight @ x + bias; the first of the
    list is used first.

    >>> first, second = (np.array([[2.0]]), np.array([1.0])), (np.array([[3.0]]), np.array([5.0]))
    >>> weight, bias = fold_linear([first, second])  # 3 (2x + 1) + 5
    >>> weight.tolist(), bias.tolist()
    ([[6.0]], [8.0])
    """
    weight, bias = layers[0]
    for next_weight, next_bias in layers[1:]:
        weight = next_weight @ weight
        bias = next_weight @ bias + next_bias
    return weight, bias
