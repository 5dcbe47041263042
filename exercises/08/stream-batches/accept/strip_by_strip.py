import numpy as np


def stream_batches(tokens, batch_size, length):
    strip = (len(tokens) - 1) // batch_size
    if strip < length:
        raise ValueError("too little text")
    strips = np.stack([tokens[b * strip : b * strip + strip + 1] for b in range(batch_size)])
    start = 0
    while start + length <= strip:
        yield strips[:, start : start + length], strips[:, start + 1 : start + length + 1]
        start += length
