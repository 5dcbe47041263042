def broadcast_shape(a, b):
    while len(a) < len(b):
        a = (1, *a)
    while len(b) < len(a):
        b = (1, *b)
    sizes = []
    for m, n in zip(a, b):
        if m == n or n == 1:
            sizes.append(m)
        elif m == 1:
            sizes.append(n)
    return tuple(sizes)
