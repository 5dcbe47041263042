import math


def bias_that_keeps(share, steps):
    """Return the bias of a forget gate with which, of a gradient, `share` is left after `steps` steps back.

    The gate hears nothing but this bias, so that it is the sigmoid of it at every step. share lies between 0 and 1,
    both excluded; steps is at least 1.

    >>> bias_that_keeps(0.5, 1)
    0.0
    """
    # gate ** steps = share, so gate = exp(log(share) / steps); and the bias is log(gate / (1 - gate)).
    each = -math.log(share) / steps
    return -math.log(math.expm1(each))
