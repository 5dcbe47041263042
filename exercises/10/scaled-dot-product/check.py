"""Oracle: the formula one query at a time, in plain NumPy loops; the smallest cases are worked by hand."""

import math

import numpy as np
import torch

from dlstudy.course.checking import Case

PARTS = ("the output", "the weights")


def cases(rng):
    def tensor(*shape):
        return torch.from_numpy(np.round(rng.normal(size=shape) + 0.1, 2))

    def mask(rows, columns):
        found = torch.from_numpy(rng.random((rows, columns)) < 0.5)
        found[:, 0] |= ~found.any(1)  # nobody sees nothing
        return found

    half = math.log(3) * 2**0.5  # a score of log 3 after the division by the root of 2
    return [
        Case(
            "one query, two keys, d = 2: the first key fits, and weighs three times as much as the other",
            torch.tensor([[half, 0.0]], dtype=torch.float64),
            torch.tensor([[1.0, 0], [0, 1]], dtype=torch.float64),
            torch.tensor([[4.0, 0, 8], [0, 4, 8]], dtype=torch.float64),
            expected=(
                torch.tensor([[3.0, 1, 8]], dtype=torch.float64),
                torch.tensor([[0.75, 0.25]], dtype=torch.float64),
            ),
        ),
        Case("three queries, five keys", tensor(3, 4), tensor(5, 4), tensor(5, 2)),
        Case("as many queries as keys", tensor(4, 3), tensor(4, 3), tensor(4, 3)),
        Case("as many queries as numbers in each", tensor(4, 4), tensor(4, 4), tensor(4, 4)),
        Case("two sequences at once", tensor(2, 3, 4), tensor(2, 5, 4), tensor(2, 5, 3)),
        Case("a mask", tensor(3, 4), tensor(5, 4), tensor(5, 2), mask(3, 5)),
        Case("two sequences, two heads and a mask", *(tensor(2, 2, 4, 3) for _ in range(3)), mask(4, 4)),
        Case("numbers in float32", tensor(3, 4).float(), tensor(3, 4).float(), tensor(3, 4).float()),
    ]  # fmt: skip


def oracle(query, key, value, mask=None):
    q, k, v = (a.double().numpy() for a in (query, key, value))
    d, rows, columns = q.shape[-1], q.shape[-2], k.shape[-2]
    output, weights = np.zeros((*q.shape[:-1], v.shape[-1])), np.zeros((*q.shape[:-1], columns))
    for lead in np.ndindex(q.shape[:-2]):
        for t in range(rows):
            seen = [s for s in range(columns) if mask is None or bool(mask[t, s])]
            worth = [math.exp(sum(q[lead][t][i] * k[lead][s][i] for i in range(d)) / math.sqrt(d)) for s in seen]
            for s, amount in zip(seen, worth):
                weights[lead][t][s] = amount / sum(worth)
                output[lead][t] += amount / sum(worth) * v[lead][s]
    return tuple(torch.from_numpy(a).to(query.dtype) for a in (output, weights))
