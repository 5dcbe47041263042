import torch


def sinusoidal_positions(length, dim):
    if dim % 2 == 1:
        raise ValueError("an even number of columns, please")
    table = torch.zeros(length, dim)
    position = torch.arange(length, dtype=torch.float32).unsqueeze(1)
    rate = torch.exp(torch.arange(0, dim, 2) * (-9.210340371976184 / dim))
    table[:, 0::2] = torch.sin(position * rate)
    table[:, 1::2] = torch.cos(position * rate)
    return table
