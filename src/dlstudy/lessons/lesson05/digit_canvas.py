"""The drawing canvas: draw a digit with mouse, finger or keyboard, and a network says live what it sees."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import traitlets
from jaxtyping import Float32, Num

from dlstudy.figures.widget import Figure, module, stylesheet

SIDE = 28
BOX = 20  # the data set's digits fill a square of this side

Classify = Callable[[np.ndarray], Any]
"""Takes an image (28, 28), float32 from 0 to 1, and returns ten scores (logits)."""


class DigitCanvas(Figure):
    """A sheet of 28 x 28 pixels to draw on, beside the probabilities that `classify` gives the ten digits.

    Args:
        classify: a function of an image (28, 28), float32 from 0 (paper) to 1 (ink), that returns ten logits.
        examples: pairs of a title and an image (28, 28) of uint8, offered in a menu.
        centred: whether the drawing is scaled and centred, as `as_mnist` does it, before the network sees it.

    The traits `pixels` (784 numbers from 0 to 255) and `centred` can be set from either side; `report` holds the
    probabilities, what the network saw, and a sentence.
    """

    _esm = module(__file__, "drawing")
    _css = stylesheet(__file__)

    side = traitlets.Int(SIDE).tag(sync=True)
    pixels = traitlets.List(traitlets.Int(min=0, max=255)).tag(sync=True)
    centred = traitlets.Bool(True).tag(sync=True)
    examples = traitlets.List().tag(sync=True)
    report = traitlets.Dict().tag(sync=True)

    def __init__(
        self, classify: Classify, examples: Sequence[tuple[str, np.ndarray]] = (), *, centred: bool = True
    ) -> None:
        self._classify = classify
        super().__init__(
            pixels=[int(v) for v in examples[0][1].ravel()] if examples else [0] * SIDE**2,
            centred=centred,
            examples=[[title, [int(v) for v in image.ravel()]] for title, image in examples],
        )
        self._update()
        self.observe(self._update, names=["pixels", "centred"])

    @property
    def image(self) -> np.ndarray:
        """What is on the paper: (28, 28), float32, from 0 to 1."""
        return np.array(self.pixels, np.float32).reshape(SIDE, SIDE) / 255

    def _update(self, change: Any = None) -> None:
        """Ask the network about what is drawn."""
        image = self.image
        if not image.any():
            self.report = {"scores": [], "seen": [0] * SIDE**2, "words": "The paper is empty."}
            return
        seen = as_mnist(image) if self.centred else image
        logits = np.asarray(self._classify(seen), dtype=np.float64).ravel()
        scores = np.exp(logits - logits.max())
        scores /= scores.sum()
        first, second = (int(n) for n in np.argsort(-scores)[:2])
        words = f"The network says {first} ({scores[first]:.0%}), then {second} ({scores[second]:.1%})."
        self.report = {
            "scores": [float(p) for p in scores],
            "seen": [round(float(v) * 255) for v in seen.ravel()],
            "words": words,
        }


def as_mnist(image: Num[np.ndarray, "H W"]) -> Float32[np.ndarray, "28 28"]:
    """Return a drawing as the data set would hold it: scaled to fit 20 x 20, its centre of mass in the middle.

    `image` is float from 0 to 1, ink on empty paper. Source: LeCun, Bottou, Bengio, Haffner, "Gradient-Based Learning
    Applied to Document Recognition" (1998), section III.A. An empty sheet comes back empty.
    """
    import torch

    inked = np.argwhere(image > 0)
    if not len(inked):
        return np.zeros((SIDE, SIDE), np.float32)
    (top, left), (bottom, right) = inked.min(0), inked.max(0) + 1
    crop = np.ascontiguousarray(image[top:bottom, left:right], dtype=np.float32)
    scale = BOX / max(crop.shape)
    height, width = (max(1, round(size * scale)) for size in crop.shape)
    resized = torch.nn.functional.interpolate(
        torch.from_numpy(crop)[None, None], (height, width), mode="bilinear", antialias=True
    )
    small = resized[0, 0].numpy().clip(0, 1)
    mass = small.sum()
    rows, columns = np.arange(height) + 0.5, np.arange(width) + 0.5
    y, x = (small.sum(1) @ rows / mass, small.sum(0) @ columns / mass) if mass else (height / 2, width / 2)
    # Of the whole pixels it can be moved by, the data set takes those that bring the centre to 14 or just behind it.
    row = int(np.clip(math.ceil(SIDE / 2 - y), 0, SIDE - height))
    column = int(np.clip(math.ceil(SIDE / 2 - x), 0, SIDE - width))
    result = np.zeros((SIDE, SIDE), np.float32)
    result[row : row + height, column : column + width] = small
    return result
