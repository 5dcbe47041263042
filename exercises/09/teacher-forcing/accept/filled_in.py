import torch


def unroll(step, state, target, bos, forced):
    B, T = target.shape
    said = None
    token = torch.tensor([bos] * B)
    for t in range(T):
        now, state = step(token, state)
        if said is None:
            said = now.new_zeros(B, T, now.shape[1])
        said[:, t] = now
        token = torch.where(torch.tensor(forced[t]), target[:, t], now.max(1).indices)
    return said
