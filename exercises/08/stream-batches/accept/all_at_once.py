import numpy as np


def stream_batches(tokens, batch_size, length):
    strip = (len(tokens) - 1) // batch_size
    count = strip // length
    if count == 0:
        raise ValueError(f"{len(tokens)} tokens are not enough")
    places = np.arange(batch_size)[:, None] * strip + np.arange(count * length)
    inputs, targets = (np.split(np.asarray(tokens)[places + ahead], count, axis=1) for ahead in (0, 1))
    return list(zip(inputs, targets))
