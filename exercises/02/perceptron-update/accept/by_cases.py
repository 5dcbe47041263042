def perceptron_update(w, b, x, label):
    says_yes = (w * x).sum() + b > 0
    if says_yes == bool(label):
        return w, b
    if label:
        return w + x, b + 1
    return w - x, b - 1
