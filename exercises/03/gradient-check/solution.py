def wrong_slopes(f, x, grad):
    """Return the places at which `grad` is not the gradient of `f` at `x`, as a sorted list of flat positions.

    `f` takes an array like `x` (float64) and returns a number; `grad` has the shape of `x` and holds finite numbers.
    `f` may curve, jitter in its last digits and be of any scale: two slopes agree if they differ by less than a
    thousandth of the larger one, or by less than 1e-7. `x` and `grad` are left as they are.
    """
    wrong = []
    for i in range(x.size):
        eps = 1e-5 * max(1.0, abs(x.flat[i]))
        up, down = x.copy(), x.copy()
        up.flat[i] += eps
        down.flat[i] -= eps
        slope = (f(up) - f(down)) / (2 * eps)
        claimed = grad.flat[i]
        if abs(slope - claimed) > max(1e-3 * max(abs(slope), abs(claimed)), 1e-7):
            wrong.append(i)
    return wrong
