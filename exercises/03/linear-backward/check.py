"""Oracle: torch.nn.functional.linear and its own backward pass; the task's example by hand."""

import numpy as np
import torch

from dlstudy.course.checking import Case

PARTS = ("the gradient of x", "the gradient of weight", "the gradient of the bias")


def cases(rng):
    def matrix(*shape):
        return np.round(rng.normal(size=shape), 2)

    return [
        Case(
            "the example of the task",
            np.array([[10.0]]),
            np.array([[1.0, 2.0]]),
            np.array([[3.0, 4.0]]),
            expected=(np.array([[30.0, 40.0]]), np.array([[10.0, 20.0]]), np.array([10.0])),
        ),
        Case("all sizes equal, so that every order runs", matrix(2, 2), matrix(2, 2), matrix(2, 2)),
        Case("four examples, from 3 to 2", matrix(4, 2), matrix(4, 3), matrix(2, 3)),
        Case("as many examples as outputs", matrix(3, 3), matrix(3, 2), matrix(3, 2)),
        Case("transposed tables", *(matrix(*s).T for s in ((2, 4), (3, 4), (3, 2)))),
        Case("a single input, and a single output", matrix(3, 1), matrix(3, 1), matrix(1, 1)),
        Case("one example, from 2 to 5", matrix(1, 5), matrix(1, 2), matrix(5, 2)),
        Case("a batch of 32, from 64 to 10", matrix(32, 10), matrix(32, 64), matrix(10, 64)),
    ]


def oracle(grad, x, weight):
    x, weight = (torch.tensor(value, requires_grad=True) for value in (x, weight))
    bias = torch.full((len(weight),), 0.5, dtype=weight.dtype, requires_grad=True)
    torch.nn.functional.linear(x, weight, bias).backward(torch.from_numpy(grad))
    return x.grad.numpy(), weight.grad.numpy(), bias.grad.numpy()
