import torch


def bptt_w_hh(w_hh, states, grads):
    """Return the gradient of `w_hh` (H, H) for one sequence of T steps, h_t = tanh(w_hh @ h_{t-1} + u_t).

    states (T + 1, H) are h_0 to h_T. grads (T, H): row t - 1 is what the loss of step t itself sends to h_t.
    """
    result = torch.zeros_like(w_hh)
    back = torch.zeros_like(states[0])  # what the step after sends to h_t
    for t in range(len(grads), 0, -1):
        arrived = grads[t - 1] + back
        through = arrived * (1 - states[t] ** 2)
        result += torch.outer(through, states[t - 1])
        back = w_hh.T @ through
    return result
