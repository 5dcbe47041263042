import numpy as np


def wrong_slopes(f, x, grad):
    x = np.array(x)
    found = []
    for place in np.ndindex(*x.shape):
        kept, eps = x[place], 3e-6
        x[place] = kept + eps
        high = f(x)
        x[place] = kept - eps
        low = f(x)
        x[place] = kept
        slope = (high - low) / (2 * eps)
        if not np.isclose(slope, grad[place], rtol=1e-3, atol=1e-7):
            found.append(int(np.ravel_multi_index(place, x.shape)))
    return found
