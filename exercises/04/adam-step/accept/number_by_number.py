import math

import numpy as np


def adam_step(w, g, m, v, t, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    w, m, v = np.array(w), np.array(m), np.array(v)
    for place in np.ndindex(w.shape):
        m[place] = betas[0] * m[place] + (1 - betas[0]) * g[place]
        v[place] = betas[1] * v[place] + (1 - betas[1]) * g[place] ** 2
        size = math.sqrt(v[place] / (1 - betas[1] ** t)) + eps
        w[place] -= lr * m[place] / (1 - betas[0] ** t) / size
    return w, m, v
