"""Only the sum of the two biases is ever used, so only the sum is compared; and a `torch.nn.LSTMCell` has to agree.

With input and state at 0, that cell's forget gates are read off as the difference that one more in the cell makes.
"""

import math

import torch

from dlstudy.course.checking import Case

PARTS = ("the sum of both biases", "the forget gates that a cell of PyTorch's then has")


def cases(rng):
    def drawn(hidden, dtype=torch.float64):
        return [torch.tensor(rng.uniform(-0.5, 0.5, 4 * hidden), dtype=dtype) for _ in range(2)]

    def numbers(*values):
        return torch.tensor(values, dtype=torch.float64)

    by_hand = numbers(0.1, 1.0, 0.3, 0.4), numbers(1 / (1 + math.exp(-1)))
    return [
        Case("one unit", numbers(0.1, 0.2, 0.2, 0.4), numbers(0.0, 0.5, 0.1, 0.0), 1.0, expected=by_hand),
        Case("three units, a bias of 1", *drawn(3), 1.0),
        Case("two units, a bias of 3", *drawn(2), 3.0),
        Case("four units that begin nearly shut, a bias of -2, float32", *drawn(4, torch.float32), -2.0),
    ]


def run(answer, bias_ih, bias_hh, value):
    new_ih, new_hh = answer(bias_ih, bias_hh, value)
    hidden = len(new_ih) // 4
    cell = torch.nn.LSTMCell(1, hidden, dtype=new_ih.dtype)
    with torch.no_grad():
        cell.bias_ih.copy_(new_ih)
        cell.bias_hh.copy_(new_hh)
        nothing = torch.zeros(1, hidden, dtype=new_ih.dtype)
        held = [cell(nothing[:, :1], (nothing, nothing + content))[1] for content in (0, 1)]
    return new_ih + new_hh, (held[1] - held[0])[0]


def oracle(bias_ih, bias_hh, value):
    total = [one + other for one, other in zip(bias_ih.tolist(), bias_hh.tolist())]
    hidden = len(total) // 4
    for unit in range(hidden, 2 * hidden):
        total[unit] = value
    gates = [1 / (1 + math.exp(-value))] * hidden
    return torch.tensor(total, dtype=bias_ih.dtype), torch.tensor(gates, dtype=bias_ih.dtype)
