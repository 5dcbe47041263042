"""Oracle: pixel by pixel in Python, from the definition; one pixel by hand."""

import numpy as np
import torch

from dlstudy.course.checking import Case

HALF = [0.5, 0.5, 0.5]


def cases(rng):
    def photos(*shape):
        return rng.integers(0, 256, size=shape, dtype=np.uint8)

    one = np.array([[[[255, 51, 102]]]], np.uint8)
    return [
        Case(
            "one pixel",
            one,
            [0.5, 0.2, 0.0],
            [0.5, 0.1, 0.2],
            expected=torch.tensor([1.0, 0.0, 2.0]).view(1, 3, 1, 1),
        ),
        Case("two photographs, wider than high", photos(2, 3, 5, 3), [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        Case("a square photograph", photos(1, 4, 4, 3), [0.498, 0.498, 0.498], [0.502, 0.502, 0.502]),
        Case("three by three pixels, three colours", photos(1, 3, 3, 3), [0.1, 0.5, 0.9], [0.25, 0.5, 1.0]),
    ]


def given(images, mean, std):
    return f"images {images.shape} uint8, mean = {mean}, std = {std}"


def oracle(images, mean, std):
    n, h, w, _ = images.shape
    result = torch.zeros(n, 3, h, w)
    for i, y, x, c in np.ndindex(n, h, w, 3):
        result[i, c, y, x] = (int(images[i, y, x, c]) / 255 - mean[c]) / std[c]
    return result
