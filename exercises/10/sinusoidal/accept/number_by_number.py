import torch


def sinusoidal_positions(length, dim):
    if dim % 2 == 1:
        raise ValueError("an even number of columns, please")
    rows = []
    for pos in range(length):
        row = []
        for i in range(dim // 2):
            angle = torch.tensor(pos / 10000 ** (2 * i / dim))
            row += [torch.sin(angle), torch.cos(angle)]
        rows.append(torch.stack(row))
    return torch.stack(rows)
