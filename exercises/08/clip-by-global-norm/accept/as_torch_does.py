import torch


def clip_by_global_norm(grads, max_norm):
    total = torch.linalg.vector_norm(torch.tensor([torch.linalg.vector_norm(g) for g in grads], dtype=grads[0].dtype))
    scale = min(1.0, float(max_norm / (total + 1e-6)))
    return [g.mul(scale) for g in grads]
