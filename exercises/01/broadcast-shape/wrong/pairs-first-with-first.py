def broadcast_shape(a, b):
    sizes = []
    for m, n in zip(a, b):
        if m == n or n == 1:
            sizes.append(m)
        elif m == 1:
            sizes.append(n)
        else:
            raise ValueError(f"{m} and {n} do not fit")
    return tuple(sizes)
