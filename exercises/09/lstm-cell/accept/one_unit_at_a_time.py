import torch


def lstm_cell(x, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    size = h.shape[1]
    new_h, new_c = torch.empty_like(h), torch.empty_like(c)
    for row in range(len(x)):
        for unit in range(size):
            i, f, g, o = (
                weight_ih[k * size + unit] @ x[row]
                + weight_hh[k * size + unit] @ h[row]
                + bias_ih[k * size + unit]
                + bias_hh[k * size + unit]
                for k in range(4)
            )
            new_c[row, unit] = torch.sigmoid(i) * torch.tanh(g) + torch.sigmoid(f) * c[row, unit]
            new_h[row, unit] = torch.sigmoid(o) * torch.tanh(new_c[row, unit])
    return new_h, new_c
