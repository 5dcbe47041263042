import torch
import torch.nn.functional as F


def masked_loss(logits, targets, lengths):
    real = torch.arange(targets.shape[1])[None] < lengths[:, None]
    return F.cross_entropy(logits[real], targets[real])
