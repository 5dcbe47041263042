import torch


def gru_cell(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    W, U = weight_ih.chunk(3), weight_hh.chunk(3)
    b, d = bias_ih.chunk(3), bias_hh.chunk(3)
    r = torch.sigmoid(torch.einsum("bi,hi->bh", x, W[0]) + b[0] + torch.einsum("bi,hi->bh", h, U[0]) + d[0])
    z = torch.sigmoid(torch.einsum("bi,hi->bh", x, W[1]) + b[1] + torch.einsum("bi,hi->bh", h, U[1]) + d[1])
    n = torch.tanh(x @ W[2].T + b[2] + r * (h @ U[2].T + d[2]))
    return torch.lerp(n, h, z)
