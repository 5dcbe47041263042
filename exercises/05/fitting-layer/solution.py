def fitting_layer(job):
    """Return (kernel_size, stride, padding, dilation) of the layer that does `job`."""
    layers = {
        "keep 28 x 28 under a 5 x 5 kernel": (5, 1, 2, 1),
        "halve 32 x 32 with a 3 x 3 kernel": (3, 2, 1, 1),
        "cut 224 x 224 into 14 x 14 tiles": (16, 16, 0, 1),
        "mix the channels, pixel by pixel": (1, 1, 0, 1),
        "see 9 x 9 with nine weights, keep 20 x 20": (3, 1, 4, 4),
        "turn 5 x 5 into one number": (5, 1, 0, 1),
    }
    return layers[job]
