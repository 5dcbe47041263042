import torch
import torch.nn.functional as F


def masked_loss(logits, targets, lengths):
    """Return the mean cross-entropy over the real steps of a padded batch: one number.

    logits (B, T, V), targets (B, T) integers, lengths (B,): the first lengths[b] steps of row b are real.
    """
    steps = torch.arange(targets.shape[1])
    real = steps < lengths[:, None]  # (B, T)
    losses = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none").view_as(targets)
    return (losses * real).sum() / real.sum()
