"""Oracle: PyTorch's own fan and gain. What is compared are properties of many draws: mean, deviation, tails."""

import numpy as np
import torch

from dlstudy.course.checking import Case

RTOL, ATOL = 0.03, 0.02


def cases(rng):
    return [
        Case("a linear layer, 300 inputs, 200 outputs", (200, 300)),
        Case("the same the other way round", (300, 200)),
        Case("few inputs, many outputs", (20_000, 4)),
        Case("a convolution: 64 filters that see 16 channels, 5 by 5", (64, 16, 5, 5)),
        Case("before a LeakyReLU of slope 0.5", (200, 300), 0.5),
        Case("before a LeakyReLU of slope 1, which is no activation at all", (200, 300), 1.0),
    ]


def run(answer, shape, slope=None):
    rng = np.random.default_rng(5)
    weight = answer(shape, rng) if slope is None else answer(shape, rng, slope)
    if not isinstance(weight, np.ndarray):
        return weight
    deviation = float(weight.std())
    scaled = (weight - weight.mean()) / deviation if deviation > 0 else weight
    return {
        "the shape": tuple(weight.shape),
        "the deviation times 100": deviation * 100,
        "the mean, in deviations": float(weight.mean()) / deviation if deviation > 0 else 0.0,
        "the share beyond two deviations": float((abs(scaled) > 2).mean()),
        "the dtype": str(weight.dtype),
    }


def oracle(shape, slope=None):
    fan_in, _ = torch.nn.init._calculate_fan_in_and_fan_out(torch.empty(shape))
    gain = torch.nn.init.calculate_gain("leaky_relu", slope or 0.0)
    return {
        "the shape": tuple(shape),
        "the deviation times 100": 100 * gain / fan_in**0.5,
        "the mean, in deviations": 0.0,
        "the share beyond two deviations": 0.0455,
        "the dtype": "float64",
    }


def given(shape, slope=None):
    return f"shape = {shape}" + ("" if slope is None else f", slope = {slope}")
