import torch


def final_states(outputs, lengths):
    """Return where the two directions of a bidirectional layer ended: (B, 2 * hidden), forward first.

    outputs (B, T, 2 * hidden) is what the layer put out at each place, forward and backward side by side, and 0 in the
    padding; lengths (B,) says how many places of each sequence are real, at least 1.
    """
    hidden = outputs.shape[2] // 2
    rows = torch.arange(len(outputs))
    forward = outputs[rows, lengths - 1, :hidden]
    backward = outputs[rows, 0, hidden:]
    return torch.cat([forward, backward], dim=1)
