import numpy as np


def adamw_step(w, g, m, v, t, lr=0.001, decay=0.01):
    m = 0.9 * m + 0.1 * g
    v = 0.999 * v + 0.001 * g**2
    direction = m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return w - lr * (direction + decay * w), m, v
