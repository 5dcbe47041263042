"""Oracle: apply. Layer and correction run one after the other on single ones; what comes out is the merged weight."""

import torch
from torch.nn import functional as F

from dlstudy.course.checking import Case


def cases(rng):
    def tensor(*shape):
        return torch.tensor(rng.normal(size=shape))

    W, A, B = (
        torch.eye(2, dtype=torch.float64),
        torch.tensor([[1.0, 2.0]]).double(),
        torch.tensor([[3.0], [0.0]]).double(),
    )
    by_hand = torch.tensor([[1 + 6.0, 12.0], [0.0, 1.0]]).double()
    return [
        Case("two by two, rank 1", W, A, B, 2.0, expected=by_hand),
        Case("a linear layer, rank 3", tensor(5, 7), tensor(3, 7), tensor(5, 3), 3.0),
        Case("alpha is not the rank", tensor(4, 6), tensor(2, 6), tensor(4, 2), 5.0),
        Case("a square layer, float32", tensor(4, 4).float(), tensor(2, 4).float(), tensor(4, 2).float(), 1.0),
        Case("a 3 by 3 convolution", tensor(4, 5, 3, 3), tensor(2, 5, 3, 3), tensor(4, 2, 1, 1), 4.0),
        Case("a kernel that is not square", tensor(3, 4, 1, 3), tensor(2, 4, 1, 3), tensor(3, 2, 1, 1), 1.0),
        Case("a 1 by 1 convolution", tensor(6, 4, 1, 1), tensor(3, 4, 1, 1), tensor(6, 3, 1, 1), 6.0),
    ]


def given(weight, A, B, alpha):
    return f"weight {tuple(weight.shape)}, A {tuple(A.shape)}, B {tuple(B.shape)}, alpha = {alpha}"


def oracle(weight, A, B, alpha):
    scale = alpha / A.shape[0]
    if weight.ndim == 2:
        x = torch.eye(weight.shape[1], dtype=weight.dtype)
        return (F.linear(x, weight) + scale * F.linear(F.linear(x, A), B)).T.contiguous()
    channels, K, L = weight.shape[1:]
    # A single 1 in one channel; every window that sees it puts out one number of the kernel, last number first.
    x = torch.zeros(channels, channels, 2 * K - 1, 2 * L - 1, dtype=weight.dtype)
    x[range(channels), range(channels), K - 1, L - 1] = 1
    y = F.conv2d(x, weight) + scale * F.conv2d(F.conv2d(x, A), B)
    return y.flip(2, 3).transpose(0, 1).contiguous()
