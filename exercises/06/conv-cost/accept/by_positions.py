import math


def conv_cost(size, in_channels, out_channels, kernel, stride=1, padding=0, groups=1):
    weights_of_a_kernel = kernel**2 * in_channels // groups
    places = len(range(0, size + 2 * padding - kernel + 1, stride)) ** 2
    return math.prod((out_channels, weights_of_a_kernel)), places * out_channels * weights_of_a_kernel
