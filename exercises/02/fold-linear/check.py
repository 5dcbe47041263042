"""Oracle: run the layers in PyTorch. The bias is what comes out for zeros, each column what a basis vector adds."""

from itertools import pairwise

import numpy as np
import torch

from dlstudy.course.checking import Case

PARTS = ("the weight", "the bias")


def cases(rng):
    def layer(out, into):
        return np.round(rng.normal(size=(out, into)), 2), np.round(rng.normal(size=out), 2)

    def stack(*sizes):
        return [layer(out, into) for into, out in pairwise(sizes)]

    one = np.array([[1.0]])
    double, triple = (2 * one, one[0]), (3 * one, 5 * one[0])
    return [
        Case("first 2x + 1, then 3h + 5", [double, triple], expected=(6 * one, np.array([8.0]))),
        Case("first 3x + 5, then 2h + 1", [triple, double], expected=(6 * one, np.array([11.0]))),
        Case("a single layer", stack(3, 2)),
        Case("two layers of different sizes", stack(3, 4, 2)),
        Case("two square layers", stack(2, 2, 2)),
        Case("three layers", stack(2, 5, 3, 4)),
        Case("a layer of equal numbers", [(np.full((2, 3), 0.5), np.array([1.5, 1.5])), layer(2, 2)]),
        Case("a narrow layer between two wide ones", stack(3, 1, 3)),
        Case("a single output, and square layers before it", stack(3, 3, 3, 1)),
        Case("ten layers", stack(*[3] * 11)),
    ]


def oracle(layers):
    def run(x):
        for weight, bias in layers:
            x = torch.nn.functional.linear(x, torch.tensor(weight), torch.tensor(bias))
        return x

    size = layers[0][0].shape[1]
    bias = run(torch.zeros(size, dtype=torch.float64))
    columns = [run(basis) - bias for basis in torch.eye(size, dtype=torch.float64)]
    return torch.stack(columns, dim=1).numpy(), bias.numpy()
