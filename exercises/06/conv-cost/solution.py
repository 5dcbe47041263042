def conv_cost(size, in_channels, out_channels, kernel, stride=1, padding=0, groups=1):
    """Return (parameters, multiply-adds) of a convolution without bias on one image of `size` x `size` pixels.

    >>> conv_cost(224, 3, 64, 7, stride=2, padding=3)
    (9408, 118013952)
    """
    parameters = out_channels * (in_channels // groups * kernel * kernel)
    side = (size + 2 * padding - kernel) // stride + 1
    return parameters, parameters * side * side
