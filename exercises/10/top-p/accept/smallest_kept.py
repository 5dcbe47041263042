import math

import torch


def top_p(logits, p):
    if p <= 0 or p > 1:
        raise ValueError(f"p = {p} is no probability above 0")
    chances = logits.softmax(-1)
    ordered = torch.sort(chances, dim=-1, descending=True).values
    enough = (torch.cumsum(ordered, -1) < p).sum(-1, keepdim=True).clamp(max=logits.shape[-1] - 1)
    least = ordered.gather(-1, enough)  # the chance of the last one that stays
    return torch.where(chances >= least, logits, torch.full_like(logits, -math.inf))
