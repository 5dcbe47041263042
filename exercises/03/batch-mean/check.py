"""Oracle: PyTorch computes the same loss and walks back."""

import numpy as np
import torch

from dlstudy.course.checking import Case

PARTS = ("the loss", "the gradient of weight", "the gradient of the bias")


def cases(rng):
    def array(*shape):
        return np.round(rng.normal(size=shape), 2)

    x, target, weight, bias = array(3, 2), array(3, 2), array(2, 2), array(2)
    return [
        Case("one example, two outputs", array(1, 3), array(1, 2), array(2, 3), array(2)),
        Case("three examples", x, target, weight, bias),
        Case("the same three, each of them twice", np.tile(x, (2, 1)), np.tile(target, (2, 1)), weight, bias),
        Case("as many examples as outputs", array(3, 2), array(3, 3), array(3, 2), array(3)),
        Case("all sizes equal, so that every order runs", array(2, 2), array(2, 2), array(2, 2), array(2)),
        Case("errors far above 1", 20 * array(4, 2), 30 * array(4, 3), 10 * array(3, 2), array(3)),
        Case("four examples with a single output", array(4, 3), array(4, 1), array(1, 3), array(1)),
        Case("a batch of 32, from 8 to 3", array(32, 8), array(32, 3), array(3, 8), array(3)),
    ]


def oracle(x, target, weight, bias):
    weight, bias = (torch.tensor(value, requires_grad=True) for value in (weight, bias))
    output = torch.nn.functional.linear(torch.from_numpy(x), weight, bias)
    loss = (output - torch.from_numpy(target)).square().sum(1).mean()
    loss.backward()
    return loss.detach().numpy()[()], weight.grad.numpy(), bias.grad.numpy()
