import numpy as np


def adamw_step(w, g, m, v, t, lr=0.001, decay=0.01):
    """Return `w`, `m` and `v` after step `t` of AdamW with betas (0.9, 0.999) and eps 1e-8, as new arrays.

    The decay takes `lr * decay` of every weight, as it came in; `m` and `v` know of the gradient `g` alone.
    """
    w = w - lr * decay * w
    m = 0.9 * m + 0.1 * g
    v = 0.999 * v + 0.001 * g * g
    m_hat = m / (1 - 0.9**t)
    v_hat = v / (1 - 0.999**t)
    w = w - lr * m_hat / (np.sqrt(v_hat) + 1e-8)
    return w, m, v
