import numpy as np


def fold_linear(layers):
    def run(x):
        for weight, bias in layers:
            x = weight @ x + bias
        return x

    size = layers[0][0].shape[1]
    bias = run(np.zeros(size))
    weight = np.array([run(column) - bias for column in np.eye(size)]).T
    return weight, bias
