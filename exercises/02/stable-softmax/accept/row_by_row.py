import numpy as np


def softmax(scores):
    rows = []
    for row in scores:
        powers = np.exp(row - max(row))
        rows.append(powers / sum(powers))
    return np.array(rows)
