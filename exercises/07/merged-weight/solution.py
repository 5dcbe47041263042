def merged_weight(weight, A, B, alpha):
    """Return the weight of the one layer that computes what a layer and its LoRA correction compute together.

    For a linear layer: weight (out, in), A (r, in), B (out, r). For a convolution: weight (out, in, K, L),
    A (r, in, K, L), B (out, r, 1, 1). The correction is scaled by alpha / r.
    """
    rank = len(A)
    correction = B.reshape(-1, rank) @ A.reshape(rank, -1)
    return weight + alpha / rank * correction.reshape(weight.shape)
