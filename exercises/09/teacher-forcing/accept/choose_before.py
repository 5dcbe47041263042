import torch


def unroll(step, state, target, bos, forced):
    result = []
    for t in range(target.shape[1]):
        if t == 0:
            token = torch.full_like(target[:, t], bos)
        elif forced[t - 1]:
            token = target[:, t - 1]
        else:
            token = torch.softmax(result[-1][:, 0], dim=1).argmax(dim=1)
        logits, state = step(token, state)
        result.append(logits[:, None])
    return torch.cat(result, dim=1)
