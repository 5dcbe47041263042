import torch.nn.functional as F


def next_token_loss(logits, tokens, pad=None):
    return F.cross_entropy(logits[:, :-1].transpose(1, 2), tokens[:, 1:], ignore_index=-100 if pad is None else pad)
