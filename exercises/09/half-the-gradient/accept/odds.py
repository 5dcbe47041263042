import math


def bias_that_keeps(share, steps):
    inverse = math.pow(1 / share, 1 / steps)  # one over the gate
    return -math.log(inverse - 1)
