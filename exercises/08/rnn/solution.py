import torch


def rnn(x, h, w_ih, w_hh, b_ih, b_hh):
    """Return the state after every step of `x` (T, B, D), begun from the state `h` (B, H): shape (T, B, H).

    w_ih (H, D) and w_hh (H, H) have a row for each unit; b_ih and b_hh are (H,). Equal to `torch.nn.RNN`.
    """
    states = []
    for x_t in x:
        h = torch.tanh(x_t @ w_ih.T + b_ih + h @ w_hh.T + b_hh)
        states.append(h)
    return torch.stack(states)
