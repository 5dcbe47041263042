import torch


def gru_cell(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    H = h.shape[1]
    parts = torch.nn.functional.linear(x, weight_ih, bias_ih), torch.nn.functional.linear(h, weight_hh, bias_hh)
    gates = torch.sigmoid(parts[0][:, : 2 * H] + parts[1][:, : 2 * H])
    reset, update = gates[:, :H], gates[:, H:]
    proposal = torch.tanh(parts[0][:, 2 * H :] + reset * parts[1][:, 2 * H :])
    return proposal + update * (h - proposal)
