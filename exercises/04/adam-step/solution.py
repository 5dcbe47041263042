import numpy as np


def adam_step(w, g, m, v, t, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    """Return `w`, `m` and `v` after step `t` of Adam, as new arrays; `t` is 1 for the first step.

    The weights `w`, their gradient `g` and the running means `m` (of the gradient) and `v` (of its square) have one
    shape. `m` and `v` are handed back as they stand, uncorrected, for the next step.
    """
    # 1. the running means of the gradient and of its square
    m = betas[0] * m + (1 - betas[0]) * g
    v = betas[1] * v + (1 - betas[1]) * g * g
    # 2. both began at nought: divide out what is missing after t steps
    m_hat = m / (1 - betas[0] ** t)
    v_hat = v / (1 - betas[1] ** t)
    # 3. the step
    w = w - lr * m_hat / (np.sqrt(v_hat) + eps)
    return w, m, v
