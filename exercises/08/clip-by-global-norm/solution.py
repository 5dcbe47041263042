import torch


def clip_by_global_norm(grads, max_norm):
    """Return the list of tensors `grads`, shortened together so that as one vector they are at most `max_norm` long."""
    norm = torch.stack([g.square().sum() for g in grads]).sum().sqrt()
    factor = torch.clamp(max_norm / norm, max=1)
    return [g * factor for g in grads]
