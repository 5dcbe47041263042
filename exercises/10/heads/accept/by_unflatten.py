import torch


def attend_in_heads(query, key, value, heads):
    q, k, v = (x.unflatten(-1, (heads, -1)).permute(0, 2, 1, 3) for x in (query, key, value))
    scores = torch.einsum("bhtd,bhsd->bhts", q, k) / q.shape[-1] ** 0.5
    out = torch.einsum("bhts,bhsd->bthd", scores.softmax(-1), v)
    return out.reshape(query.shape)
