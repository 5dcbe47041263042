def adam_step(w, g, m, v, t, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    beta1, beta2 = betas
    m = m + (1 - beta1) * (g - m)
    v = v + (1 - beta2) * (g**2 - v)
    root = v**0.5 / (1 - beta2**t) ** 0.5
    return w - lr / (1 - beta1**t) * m / (root + eps), m, v
