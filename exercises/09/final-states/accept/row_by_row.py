import torch


def final_states(outputs, lengths):
    size = outputs.shape[2] // 2
    made = []
    for row, n in zip(outputs, lengths.tolist()):
        made.append(torch.cat([row[n - 1, :size], row[0, size:]]))
    return torch.stack(made)
