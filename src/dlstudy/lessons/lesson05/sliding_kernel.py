"""The sliding-kernel animator: an image to draw on, a kernel to type in, and the window that makes each number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import traitlets

from dlstudy.figures.widget import Figure, module, stylesheet

SIDE = 8
INK = 9  # pixels go from 0 to 9, so that one figure is enough to write them

DIGITS = (
    (5, "0076000000899800007986100069940000024940000029500032792000599600"),
    (0, "0037510000786830028106400270044003400540026017400183670000376000"),
    (4, "0001600000044000001731100048054003960930028979100002860000019200"),
    (7, "0044798100442670000047100244883001688200000930000058100000730000"),
)
"""The first 5, 0, 4 and 7 of the data set "digits", 8 x 8 pixels each, scaled to 0 to 9. Here, since reading the whole
set takes longer than a page should take to open; a test compares them with it."""

KERNELS: tuple[tuple[str, int, tuple[float, ...]], ...] = (
    ("Upright edges", 3, (-1, 0, 1, -1, 0, 1, -1, 0, 1)),
    ("Level edges", 3, (-1, -1, -1, 0, 0, 0, 1, 1, 1)),
    ("Any edge", 3, (0, 1, 0, 1, -4, 1, 0, 1, 0)),
    ("Blur", 3, (0.111, 0.111, 0.111, 0.111, 0.111, 0.111, 0.111, 0.111, 0.111)),
    ("Sharpen", 3, (0, -1, 0, -1, 5, -1, 0, -1, 0)),
    ("Move by one", 3, (0, 0, 0, 1, 0, 0, 0, 0, 0)),
    ("A stroke downhill", 5, (1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1)),
    ("A single weight", 1, (2,)),
)
"""Kernels to begin with: a title, the side, the weights row by row."""


class SlidingKernel(Figure):
    """Show a kernel sliding over an image: step, play, stop, jump; change both by hand.

    Args:
        kernel: one of the titles in `KERNELS`.
        stride: places the window moves a step, 1 to 3.
        padding: zeros around the image, 0 to 3.
        dilation: pixels from one weight to the next, 1 to 3.

    The image is 8 x 8 with pixels from 0 to 9, at first a real digit. The traits `pixels`, `kernel` (weights row
    by row), `size`, `stride`, `padding`, `dilation` and `step` (the number of the window that is shown) can
    be set from either side. What is worked out is cross-correlation, as in `torch.nn.functional.conv2d`.
    """

    _esm = module(__file__, "drawing")
    _css = stylesheet(__file__)

    rows = traitlets.Int(SIDE).tag(sync=True)
    columns = traitlets.Int(SIDE).tag(sync=True)
    pixels = traitlets.List(traitlets.Int(min=0, max=INK)).tag(sync=True)
    kernel = traitlets.List(traitlets.Float()).tag(sync=True)
    size = traitlets.Int(3, min=1, max=5).tag(sync=True)
    stride = traitlets.Int(1, min=1, max=3).tag(sync=True)
    padding = traitlets.Int(0, min=0, max=3).tag(sync=True)
    dilation = traitlets.Int(1, min=1, max=3).tag(sync=True)
    step = traitlets.Int(0, min=0).tag(sync=True)
    kernels = traitlets.List().tag(sync=True)
    images = traitlets.List().tag(sync=True)

    def __init__(
        self, kernel: str = "Upright edges", *, stride: int = 1, padding: int = 0, dilation: int = 1, step: int = 0
    ) -> None:
        known = {title: (size, weights) for title, size, weights in KERNELS}
        if kernel not in known:
            raise ValueError(f"expected one of {', '.join(known)}; got {kernel!r}")
        size, weights = known[kernel]
        images = _images()
        super().__init__(
            pixels=images[0][1],
            kernel=[float(w) for w in weights],
            size=size,
            stride=stride,
            padding=padding,
            dilation=dilation,
            step=step,
            kernels=[[title, side, [float(w) for w in numbers]] for title, side, numbers in KERNELS],
            images=[[title, pixels] for title, pixels in images],
        )


def _images() -> Sequence[tuple[str, list[int]]]:
    """Real digits, and three images on which one sees what a kernel does."""
    found = [(f"a real {label}", [int(figure) for figure in pixels]) for label, pixels in DIGITS]
    step, square, dot = (np.zeros((SIDE, SIDE), int) for _ in range(3))
    step[:, SIDE // 2 :] = INK
    square[2:6, 2:6] = INK
    dot[3, 3] = 1
    drawn = (("dark and bright", step), ("a square", square), ("a single pixel", dot))
    return found + [(title, [int(v) for v in image.ravel()]) for title, image in drawn]
