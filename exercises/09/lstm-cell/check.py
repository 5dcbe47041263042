"""Oracle: torch.nn.LSTMCell with the same weights; the first case is worked by hand."""

import math

import torch

from dlstudy.course.checking import Case

PARTS = ("h", "c")
SHUT, OPEN = -100.0, 100.0  # a gate's bias with which it is 0, or 1, whatever else it hears


def cases(rng):
    def array(*shape, dtype=torch.float64):
        return torch.tensor(rng.normal(size=shape) + 0.1, dtype=dtype)

    def weights(inputs, hidden, dtype=torch.float64):
        shapes = ((4 * hidden, inputs), (4 * hidden, hidden), (4 * hidden,), (4 * hidden,))
        return [0.5 * array(*shape, dtype=dtype) for shape in shapes]

    def gates(i, f, g, o, hidden=3):
        """Weights so small that the gates are what their biases say; g hears x as it is."""
        inputs = hidden
        w = torch.full((4 * hidden, inputs), 1e-3, dtype=torch.float64)
        w[2 * hidden : 3 * hidden] = g * torch.eye(hidden, dtype=torch.float64)
        bias = torch.tensor([i, f, 0.0, o], dtype=torch.float64).repeat_interleave(hidden)
        return [w, torch.full((4 * hidden, hidden), 1e-3, dtype=torch.float64), bias, torch.zeros_like(bias) + 1e-3]

    # x = 2 and h = -1 with weights 1/2 and 1 cancel out, so that the parts are the biases: log(1/3), 0, 1/2, 0.
    biases = torch.tensor([1 / 3, 1, math.e**0.5, 1], dtype=torch.float64).log()
    kept = 0.5 * 10 + 0.25 * math.tanh(0.5)
    return [
        Case(
            "one unit that holds 10, with i = 1/4, f = 1/2, g = tanh(1/2), o = 1/2",
            *(torch.tensor([[value]], dtype=torch.float64) for value in (2.0, -1.0, 10.0)),
            torch.full((4, 1), 0.5, dtype=torch.float64),
            torch.full((4, 1), 1.0, dtype=torch.float64),
            biases - 1,
            torch.ones_like(biases),
            expected=tuple(torch.tensor([[value]], dtype=torch.float64) for value in (0.5 * math.tanh(kept), kept)),
        ),
        Case("everything is kept, nothing written", array(2, 3), array(2, 3), array(2, 3), *gates(SHUT, OPEN, 1, OPEN)),
        Case("a fresh start", array(2, 3), array(2, 3), array(2, 3), *gates(OPEN, SHUT, 1, OPEN)),
        Case("two examples, three units", array(2, 4), array(2, 3), array(2, 3), *weights(4, 3)),
        Case(
            "five examples, two units, float32",
            *(array(*shape, dtype=torch.float32) for shape in ((5, 3), (5, 2), (5, 2))),
            *weights(3, 2, torch.float32),
        ),
    ]


def oracle(x, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    cell = torch.nn.LSTMCell(x.shape[1], h.shape[1], dtype=x.dtype)
    with torch.no_grad():
        for mine, given in zip(cell.parameters(), (weight_ih, weight_hh, bias_ih, bias_hh)):
            mine.copy_(given)
        return cell(x, (h, c))
