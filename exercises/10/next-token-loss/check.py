"""Oracle: one guess after the other in plain Python, log-sum-exp written out; the smallest case by hand."""

import math

import numpy as np
import torch

from dlstudy.course.checking import Case


def cases(rng):
    def logits(*shape):
        return torch.from_numpy(np.round(2 * rng.normal(size=shape), 2))

    def tokens(batch, length, vocabulary):
        return torch.from_numpy(rng.integers(0, vocabulary, (batch, length)))

    padded = torch.tensor([[3, 1, 2, 4, 1], [2, 4, 0, 0, 0], [1, 3, 3, 0, 0]])
    chances = torch.tensor([[[1.0, 3.0], [9.0, 1.0]]], dtype=torch.float64)
    return [
        Case(
            "two tokens, so a single guess: token 1 had a chance of 3/4",
            chances.log(), torch.tensor([[0, 1]]), expected=torch.tensor(math.log(4 / 3), dtype=torch.float64),
        ),
        Case("one sequence of four", logits(1, 4, 3), tokens(1, 4, 3)),
        Case("two sequences of five", logits(2, 5, 4), tokens(2, 5, 4)),
        Case("three sequences of three, six different tokens", logits(3, 3, 6), tokens(3, 3, 6)),
        Case("short sequences, filled up with 0", logits(3, 5, 5), padded, 0),
        Case("filled up with another token, float32", logits(2, 4, 4).float(),
             torch.tensor([[1, 2, 3, 3], [2, 1, 0, 2]]), 3),
    ]  # fmt: skip


def oracle(logits, tokens, pad=None):
    total = count = 0.0
    for row, sequence in zip(logits.double().tolist(), tokens.tolist()):
        for position in range(len(sequence) - 1):
            right = sequence[position + 1]
            if right != pad:
                scores = row[position]
                total += math.log(sum(math.exp(s) for s in scores)) - scores[right]
                count += 1
    return torch.tensor(total / count, dtype=logits.dtype)
