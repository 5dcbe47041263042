def train_mode(model):
    parameters = list(model.parameters())
    frozen = bool(parameters) and not any(p.requires_grad for p in parameters)
    if frozen:
        model.eval()
        return
    model.training = True
    for child in model.children():
        train_mode(child)
