import torch


def rnn(x, h, w_ih, w_hh, b_ih, b_hh):
    steps, batch, _ = x.shape
    units = len(w_hh)
    states = torch.zeros(steps, batch, units, dtype=x.dtype)
    for t in range(steps):
        before = h if t == 0 else states[t - 1]
        for i in range(units):
            total = (w_ih[i] * x[t]).sum(-1) + (w_hh[i] * before).sum(-1) + b_ih[i] + b_hh[i]
            states[t, :, i] = total.tanh()
    return states
