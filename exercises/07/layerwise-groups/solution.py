def layerwise_groups(parts, rate, decay):
    """Return an optimizer's parameter groups: the last part learns at `rate`, each one before it at `decay` times that.

    `parts` lists the network from input to output. What is frozen is left out.
    """
    groups = []
    for place, part in enumerate(parts):
        distance = len(parts) - 1 - place
        learning = [p for p in part.parameters() if p.requires_grad]
        if learning:
            groups.append({"params": learning, "lr": rate * decay**distance})
    return groups
