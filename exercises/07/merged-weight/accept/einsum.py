import torch


def merged_weight(weight, A, B, alpha):
    rank = A.shape[0]
    B = B.reshape(B.shape[0], rank)
    return weight + torch.einsum("or,r...->o...", B, A) * (alpha / rank)
