from itertools import zip_longest


def broadcast_shape(a, b):
    sizes = []
    for m, n in zip_longest(reversed(a), reversed(b), fillvalue=1):
        if m == 1:
            sizes.append(n)
        elif n in (1, m):
            sizes.append(m)
        else:
            raise ValueError("no fit")
    return tuple(sizes[::-1])
