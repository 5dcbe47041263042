"""Oracle: no cache at all. The whole text is read at once, one position after the other, in NumPy loops."""

import numpy as np
import torch

from dlstudy.course.checking import Case


def cases(rng):
    V, D, L = 5, 4, 9

    def tensor(*shape):
        return torch.from_numpy(np.round(rng.normal(size=shape) + 0.1, 2))

    def weights():
        return tensor(V, D), tensor(L, D), (tensor(D, D), tensor(D, D), tensor(D, D))

    return [
        Case("a text of four in one piece", [torch.tensor([3, 1, 4, 1])], *weights()),
        Case("a prompt of three, then one token", [torch.tensor([2, 0, 3]), torch.tensor([1])], *weights()),
        Case("the same token again and again, one by one", [torch.tensor([2])] * 4, *weights()),
        Case("a prompt of two, then two pieces of two", [torch.tensor(p) for p in ([0, 4], [3, 1], [2, 2])],
             *weights()),
        Case("one token, then a piece of five, then two", [torch.tensor(p) for p in ([1], [0, 3, 2, 4, 1], [3, 0])],
             *weights()),
    ]  # fmt: skip


def given(pieces, table, positions, w):
    return "the pieces " + ", ".join(str(piece.tolist()) for piece in pieces)


def run(answer, pieces, table, positions, w):
    """Feed the pieces one after the other, each with the cache that the one before left; return all outputs."""
    outputs, cache = [], None
    for piece in pieces:
        output, cache = answer(piece, cache, table, positions, w)
        outputs.append(output)
    return torch.cat(outputs)


def oracle(pieces, table, positions, w):
    text = torch.cat(pieces).numpy()
    wq, wk, wv = (a.numpy() for a in w)
    x = table.numpy()[text] + positions.numpy()[: len(text)]
    out = np.zeros_like(x)
    for t in range(len(text)):
        worth = np.array([np.exp((x[t] @ wq) @ (x[s] @ wk) / np.sqrt(x.shape[1])) for s in range(t + 1)])
        out[t] = sum(p * (x[s] @ wv) for s, p in enumerate(worth / worth.sum()))
    return torch.from_numpy(out)
