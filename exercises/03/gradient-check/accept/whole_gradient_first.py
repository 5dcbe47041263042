import numpy as np


def wrong_slopes(f, x, grad):
    measured = np.zeros(x.size)
    for i in range(x.size):
        nudge = np.zeros(x.size)
        nudge[i] = 1e-5
        nudge = nudge.reshape(x.shape)
        measured[i] = (f(x + nudge) - f(x - nudge)) / 2e-5
    claimed = grad.ravel()
    gap = np.abs(measured - claimed)
    allowed = np.maximum(1e-3 * np.maximum(np.abs(measured), np.abs(claimed)), 1e-7)
    return np.flatnonzero(gap > allowed).tolist()
