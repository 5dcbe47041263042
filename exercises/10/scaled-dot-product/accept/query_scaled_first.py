import math

import torch


def attend(query, key, value, mask=None):
    scores = (query / math.sqrt(query.size(-1))) @ key.transpose(-2, -1)
    if mask is not None:
        scores = scores + torch.zeros(mask.shape, dtype=scores.dtype).masked_fill(mask.logical_not(), -torch.inf)
    worth = (scores - scores.amax(-1, keepdim=True)).exp()
    weights = worth / worth.sum(-1, keepdim=True)
    return weights @ value, weights
