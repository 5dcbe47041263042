def broadcast_shape(a, b):
    def size(shape, back):
        return shape[-back] if back <= len(shape) else 1

    result = ()
    for back in range(1, max(len(a), len(b)) + 1):
        m, n = size(a, back), size(b, back)
        if 1 not in (m, n) and m != n:
            raise ValueError(f"{m} and {n}")
        result = (m if n == 1 else n, *result)
    return result
