def receptive_field(layers):
    """Return how many input pixels, along one side, lie from the first to the last that a number after `layers` sees.

    Both count, and so do pixels between them that strides or dilations leave out.

    `layers` lists (kernel, stride, dilation) from the input to the output; pooling counts as a layer, too.

    >>> receptive_field([(3, 1, 1), (3, 1, 1)])
    5
    """
    field, jump = 1, 1
    for kernel, stride, dilation in layers:
        field += (kernel - 1) * dilation * jump
        jump *= stride
    return field
