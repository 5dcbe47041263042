def layerwise_groups(parts, rate, decay):
    groups = []
    for part in reversed(parts):
        learning = [p for p in part.parameters() if p.requires_grad]
        if learning:
            groups.insert(0, {"params": learning, "lr": rate})
        rate = rate * decay
    return groups
