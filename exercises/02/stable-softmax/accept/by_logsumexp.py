import numpy as np


def softmax(scores):
    top = np.amax(scores, axis=-1)[:, None]
    log_total = top + np.log(np.exp(scores - top).sum(-1)[:, None])
    return np.exp(scores - log_total)
