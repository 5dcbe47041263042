"""Oracle: PyTorch's softmax and its own backward pass; the task's example by hand."""

import numpy as np
import torch

from dlstudy.course.checking import Case


def softmax(scores):
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def cases(rng):
    def grad(*shape):
        return np.round(rng.normal(size=shape), 2)

    def p(*shape):
        return softmax(rng.normal(size=shape))

    return [
        Case(
            "the example of the task",
            np.array([[1.0, 0.0]]),
            np.array([[0.5, 0.5]]),
            expected=np.array([[0.25, -0.25]]),
        ),
        Case("one row of four classes", grad(1, 4), p(1, 4)),
        Case("the same number arrives everywhere", np.full((1, 3), 2.0), p(1, 3), expected=np.zeros((1, 3))),
        Case("a square, so that every axis has the right length", grad(3, 3), p(3, 3)),
        Case("five rows of two classes", grad(5, 2), p(5, 2)),
        Case("rows with one class that is nearly sure", grad(2, 3), softmax(np.array([[9.0, 0, 1], [0, 8, -1.0]]))),
        Case(
            "classes with a p of exactly 0 and 1",
            np.array([[2.0, 3, -1], [2, 4, 100]]),
            np.array([[1.0, 0, 0], [0.5, 0.5, 0]]),
            expected=np.array([[0.0, 0, 0], [-0.5, 0.5, 0]]),
        ),
        Case("large gradients, transposed in memory", 100 * grad(4, 3).T, p(3, 4)),
        Case("a batch of 32, ten classes", grad(32, 10), p(32, 10)),
    ]


def oracle(grad, p):
    scores = torch.log(torch.from_numpy(p)).requires_grad_()  # softmax gives p back
    torch.softmax(scores, 1).backward(torch.from_numpy(grad))
    return scores.grad.numpy()
