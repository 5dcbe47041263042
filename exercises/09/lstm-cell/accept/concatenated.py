import torch


def lstm_cell(x, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    hidden = h.shape[1]
    parts = torch.cat([x, h], 1) @ torch.cat([weight_ih, weight_hh], 1).T + (bias_ih + bias_hh)
    i = torch.sigmoid(parts[:, :hidden])
    f = torch.sigmoid(parts[:, hidden : 2 * hidden])
    g = torch.tanh(parts[:, 2 * hidden : 3 * hidden])
    o = torch.sigmoid(parts[:, 3 * hidden :])
    new = torch.addcmul(i * g, f, c)
    return o * torch.tanh(new), new
