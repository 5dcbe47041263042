"""Oracle: bisection. The bias is found by trying which one leaves too much and which too little, step after step."""

import math

from dlstudy.course.checking import Case

RTOL, ATOL = 1e-6, 1e-6


def cases(rng):
    return [
        Case("one step, one half: an even gate", 0.5, 1, expected=0.0),
        Case("one step, three quarters: a gate of 3/4, e^b = 3", 0.75, 1, expected=math.log(3)),
        Case("two steps, one quarter: an even gate again", 0.25, 2, expected=0.0),
        Case("half of it, a hundred steps back", 0.5, 100),
        Case("a tenth of it, a thousand steps back", 0.1, 1000),
        Case("nine tenths of it, twenty steps back", 0.9, 20),
        Case("next to nothing, three steps back", 1e-4, 3),
    ]


def oracle(share, steps):
    low, high = -50.0, 50.0
    for _ in range(200):
        bias = (low + high) / 2
        gate, left = 1 / (1 + math.exp(-bias)), 1.0
        for _ in range(steps):
            left *= gate
        low, high = (bias, high) if left < share else (low, bias)
    return bias
