def broadcast_shape(a, b):
    """Return the shape of `x + y` for `x` of shape `a` and `y` of shape `b`, as a tuple.

    Raises ValueError if the two do not fit together.

    >>> broadcast_shape((3, 1), (4,))
    (3, 4)
    """
    # 1. Bring both to the same length: what is missing counts as 1.
    ndim = max(len(a), len(b))
    a = (1,) * (ndim - len(a)) + tuple(a)
    b = (1,) * (ndim - len(b)) + tuple(b)
    # 2. Go through the pairs of sizes.
    result = []
    for m, n in zip(a, b):
        if m != n and m != 1 and n != 1:
            raise ValueError(f"sizes {m} and {n} do not fit together")
        result.append(n if m == 1 else m)
    return tuple(result)
