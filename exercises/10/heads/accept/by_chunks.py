import torch
import torch.nn.functional as F


def attend_in_heads(query, key, value, heads):
    parts = zip(query.chunk(heads, -1), key.chunk(heads, -1), value.chunk(heads, -1))
    return torch.cat([F.scaled_dot_product_attention(q, k, v) for q, k, v in parts], -1)
