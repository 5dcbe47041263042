import torch


def bptt_w_hh(w_hh, states, grads):
    result = torch.zeros_like(w_hh)
    steps = len(grads)
    for last in range(1, steps + 1):  # one loss after the other, each followed to the very beginning
        vector = grads[last - 1]
        for t in range(last, 0, -1):
            vector = vector * (1 - states[t].square())
            result = result + vector[:, None] * states[t - 1][None]
            vector = vector @ w_hh
    return result
