def broadcast_shape(a, b):
    sizes = []
    for back in range(1, max(len(a), len(b)) + 1):
        m, n = a[-back], b[-back]
        if m != n and m != 1 and n != 1:
            raise ValueError(f"sizes {m} and {n} do not fit together")
        sizes.append(n if m == 1 else m)
    return tuple(reversed(sizes))
