"""Oracle: a bidirectional torch.nn.GRU that reads each sequence alone: no padding to go wrong about."""

import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from dlstudy.course.checking import Case


def cases(rng):
    def case(label, lengths, hidden, dtype=torch.float64):
        torch.manual_seed(int(rng.integers(1000)))
        layer = torch.nn.GRU(3, hidden, bidirectional=True, batch_first=True, dtype=dtype)
        alone = [torch.tensor(rng.normal(size=(1, n, 3)), dtype=dtype) for n in lengths]
        padded = torch.full((len(lengths), max(lengths), 3), 9.0, dtype=dtype)
        for row, x in zip(padded, alone):
            row[: x.shape[1]] = x[0]
        lengths = torch.tensor(lengths)
        with torch.no_grad():
            packed = pack_padded_sequence(padded, lengths, batch_first=True, enforce_sorted=False)
            outputs, _ = pad_packed_sequence(layer(packed)[0], batch_first=True)
            ends = [torch.cat(tuple(layer(x)[1]), 1) for x in alone]  # h_n: (2, 1, hidden)
        return Case(label, outputs, lengths, expected=torch.cat(ends))

    return [
        case("two sequences of lengths 2 and 4", [2, 4], 1),
        case("one sequence alone", [5], 2),
        case("all of one length", [3, 3, 3], 2),
        case("lengths 3, 1, 5, 2, not sorted", [3, 1, 5, 2], 2),
        case("lengths 4, 4, 1, and float32", [4, 4, 1], 3, torch.float32),
    ]
