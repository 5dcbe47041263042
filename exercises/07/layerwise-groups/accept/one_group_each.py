def layerwise_groups(parts, rate, decay):
    n = len(parts)
    rates = [rate * decay ** (n - 1 - i) for i in range(n)]
    return [{"params": [p], "lr": r} for part, r in zip(parts, rates) for p in part.parameters() if p.requires_grad]
