import torch.nn.functional as F


def masked_loss(logits, targets, lengths):
    marked = targets.clone()
    for row, length in zip(marked, lengths.tolist()):
        row[length:] = -100
    return F.cross_entropy(logits.transpose(1, 2), marked, ignore_index=-100)
