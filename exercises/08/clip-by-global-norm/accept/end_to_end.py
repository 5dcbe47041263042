import torch


def clip_by_global_norm(grads, max_norm):
    vector = torch.cat([g.reshape(-1) for g in grads])
    length = vector.norm().item()
    if length > max_norm:
        vector = vector / length * max_norm
    parts = vector.split([g.numel() for g in grads])
    return [part.reshape(g.shape).clone() for part, g in zip(parts, grads)]
