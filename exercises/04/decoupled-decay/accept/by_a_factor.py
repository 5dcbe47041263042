import numpy as np


def adamw_step(w, g, m, v, t, lr=0.001, decay=0.01):
    m = 0.9 * m + 0.1 * g
    v = 0.999 * v + 0.001 * g * g
    m_hat = m / (1 - 0.9**t)
    v_hat = v / (1 - 0.999**t)
    return (1 - lr * decay) * w - lr * m_hat / (np.sqrt(v_hat) + 1e-8), m, v
