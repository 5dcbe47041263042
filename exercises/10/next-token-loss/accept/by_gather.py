import torch
import torch.nn.functional as F


def next_token_loss(logits, tokens, pad=None):
    chances = F.log_softmax(logits, dim=-1)
    targets = tokens[:, 1:]
    right = torch.gather(chances[:, : targets.shape[1]], 2, targets.unsqueeze(2)).squeeze(2)
    if pad is not None:
        right = right[targets != pad]
    return -right.mean()
