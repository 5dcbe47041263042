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
        Case("a convolution over a row: 100 filters, 30 channels, 7 places", (100, 30, 7)),
        Case("a convolution: 40 filters, 60 channels, 3 by 5", (40, 60, 3, 5)),
        Case("a single input", (60_000, 1)),
        Case("before a ReLU, said as a slope of 0", (200, 300), 0.0),
        Case("before a LeakyReLU of slope 0.5", (200, 300), 0.5),
        Case("before a LeakyReLU of slope 1, which is no activation at all", (200, 300), 1.0),
    ]


def run(answer, shape, slope=None):
    more = () if slope is None else (slope,)
    rng = np.random.default_rng(5)
    weight = answer(shape, rng, *more)
    if not isinstance(weight, np.ndarray) or weight.dtype.kind != "f":
        return weight
    second, again = answer(shape, rng, *more), answer(shape, np.random.default_rng(5), *more)
    deviation = float(weight.std())
    scaled = (weight - weight.mean()) / deviation if deviation > 0 else weight
    return {
        "the shape": tuple(weight.shape),
        "the deviation times 100": deviation * 100,
        "the mean, in deviations": float(weight.mean()) / deviation if deviation > 0 else 0.0,
        "the share beyond two deviations": float((abs(scaled) > 2).mean()),
        "the share beyond one deviation": float((abs(scaled) > 1).mean()),
        "the mean fourth power, in deviations": float((scaled**4).mean()),
        "the dtype": str(weight.dtype),
        "numbers that are drawn once and used again": "some" if np.unique(weight).size < weight.size else "none",
        "a second draw from rng": "the same" if np.array_equal(weight, second) else "another",
        "a generator like rng": "the same numbers" if np.array_equal(weight, again) else "other numbers",
    }


def oracle(shape, slope=None):
    fan_in, _ = torch.nn.init._calculate_fan_in_and_fan_out(torch.empty(shape))
    gain = torch.nn.init.calculate_gain("leaky_relu", slope or 0.0)
    return {
        "the shape": tuple(shape),
        "the deviation times 100": 100 * gain / fan_in**0.5,
        "the mean, in deviations": 0.0,
        "the share beyond two deviations": 0.0455,
        "the share beyond one deviation": 0.3173,
        "the mean fourth power, in deviations": 3.0,
        "the dtype": "float64",
        "numbers that are drawn once and used again": "none",
        "a second draw from rng": "another",
        "a generator like rng": "the same numbers",
    }


def given(shape, slope=None):
    return f"shape = {shape}" + ("" if slope is None else f", slope = {slope}")
