"""Oracle: every sequence cut to its length first, so that there is no padding left; then PyTorch's mean."""

import math

import torch
import torch.nn.functional as F

from dlstudy.course.checking import Case


def cases(rng):
    def batch(lengths, symbols, steps):
        logits = torch.from_numpy(rng.normal(size=(len(lengths), steps, symbols)) * 2)
        targets = torch.from_numpy(rng.integers(0, symbols, size=(len(lengths), steps)))
        for row, length in zip(targets, lengths):
            row[length:] = 0  # padding
        return logits, targets, torch.tensor(lengths)

    # Row 0: two real steps, each with two equal scores. Row 1: one real step, certain of the right answer 3 to 1.
    logits = torch.tensor([[[1.0, 1.0], [2.0, 2.0]], [[0.0, math.log(3)], [9.0, -9.0]]], dtype=torch.float64)
    return [
        Case(
            "three real steps, of which two are toss-ups and one is 3 : 1: (2 log 2 + log 4/3) / 3",
            logits,
            torch.tensor([[0, 1], [1, 1]]),
            torch.tensor([2, 1]),
            expected=torch.tensor((2 * math.log(2) + math.log(4 / 3)) / 3, dtype=torch.float64),
        ),
        Case("no padding at all", *batch([4, 4, 4], 3, 4)),
        Case("lengths of 4 and 1", *batch([4, 1], 3, 4)),
        Case("many short sequences beside a long one", *batch([2, 1, 9, 3, 1], 5, 9)),
        Case("padded further than the longest", *batch([3, 5, 2], 4, 8)),
    ]


def oracle(logits, targets, lengths):
    pairs = [(scores[:n], right[:n]) for scores, right, n in zip(logits, targets, lengths.tolist())]
    return F.cross_entropy(torch.cat([scores for scores, _ in pairs]), torch.cat([right for _, right in pairs]))
