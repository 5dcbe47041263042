"""The two static pictures that nearly every page needs, curves and rows of images, with caption and alt text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dlstudy.figures.palette import BLUE, CYCLE, LINE, MUTED, ORANGE, PAPER
from dlstudy.figures.svg import StaticFigure, figure, subplots

if TYPE_CHECKING:
    from matplotlib.colors import Colormap


# A second cue beside colour, for print and for eyes that see colours differently.
DASHES: tuple[Any, ...] = (
    "-",
    (0, (5, 2)),
    (0, (1.5, 1.5)),
    (0, (7, 2, 1.5, 2)),
    (0, (3, 1, 1, 1, 1, 1)),
    (0, (11, 3)),
)
_MARKERS = ("o", "s", "^", "D", "v", "P")


def colours_between(*colours: str) -> Colormap:
    """Return Matplotlib's map of the numbers of a picture to what lies evenly between these colours."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("between", colours)


def signed_colours() -> Colormap:
    """Return the map for numbers around zero: blue below, white at zero, orange above."""
    return colours_between(BLUE, "#ffffff", ORANGE)


def lines(
    x: Sequence[float] | np.ndarray,
    curves: Mapping[str, Sequence[float] | np.ndarray],
    *,
    xlabel: str,
    ylabel: str,
    caption: str,
    alt: str,
    logx: bool = False,
    logy: bool = False,
    reverse_x: bool = False,
    hline: float | None = None,
    hline_label: str = "",
) -> StaticFigure:
    """Draw one curve per entry of `curves` over `x`; colour, dash and marker tell them apart.

    `hline` adds a level line with a label. `reverse_x` lets the axis run from large to small. Every curve must be as
    long as `x` (ValueError otherwise). Returns a figure that follows the page's theme.
    """
    for name, y in curves.items():
        if len(y) != len(x):
            raise ValueError(f"expected {len(x)} values for the curve {name!r}, got {len(y)}")
    fig, ax = subplots(figsize=(6.8, 3.1))
    for i, (name, y) in enumerate(curves.items()):
        marker = _MARKERS[i % len(_MARKERS)] if len(x) <= 20 else ""
        ax.plot(x, y, label=name, lw=2, ls=DASHES[i % len(DASHES)], color=CYCLE[i % len(CYCLE)], marker=marker, ms=4.5)
    if hline is not None:
        ax.axhline(hline, color=MUTED, lw=1, ls=(0, (2, 3)))
        ax.annotate(hline_label, (1, hline), xycoords=("axes fraction", "data"), ha="right", va="bottom", color=MUTED)
    if logx:
        ax.set_xscale("log")
    if logy:
        ax.set_yscale("log")
    if reverse_x:
        ax.invert_xaxis()
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.grid(axis="y", color=LINE, lw=0.6)
    if len(curves) > 1:
        ax.legend(facecolor=PAPER)
    return figure(fig, caption=caption, alt=alt)


def image_row(
    images: Sequence[np.ndarray],
    *,
    titles: Sequence[str],
    caption: str,
    alt: str,
    signed: bool = False,
    height: float = 0.85,
) -> StaticFigure:
    """Draw images side by side, each (H, W) grey or (H, W, 3) colour, under their titles.

    Grey images share one scale, dark ink on a light ground. `signed` draws numbers around zero: blue below, orange
    above, white at zero, all on one scale; on a page about gradients, blue is then what descent will raise. `height` is
    the row's height in inches at full width of the page.
    """
    if len(images) != len(titles):
        raise ValueError(f"expected one title per image: got {len(titles)} titles for {len(images)} images")
    grey = [image for image in images if image.ndim == 2]
    low, high = (min(map(np.min, grey)), max(map(np.max, grey))) if grey else (0, 1)
    colours: Any = "gray_r"
    if signed:
        high = max(abs(float(low)), abs(float(high)))
        low = -high
        colours = signed_colours()
    fig, axes = subplots(1, len(images), figsize=(7.2, height + 0.3), squeeze=False)
    for ax, image, title in zip(axes[0], images, titles):
        ax.imshow(
            image, cmap=colours, vmin=low, vmax=high, interpolation="nearest" if len(image) <= 32 else "antialiased"
        )
        ax.set_title(title, fontsize=10)
        ax.axis("off")
    return figure(fig, caption=caption, alt=alt)
