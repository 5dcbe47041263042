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
    "all mixed": lambda lib, x: lib.tanh(x.sum()) * 3 + (x * x * x).sum() + lib.sin(x).sum() * lib.exp(x * 0.5).sum(),
    "a large constant": lambda lib, x: (x + 0.5 * lib.sin(x)).sum() + 1e6,
    "a batch of squares": lambda lib, x: ((x * x).sum(1) ** 2).mean(),
}


def gradient(name, x):
    leaf = torch.tensor(x, requires_grad=True)
    PROGRAMS[name](torch, leaf).backward()
    return leaf.grad.numpy()


def cases(rng):
    def case(label, name, x, bugs):
        grad = gradient(name, x)
        for place, bug in bugs.items():
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
    return [int(place) for place in found] if isinstance(found, list) else found


def oracle(name, x, grad):
    raise AssertionError("every case knows where its bugs are")
