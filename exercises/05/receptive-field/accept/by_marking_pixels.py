def receptive_field(layers):
    first, last = 0, 0
    for kernel, stride, dilation in layers[::-1]:
        first = first * stride
        last = last * stride + dilation * (kernel - 1)
    return last - first + 1
