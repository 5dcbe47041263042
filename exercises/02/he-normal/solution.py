import math


def he_normal(shape, rng, slope=0.0):
    """Return random weights of `shape` (out, in, ...) such that a layer followed by ReLU keeps the signal's size.

    Normal numbers around 0, in float64, each drawn from the generator `rng`, the only source of chance. Dimensions
    after the second belong to one filter's window. `slope` is what the activation multiplies negative numbers with: 0
    for ReLU, 0.01 for LeakyReLU.
    """
    fan_in = math.prod(shape[1:])
    gain = math.sqrt(2 / (1 + slope**2))
    return rng.normal(size=shape) * gain / math.sqrt(fan_in)
