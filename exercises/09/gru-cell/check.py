"""Oracle: torch.nn.GRUCell with the same weights; the first case is worked by hand."""

import math

import torch

from dlstudy.course.checking import Case


def cases(rng):
    def array(*shape, dtype=torch.float64):
        return torch.tensor(rng.normal(size=shape) + 0.1, dtype=dtype)

    def weights(inputs, hidden, dtype=torch.float64):
        shapes = ((3 * hidden, inputs), (3 * hidden, hidden), (3 * hidden,), (3 * hidden,))
        return [0.7 * array(*shape, dtype=dtype) for shape in shapes]

    def column(*values):
        return torch.tensor(values, dtype=torch.float64)

    # r = σ(log 1/3) = 1/4, z = σ(log 3) = 3/4; n = tanh(0.5·2 + 0.1 + r (1·2 + 0.4)) = tanh(1.7)
    by_hand = 0.75 * 2.0 + 0.25 * math.tanh(1.7)
    return [
        Case(
            "one unit with h = 2: r = 1/4, z = 3/4, n = tanh(1.1 + 2.4/4)",
            column([2.0]),
            column([2.0]),
            column([0.5], [0.5], [0.5]),
            column([1.0], [1.0], [1.0]),
            column(-1.0, -1.0, 0.1),
            column(-math.log(3) - 2.0, math.log(3) - 2.0, 0.4),
            expected=column([by_hand]),
        ),
        Case("two examples, three units", array(2, 4), array(2, 3), *weights(4, 3)),
        Case("six examples, as many inputs as units", array(6, 3), array(6, 3), *weights(3, 3)),
        Case(
            "five examples, two units, float32",
            array(5, 3, dtype=torch.float32),
            array(5, 2, dtype=torch.float32),
            *weights(3, 2, torch.float32),
        ),
    ]


def oracle(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    cell = torch.nn.GRUCell(x.shape[1], h.shape[1], dtype=x.dtype)
    with torch.no_grad():
        for mine, given in zip(cell.parameters(), (weight_ih, weight_hh, bias_ih, bias_hh)):
            mine.copy_(given)
        return cell(x, h)
