def conv_cost(size, in_channels, out_channels, kernel, stride=1, padding=0, groups=1):
    side = 1 + (size - kernel + padding + padding) // stride
    parameters = sum((out_channels // groups) * (in_channels // groups) * kernel * kernel for _ in range(groups))
    return parameters, side * side * parameters
