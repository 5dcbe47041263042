"""Oracle: torch.nn.RNN with the same weights; the smallest case is worked by hand."""

import math

import torch

from dlstudy.course.checking import Case


def cases(rng):
    def tensor(*shape):
        return torch.from_numpy(rng.normal(size=shape).round(2) * 0.7 + 0.05)

    def layer(steps, batch, inputs, units):
        weights = tensor(units, inputs), tensor(units, units), tensor(units), tensor(units)
        return tensor(steps, batch, inputs), tensor(batch, units), *weights

    def number(*values):
        return torch.tensor(values, dtype=torch.float64)

    by_hand = math.tanh(2 * 3 + -1 * 0.5 + 0.25 - 5.5)  # 2·3 from the input, −1·0.5 from the state, two biases
    return [
        Case(
            "one unit, one step: tanh(2·3 + 0.25 − 1·0.5 − 5.5)",
            number(3.0).reshape(1, 1, 1),
            number(0.5).reshape(1, 1),
            number(2.0).reshape(1, 1),
            number(-1.0).reshape(1, 1),
            number(0.25),
            number(-5.5),
            expected=number(by_hand).reshape(1, 1, 1),
        ),
        Case("one sequence of four steps", *layer(4, 1, 2, 3)),
        Case("a batch of three sequences", *layer(3, 3, 2, 4)),
        Case("as many inputs as units, three steps", *layer(3, 2, 3, 3)),
        Case("a longer sequence, one input", *layer(9, 2, 1, 5)),
    ]


def oracle(x, h, w_ih, w_hh, b_ih, b_hh):
    layer = torch.nn.RNN(x.shape[-1], h.shape[-1]).double()
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    layer.load_state_dict(dict(zip(names, (w_ih, w_hh, b_ih, b_hh))))
    with torch.no_grad():
        return layer(x, h[None])[0]
