"""Oracle: the tokens are taken one by one, likeliest first, in plain Python, until they have p together."""

import math

import numpy as np
import torch

from dlstudy.course.checking import Case


def cases(rng):
    def logits(*shape):
        return torch.from_numpy(np.round(2 * rng.normal(size=shape), 2))

    even = torch.tensor([0.1, 0.4, 0.2, 0.3], dtype=torch.float64).log()
    lone = torch.tensor([0.02, 0.9, 0.05, 0.03], dtype=torch.float64).log()
    none = -math.inf
    return [
        Case("chances 0.1 0.4 0.2 0.3 and p = 0.6: the 0.4 and the 0.3 are enough", even, 0.6,
             expected=torch.tensor([none, math.log(0.4), none, math.log(0.3)], dtype=torch.float64)),
        Case("chances 0.1 0.4 0.2 0.3 and p = 0.85: three are needed", even, 0.85,
             expected=torch.tensor([none, *(math.log(c) for c in (0.4, 0.2, 0.3))], dtype=torch.float64)),
        Case("one token has 0.9 by itself, p = 0.5: it stays, alone", lone, 0.5,
             expected=torch.tensor([none, math.log(0.9), none, none], dtype=torch.float64)),
        Case("p = 1: everything stays", even, 1.0, expected=even.clone()),
        Case("nine scores as they come from a model", logits(9), 0.7),
        Case("a batch: each row has its own nucleus", logits(3, 6), 0.8),
        Case("two axes in front", logits(2, 2, 5), 0.55),
        Case("scores far below 0, float32", (logits(2, 6) - 60).float(), 0.75),
        Case("p = 0, which leaves nothing", even, 0.0, raises=ValueError,
             alone="All the filtering is right. What is left is the error that the docstring promises."),
        Case("p = 1.5, which is no probability", even, 1.5, raises=ValueError,
             alone="All the filtering is right. What is left is the error that the docstring promises."),
    ]  # fmt: skip


def oracle(logits, p):
    result = torch.full_like(logits, -math.inf)
    for place in np.ndindex(*logits.shape[:-1]):
        row = logits[place].double().tolist()
        most = max(row)
        total = sum(math.exp(s - most) for s in row)
        gathered = 0.0
        for token in sorted(range(len(row)), key=lambda n: -row[n]):
            if gathered >= p:
                break
            result[(*place, token)] = logits[(*place, token)]
            gathered += math.exp(row[token] - most) / total
    return result
