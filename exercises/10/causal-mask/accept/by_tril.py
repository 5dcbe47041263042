import torch


def causal_mask(length, total=None, *, device=None):
    if total is None:
        total = length
    if length > total:
        raise ValueError("more queries than keys")
    return torch.tril(torch.ones(length, total, dtype=torch.bool), diagonal=total - length)
