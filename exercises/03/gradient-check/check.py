"""Oracle: the places at which a bug was planted into a gradient that PyTorch's autograd computed."""

import numpy as np
import torch

from dlstudy.course.checking import Case

# A function in two spellings, so that the same text runs on arrays and on tensors.
PROGRAMS = {
    "sum of squares": lambda lib, x: (x * x).sum(),
    "tanh of a product": lambda lib, x: lib.tanh(x * 1.7 + 0.3).sum(),
    "a strongly curved one": lambda lib, x: (300 * x * x + lib.exp(3 * x)).sum(),
    "a steep bowl": lambda lib, x: (5e4 * x * x).sum(),
    "millions": lambda lib, x: (2e6 * x * x + 3e6 * lib.sin(x)).sum(),
    "millionths": lambda lib, x: (1e-4 * x + 3e-5 * x * x).sum(),
    "hundred-thousandths": lambda lib, x: (3e-6 * x + 1e-6 * x * x).sum(),
    "all mixed": lambda lib, x: lib.tanh(x.sum()) * 3 + (x * x * x).sum() + lib.sin(x).sum() * lib.exp(x * 0.5).sum(),
    "a large constant": lambda lib, x: (x + 0.5 * lib.sin(x)).sum() + 1e6,
    "a batch of squares": lambda lib, x: ((x * x).sum(1) ** 2).mean(),
}


def gradient(name, x):
    leaf = torch.tensor(x, requires_grad=True)
    PROGRAMS[name](torch, leaf).backward()
    return leaf.grad.numpy()


def cases(rng):
    def case(label, name, x, bugs, harmless=None):
        grad = gradient(name, x)
        for place, bug in (bugs | (harmless or {})).items():
            grad.flat[place] = bug(grad.flat[place])
        return Case(label, name, x, grad, expected=sorted(bugs))

    def place(*shape):
        return np.round(rng.uniform(0.3, 1.5, size=shape) * rng.choice([-1, 1], size=shape), 2)

    return [
        case("a right gradient", "sum of squares", place(4), {}),
        case("one slope with the sign turned", "tanh of a product", place(5), {3: lambda g: -g}),
        case("two of a table are off by a tenth", "all mixed", place(2, 3),
             {1: lambda g: 1.1 * g, 5: lambda g: 0.9 * g}),
        case("a right gradient of a function that curves", "a strongly curved one", place(6), {}),
        case("a right gradient, close to the bottom of a steep bowl", "a steep bowl", np.round(place(4) * 1e-3, 5), {}),
        case("a slope is claimed to be 0", "sum of squares", place(4), {2: lambda g: 0.0}),
        case("slopes in the millions, one off by a hundredth", "millions", place(5), {0: lambda g: 1.01 * g}),
        case("slopes below a thousandth, one doubled", "millionths", place(5), {4: lambda g: 2 * g}),
        case("slopes below a hundred-thousandth, one doubled", "hundred-thousandths", place(4), {1: lambda g: 2 * g}),
        case("one slope is off by half a hundredth of itself", "all mixed", place(4), {3: lambda g: 1.004 * g}),
        case("one slope is off by two thousandths, one by less than one", "sum of squares", place(3),
             {1: lambda g: 1.002 * g}, {2: lambda g: 1.0006 * g}),
        case("a slope of 0, claimed as less than 1e-7", "sum of squares", np.array([0.75, 0.0, -1.5]), {},
             {1: lambda g: 5e-8}),
        case("slopes below a hundred-thousandth, one off by 4e-7", "hundred-thousandths", place(3),
             {2: lambda g: g + 4e-7}),
        case("a number of x is 0, and its slope is wrong", "tanh of a product", np.array([0.5, 0.0, -0.25]),
             {1: lambda g: 0.5 * g}),
        case("a slope is 0, and claimed to be a half", "sum of squares", np.array([1.25, 0.0]), {1: lambda g: 0.5}),
        case("a transposed table, two slopes wrong", "all mixed", place(3, 2).T,
             {2: lambda g: 1.5 * g, 4: lambda g: -g}),
        case("three dimensions", "tanh of a product", place(2, 1, 3), {0: lambda g: g + 1, 5: lambda g: 0.5 * g}),
        case("a factor of 1/N forgotten everywhere", "a batch of squares", place(3, 2),
             dict.fromkeys(range(6), lambda g: 3 * g)),
        case("a right gradient, far from zero", "a batch of squares", place(2, 3) * 4, {}),
        case("a right gradient, on top of a large constant", "a large constant", place(8), {}),
    ]  # fmt: skip


def given(name, x, grad):
    return f"f: {name}, x = {x.tolist()}, grad = {np.array2string(grad, precision=5, separator=', ')}"


def run(answer, name, x, grad):
    program = PROGRAMS[name]
    found = answer(lambda value: float(program(np, value)), x, grad)
    whole = isinstance(found, list) and all(isinstance(place, int | np.integer) for place in found)
    return [int(place) for place in found] if whole else found


def oracle(name, x, grad):
    raise AssertionError("every case knows where its bugs are")
