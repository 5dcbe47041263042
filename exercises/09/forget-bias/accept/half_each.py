def open_forget_gates(bias_ih, bias_hh, value=1.0):
    size = bias_ih.shape[0] // 4
    made = []
    for bias in (bias_ih, bias_hh):
        parts = bias.detach().clone().view(4, size)
        parts[1] = value / 2
        made.append(parts.flatten())
    return tuple(made)
