"""Losses of two weights that can be drawn as a map, and paths that go down them.

Nothing here draws. A surface is its height and its slope, as formulas that serve numbers, arrays and Tensors.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

FAR = 1e6
"""A walk is over when a weight is larger than this: it will not come back."""


@dataclass(frozen=True)
class Surface:
    """A loss that depends on two weights x and y. Its lowest value is 0, so that losses can be drawn on a log scale.

    Attributes:
        id: how cells and controls name it.
        title: what the learner reads.
        formula: the height in plain text.
        height: (x, y) -> loss; arithmetic only, so that arrays and Tensors work too.
        slope: (x, y) -> the two partial derivatives. Proven equal to torch's autograd on `height`.
        x, y: the part of the plane that is drawn, as (low, high).
        start: where a walk begins unless told otherwise.
        minima: the places where the loss is 0.
        rate: a learning rate that works for plain gradient descent from `start`.
        rates: the range of the rate's slider.
        spacing: contour k of n is drawn at (k/n) ** spacing of the largest height; 2 spaces a bowl's rings evenly.
        note: one sentence about what it shows.
    """

    id: str
    title: str
    formula: str
    height: Callable[[Any, Any], Any]
    slope: Callable[[Any, Any], tuple[Any, Any]]
    x: tuple[float, float]
    y: tuple[float, float]
    start: tuple[float, float]
    minima: tuple[tuple[float, float], ...]
    rate: float = 0.1
    rates: tuple[float, float] = (0.001, 3.0)
    spacing: float = 2.0
    note: str = ""


def _beale(x: Any, y: Any) -> tuple[Any, Any, Any]:
    return 1.5 - x + x * y, 2.25 - x + x * y * y, 2.625 - x + x * y * y * y


def _beale_slope(x: Any, y: Any) -> tuple[Any, Any]:
    a, b, c = _beale(x, y)
    return (
        2 * (a * (y - 1) + b * (y * y - 1) + c * (y * y * y - 1)),
        2 * x * (a + 2 * b * y + 3 * c * y * y),
    )


SURFACES: dict[str, Surface] = {
    surface.id: surface
    for surface in (
        Surface(
            "bowl", "A bowl", "(x² + y²) / 2",
            lambda x, y: (x * x + y * y) / 2,
            lambda x, y: (x, y),
            (-3, 3), (-3, 3), (-2.4, 1.8), ((0, 0),),
            note="Equally steep in every direction: the slope points straight away from the goal.",
        ),
        Surface(
            "ravine", "A ravine", "(x² + 25 y²) / 2",
            lambda x, y: (x * x + 25 * y * y) / 2,
            lambda x, y: (x, 25 * y),
            (-3, 3), (-3, 3), (-2.6, 1.2), ((0, 0),), rate=0.06,
            note="25 times as curved across as along: the slope points at the far wall, not at the goal.",
        ),
        Surface(
            "saddle", "A pass between two valleys", "x²/2 + (y² − 1)² / 4",
            lambda x, y: x * x / 2 + (y * y - 1) * (y * y - 1) / 4,
            lambda x, y: (x, y * (y * y - 1)),
            (-2, 2), (-2, 2), (-1.7, 0.02), ((0, 1), (0, -1)), rate=0.2,
            note="In the middle the slope is zero, and yet it is no minimum: along y it is a top.",
        ),
        Surface(
            "two-valleys", "Two valleys, one deeper", "(3x⁴ − x³ − 6x² + 3x + 5) / 4 + y²",
            lambda x, y: (3 * x * x * x * x - x * x * x - 6 * x * x + 3 * x + 5) / 4 + y * y,
            lambda x, y: (3 * (x + 1) * (x - 1) * (x - 0.25), 2 * y),
            (-2, 2), (-2, 2), (1.6, 1.4), ((-1, 0),), rate=0.05,
            note="Where a walk ends depends on where it began.",
        ),
        Surface(
            "plateau", "A hole in a plain", "r² / (1 + r²),  r² = x² + 4y²",
            lambda x, y: (x * x + 4 * y * y) / (1 + x * x + 4 * y * y),
            lambda x, y: (2 * x / (1 + x * x + 4 * y * y) ** 2, 8 * y / (1 + x * x + 4 * y * y) ** 2),
            (-4, 4), (-4, 4), (-2.0, 1.2), ((0, 0),), rate=0.2, rates=(0.01, 30.0), spacing=1.0,
            note="Far out it is nearly level: a large loss and hardly any slope.",
        ),
        Surface(
            "banana", "A bent valley", "(1 − x)² + 10 (y − x²)²",
            lambda x, y: (1 - x) * (1 - x) + 10 * (y - x * x) * (y - x * x),
            lambda x, y: (-2 * (1 - x) - 40 * x * (y - x * x), 20 * (y - x * x)),
            (-2, 2), (-1, 3), (-1.4, 2.2), ((1, 1),), rate=0.01, rates=(0.0001, 1.0), spacing=4.0,
            note="Easy to reach the valley floor, slow to follow it: Rosenbrock's test, with 10 for his 100.",
        ),
        Surface(
            "beale", "A plain with steep corners", "(1.5 − x + xy)² + (2.25 − x + xy²)² + (2.625 − x + xy³)²",
            lambda x, y: sum(part * part for part in _beale(x, y)),
            _beale_slope,
            (-4.5, 4.5), (-2, 2), (1.0, 1.6), ((3, 0.5),), rate=0.01, rates=(0.0001, 1.0), spacing=6.0,
            note="Walls at the corners, a flat floor towards the goal: Beale's test.",
        ),
    )
}  # fmt: skip


def quadratic(id: str, title: str, matrix: np.ndarray, minimum: Sequence[float], **options: Any) -> Surface:
    """Return the surface ½ (w - m)ᵀ A (w - m) of a symmetric, positive definite A (2, 2) with its minimum m (2,).

    Every least-squares loss of two weights is one, up to its lowest value. `options` are the other attributes of a
    Surface; the drawn part is 3 to each side of m unless told otherwise. Raises ValueError for another A.
    """
    (a, b), (c, d) = np.asarray(matrix, dtype=float)
    if b != c or a <= 0 or a * d - b * c <= 0:
        raise ValueError(f"expected a symmetric, positive definite table of 2 x 2 numbers, got {matrix!r}")
    mx, my = map(float, minimum)
    facts: dict[str, Any] = {
        "formula": f"({a:.3g} u² + {2 * b:.3g} u v + {d:.3g} v²) / 2,  u = x − {mx:.3g}, v = y − {my:.3g}",
        "x": (mx - 3, mx + 3),
        "y": (my - 3, my + 3),
        "start": (mx - 2.4, my + 1.8),
        **options,
    }
    return Surface(
        id,
        title,
        height=lambda x, y: (a * (x - mx) * (x - mx) + 2 * b * (x - mx) * (y - my) + d * (y - my) * (y - my)) / 2,
        slope=lambda x, y: (a * (x - mx) + b * (y - my), b * (x - mx) + d * (y - my)),
        minima=((mx, my),),
        **facts,
    )


Runner = Callable[[Surface, tuple[float, float], float], Iterable[tuple[float, float]]]
"""A way of walking: (surface, start, rate) -> the places after step 1, 2, 3, ..., without end."""


def descend(surface: Surface, start: tuple[float, float], rate: float) -> Iterator[tuple[float, float]]:
    """Plain gradient descent, w <- w - rate * slope: the places after each step, without end."""
    x, y = start
    while True:
        dx, dy = surface.slope(x, y)
        x, y = x - rate * dx, y - rate * dy
        yield x, y


def walk(
    surface: Surface, start: Sequence[float], rate: float, steps: int, runner: Runner = descend
) -> dict[str, list[Any]]:
    """Follow `runner` for `steps` steps: its `points` (start first), the `losses` and the `slopes` there.

    Ends before a weight that is not a number or larger than a million, which JSON and pictures cannot hold; then there
    are fewer than `steps + 1` points.
    """
    here = (float(start[0]), float(start[1]))
    points = [here]
    for x, y in islice(iter(runner(surface, here, rate)), steps):
        x, y = float(x), float(y)
        if not (math.isfinite(x) and math.isfinite(y) and max(abs(x), abs(y)) < FAR):
            break
        points.append((x, y))
    xs, ys = np.array(points).T
    with np.errstate(all="ignore"):
        losses = surface.height(xs, ys)
        slopes = np.stack(np.broadcast_arrays(*surface.slope(xs, ys)), axis=1)
    whole = np.isfinite(losses) & np.isfinite(slopes).all(axis=1)
    last = len(points) if whole.all() else max(1, int(whole.argmin()))
    return {
        "points": [[x, y] for x, y in points[:last]],
        "losses": losses[:last].tolist(),
        "slopes": slopes[:last].tolist(),
    }


def contours(surface: Surface, levels: int = 14, points: int = 81) -> list[str]:
    """Return, from the highest level down, the area below each level as an SVG path in a square of 1000 x 1000.

    x runs right and y runs up, over the part of the plane that the surface draws; fill with the even-odd rule.
    """
    from contourpy import FillType, contour_generator

    xs, ys = np.meshgrid(np.linspace(*surface.x, points), np.linspace(*surface.y, points))
    heights = np.asarray(surface.height(xs, ys), dtype=float)
    unit = np.linspace(0, 1000, points)
    generator = contour_generator(unit, unit, heights, fill_type=FillType.OuterCode)
    paths = []
    for k in range(levels - 1, 0, -1):
        level = heights.max() * (k / levels) ** surface.spacing
        found: Any = generator.filled(-1.0, level)  # a list of polygons and one of their codes
        polygons, codes = found
        paths.append("".join(_path(polygon, code) for polygon, code in zip(polygons, codes)))
    return paths


def _path(polygon: np.ndarray, codes: np.ndarray) -> str:
    """Matplotlib's codes: 1 begins a ring, 2 goes on, 79 closes it."""
    words = {1: "M", 2: "L", 79: "Z"}
    return "".join(
        words[code] if code == 79 else f"{words[code]}{x:.0f} {1000 - y:.0f}"
        for (x, y), code in zip(polygon, codes.tolist())
    )
