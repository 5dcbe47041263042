import math


def bias_that_keeps(share, steps):
    gate = share ** (1 / steps)
    return math.log(gate) - math.log(1 - gate)
