"""The bias-variance dashboard: forty people fit a curve to their own few noisy points of one row of a photo."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np
import traitlets

from dlstudy.figures.widget import Figure, module, stylesheet

PLACES = 160
DRAWS = 40
WAVES = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 18, 20, 22, 24, 28, 32, 40, 50, 64)
POINTS = (12, 20, 40, 80, 160)
NOISES = (0.0, 0.05, 0.1, 0.2, 0.4)
PENALTIES = (0.0, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)


@dataclass(frozen=True)
class Errors:
    """What `errors_of` found; all errors are mean squares over the row, in units of the photo's brightness from 0 to 1.

    curves (DRAWS, PLACES): everybody's curve. mean (PLACES,): their mean. x, y (points,): the points of the first one.
    bias: of the mean curve from the truth, squared. variance: of the curves around their mean. noise: of a fresh point.
    """

    curves: np.ndarray
    mean: np.ndarray
    x: np.ndarray
    y: np.ndarray
    bias: float
    variance: float
    noise: float

    @property
    def total(self) -> float:
        """The expected squared error on a fresh point: the sum of the three."""
        return self.bias + self.variance + self.noise


@cache
def truth() -> np.ndarray:
    """Return the brightness along a row of the coffee photo, blurred a little: (PLACES,), from 0 to 1."""
    from dlstudy.data import photo

    row = photo("coffee").image[190:210, :, 1].mean(0) / 255
    width = len(row)
    blur = np.exp(-0.5 * (np.arange(-36, 37) / 12) ** 2)
    smooth = np.convolve(np.pad(row, 36, mode="edge"), blur / blur.sum(), mode="valid")
    return np.interp(np.linspace(0, width - 1, PLACES), np.arange(width), smooth)


def waves_at(x: np.ndarray, waves: int) -> np.ndarray:
    """Return the values at x of 1 and of the first `waves` - 1 cosines that fit into 0 to 1: (..., waves)."""
    columns = np.cos(np.pi * x[..., None] * np.arange(waves))
    columns[..., 1:] *= np.sqrt(2)
    return columns


@lru_cache(maxsize=512)
def errors_of(
    waves: int, points: int = 20, noise: float = 0.1, penalty: float = 0.0, seed: int = 0, spread: bool = True
) -> Errors:
    """Let DRAWS people fit `waves` cosines to `points` noisy points each, and take the errors apart.

    With `spread` there is one point, at random, in each of `points` equal stretches of the row; without, they fall
    anywhere. `noise` is the standard deviation of the noise. The fit minimises the mean squared error plus `penalty`
    times the squared coefficients, the constant's left out; without a penalty, where several fit equally well, it
    takes the one with the smallest coefficients. The parts are those of Hastie, Tibshirani and Friedman, The Elements
    of Statistical Learning, 2009, eq. 7.9. Raises ValueError unless there is at least one wave and one point.
    """
    if waves < 1 or points < 1:
        raise ValueError(f"expected at least one wave and one point, got {waves} and {points}")
    rng = np.random.default_rng(seed)
    x = rng.random((DRAWS, points))
    if spread:
        x = (np.arange(points) + x) / points
    row, grid = truth(), np.linspace(0, 1, PLACES)
    y = np.interp(x, grid, row) + noise * rng.normal(size=x.shape)
    columns = waves_at(x, waves)  # (DRAWS, points, waves)
    if penalty:
        charge = np.full(waves, penalty * points)
        charge[0] = 0
        table = columns.transpose(0, 2, 1) @ columns + np.diag(charge)
        weights = np.linalg.solve(table, (columns * y[..., None]).sum(1)[..., None])[..., 0]
    else:
        weights = (np.linalg.pinv(columns, rcond=1e-10) @ y[..., None])[..., 0]
    curves = weights @ waves_at(grid, waves).T  # (DRAWS, PLACES)
    mean = curves.mean(0)
    variance = float(((curves - mean) ** 2).mean())
    # The mean of so few curves is itself off by chance, by variance / (DRAWS - 1) on average: that is no bias.
    bias = max(0.0, float(((mean - row) ** 2).mean()) - variance / (DRAWS - 1))
    return Errors(
        curves,
        mean,
        x[0],
        y[0],
        bias=bias,
        variance=variance,
        noise=noise**2,
    )


class BiasVariance(Figure):
    """Curves of forty people on the left; bias, variance and noise against the number of waves on the right.

    Args:
        waves, points, noise, penalty: where it starts; each must be one of the values that the module offers.

    The traits can be set from either side; `draw` counts new draws of everybody's points. `report` holds what is
    drawn. Raises ValueError for a value that is not offered.
    """

    _esm = module(__file__)
    _css = stylesheet(__file__)

    waves = traitlets.Int(4).tag(sync=True)
    points = traitlets.Int(20).tag(sync=True)
    noise = traitlets.Float(0.1).tag(sync=True)
    penalty = traitlets.Float(0.0).tag(sync=True)
    draw = traitlets.Int(0).tag(sync=True)
    offered = traitlets.Dict().tag(sync=True)
    report = traitlets.Dict().tag(sync=True)

    def __init__(self, waves: int = 4, points: int = 20, noise: float = 0.1, penalty: float = 0.0) -> None:
        offered: dict[str, list[float]] = {
            "waves": [k for k in WAVES if k <= 32],
            "points": list(POINTS),
            "noise": list(NOISES),
            "penalty": list(PENALTIES),
        }
        for name, value in (("waves", waves), ("points", points), ("noise", noise), ("penalty", penalty)):
            if value not in offered[name]:
                raise ValueError(f"expected {name} to be one of {offered[name]}, got {value}")
        super().__init__(waves=waves, points=points, noise=noise, penalty=penalty, offered=offered)
        self._update()
        self.observe(self._update, names=["waves", "points", "noise", "penalty", "draw"])

    def _update(self, change: Any = None) -> None:
        settings = {"points": self.points, "noise": self.noise, "penalty": self.penalty, "seed": self.draw}
        found = errors_of(self.waves, **settings)
        sweep = [(k, errors_of(k, **settings)) for k in self.offered["waves"]]
        best, _ = min(sweep, key=lambda pair: pair[1].total)
        self.report = {
            "truth": _rounded(truth()),
            "curves": [_rounded(curve) for curve in found.curves[:16]],
            "mean": _rounded(found.mean),
            "points": [_rounded(found.x), _rounded(found.y)],
            "sweep": [
                {"waves": k, "bias": e.bias, "variance": e.variance, "noise": e.noise, "total": e.total}
                for k, e in sweep
            ],
            "bias": found.bias,
            "variance": found.variance,
            "noise": found.noise,
            "total": found.total,
            "best": best,
            "words": _words(self.waves, best, found),
        }


def _rounded(values: np.ndarray) -> list[float]:
    return np.clip(values, -9, 9).round(4).tolist()


def _words(waves: int, best: int, found: Errors) -> str:
    """Say what the picture shows at this setting."""
    part = max(("bias", "variance", "noise"), key=lambda name: getattr(found, name))
    said = {
        "bias": "Most of the error is bias: the curves agree, and miss the truth together.",
        "variance": "Most of the error is variance: each curve follows its own points, and they disagree.",
        "noise": "Most of the error is noise, which no curve can predict: there is little left to win.",
    }[part]
    share = f"bias² {found.bias:.4f} + variance {found.variance:.4f} + noise {found.noise:.4f} = {found.total:.4f}"
    where = "This is the lowest sum there is." if waves == best else f"The sum is lowest at {best} waves."
    return f"{said} On a fresh point: {share}. {where}"
