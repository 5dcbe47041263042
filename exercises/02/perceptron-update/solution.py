def perceptron_update(w, b, x, label):
    """Return the weights (d,) and the bias of a perceptron after it has looked at one example `x` (d,).

    `label` is what it should have said, 0 or 1. A right guess changes nothing.

    >>> w, b = perceptron_update(np.array([1.0, -3.0]), 0.5, np.array([1.0, 2.0]), label=1)
    >>> w.tolist(), b
    ([2.0, -1.0], 1.5)
    """
    guess = int(w @ x + b > 0)
    error = label - guess  # 0 when right, 1 for a wrong no, -1 for a wrong yes
    w = w + error * x
    b = b + error
    return w, b
