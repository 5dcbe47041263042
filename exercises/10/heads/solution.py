import torch.nn.functional as F


def attend_in_heads(query, key, value, heads):
    """Return what attention in `heads` heads gives, (B, T, D): each head sees its own D / heads columns.

    query (B, T, D), key and value (B, S, D) have been projected already. Head 0 works on the first D / heads columns,
    and its output becomes the first D / heads columns of the result.
    """

    def split(x):
        B, length, D = x.shape
        return x.view(B, length, heads, D // heads).transpose(1, 2)  # (B, heads, length, D / heads)

    output = F.scaled_dot_product_attention(split(query), split(key), split(value))
    return output.transpose(1, 2).flatten(2)  # (B, T, D)
