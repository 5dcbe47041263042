import torch


def causal_mask(length, total=None, *, device=None):
    total = total or length
    if total < length:
        raise ValueError(f"{length} queries cannot be the last of {total}")
    full = torch.triu(torch.ones(total, total), diagonal=1) == 0
    return full[total - length :]
