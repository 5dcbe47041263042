import math

import torch


def top_p(logits, p):
    if not 0 < p <= 1:
        raise ValueError("0 < p <= 1, please")
    result = torch.full_like(logits, -math.inf)
    rows, out = logits.reshape(-1, logits.shape[-1]), result.view(-1, logits.shape[-1])
    for row, kept in zip(rows, out):
        chances, gathered = row.softmax(0), 0.0
        for token in chances.argsort(descending=True).tolist():
            if gathered >= p and p < 1:
                break
            kept[token] = row[token]
            gathered += chances[token].item()
    return result
