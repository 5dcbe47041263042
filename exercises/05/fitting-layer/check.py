"""Oracle: build the layer in PyTorch, look at the size it makes and, by gradients, at the pixels it depends on.

What is expected was worked by hand from the words of each job. Any four numbers that do the job are right.
"""

import torch
import torch.nn.functional as F

from dlstudy.course.checking import Case

INDEPENDENT_CASES = True

# job: size of the input, then (output, pixels from first to last that one number sees, pixels to the next window,
# weights for each pair of channels)
JOBS = {
    "keep 28 x 28 under a 5 x 5 kernel": (28, (28, 5, 1, 25)),
    "halve 32 x 32 with a 3 x 3 kernel": (32, (16, 3, 2, 9)),
    "cut 224 x 224 into 14 x 14 tiles": (224, (14, 16, 16, 256)),
    "mix the channels, pixel by pixel": (14, (14, 1, 1, 1)),
    "see 9 x 9 with nine weights, keep 20 x 20": (20, (20, 9, 1, 9)),
    "turn 5 x 5 into one number": (5, (1, 5, 0, 25)),
}
NAMES = ("output", "window", "step", "weights")


def cases(rng):
    return [Case(job, job, expected=dict(zip(NAMES, facts))) for job, (_, facts) in JOBS.items()]


def given(job):
    return f"the input is {JOBS[job][0]} x {JOBS[job][0]}"


def run(answer, job):
    numbers = answer(job)
    if not isinstance(numbers, tuple | list) or len(numbers) != 4:
        raise TypeError(f"expected four whole numbers, and came {numbers!r}")
    if any(isinstance(number, str) and number.strip() == "?" for number in numbers):
        raise NotImplementedError("your turn")
    kernel, stride, padding, dilation = (_whole(number) for number in numbers)
    side = JOBS[job][0]
    x = torch.ones(1, 1, side, 1, requires_grad=True)  # one column is enough: both directions are alike
    weight = torch.ones(1, 1, kernel, 1)
    y = F.conv2d(x, weight, None, (stride, 1), (padding, 0), (dilation, 1))[0, 0, :, 0]
    middle = len(y) // 2
    first, last = _seen(y[middle], x)
    step = 0 if len(y) == 1 else _seen(y[middle], x)[0] - _seen(y[middle - 1], x)[0]
    return dict(zip(NAMES, (len(y), last - first + 1, step, kernel * kernel)))


def _whole(number):
    if isinstance(number, bool) or not isinstance(number, int):
        raise TypeError(f"expected four whole numbers, and one of them is {number!r}")
    return number


def _seen(number, x):
    (slope,) = torch.autograd.grad(number, x, retain_graph=True)
    places = slope.flatten().nonzero().flatten()
    return int(places[0]), int(places[-1])
