"""The optimizer race: real optimizers of dlstudy.scratch go down one surface, each at a rate of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from dlstudy.figures.descent.surface_descent import SurfaceDescent
from dlstudy.figures.descent.surfaces import SURFACES, Runner, Surface, quadratic, walk

STEPS = 120
GRID = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)

RACERS: dict[str, Callable[[Any, list[Any], float], Any]] = {
    "SGD": lambda optim, w, lr: optim.SGD(w, lr=lr),
    "momentum": lambda optim, w, lr: optim.SGD(w, lr=lr, momentum=0.9),
    "Adam": lambda optim, w, lr: optim.Adam(w, lr=lr),
    "Adagrad": lambda optim, w, lr: optim.Adagrad(w, lr=lr),
    "RMSprop": lambda optim, w, lr: optim.RMSprop(w, lr=lr),
    "Nesterov": lambda optim, w, lr: optim.SGD(w, lr=lr, momentum=0.9, nesterov=True),
}
"""What can race: name -> how to make it from a library's `optim`, parameters and a rate."""


def racers(names: Sequence[str] = tuple(RACERS), lib: Any = None) -> dict[str, Runner]:
    """Return ways of walking for `SurfaceDescent`, each a real optimizer of `lib`: dlstudy.scratch unless given."""
    if lib is None:
        from dlstudy import scratch as lib
    return {name: _racer(lib, RACERS[name]) for name in names}


def _racer(lib: Any, make: Callable[[Any, list[Any], float], Any]) -> Runner:
    def run(surface: Surface, start: tuple[float, float], rate: float) -> Iterator[tuple[float, float]]:
        w = lib.tensor(list(start), dtype=lib.float64, requires_grad=True)
        optimizer = make(lib.optim, [w], rate)
        while True:
            optimizer.zero_grad()
            surface.height(w[0], w[1]).backward()
            optimizer.step()
            x, y = w.detach().numpy()
            yield float(x), float(y)

    return run


DIAGONAL = quadratic(
    "diagonal", "A ravine, turned", np.array([[13.0, -12.0], [-12.0, 13.0]]), (0.0, 0.0),
    start=(-2.6, -1.0), formula="(13x² − 24xy + 13y²) / 2",
    note="The ravine, turned by 45°: both weights now feel the steep direction and the flat one.",
)  # fmt: skip
"""The ravine of the lesson, turned by 45 degrees: no axis lies along it."""
GORGE = quadratic(
    "gorge", "A gorge", np.array([[1.0, 0.0], [0.0, 300.0]]), (0.0, 0.0),
    start=(-2.6, 0.2), y=(-0.3, 0.3), rate=0.006, rates=(0.0005, 0.02), formula="(x² + 300 y²) / 2",
    note="300 times as curved across as along.",
)  # fmt: skip
"""A ravine so narrow that nobody walks straight down it. Both walkers of the page go at the same rate."""
COURSE = {"diagonal": DIAGONAL, **{name: SURFACES[name] for name in ("ravine", "banana", "plateau", "saddle", "beale")}}


def score(surface: Surface, name: str, rate: float) -> float:
    """Return how low a racer is on the whole way: the mean of log10 of the loss, losses under 1e-6 counting as 1e-6."""
    losses = np.array(walk(surface, surface.start, rate, STEPS, racers((name,))[name])["losses"])
    if len(losses) < STEPS + 1 or not np.isfinite(losses).all():
        return float("inf")
    return float(np.log10(np.maximum(losses, 1e-6)).mean())


def best_rate(surface: Surface, name: str) -> float:
    """Return the rate of GRID with the lowest `score`."""
    return min(GRID, key=lambda rate: score(surface, name, rate))


RATES: dict[str, dict[str, float]] = {
    "diagonal": {"SGD": 0.05, "momentum": 0.01, "Adam": 0.5, "Adagrad": 0.5, "RMSprop": 0.2, "Nesterov": 0.05},
    "ravine": {"SGD": 0.05, "momentum": 0.01, "Adam": 0.5, "Adagrad": 0.5, "RMSprop": 0.2, "Nesterov": 0.05},
    "banana": {"SGD": 0.01, "momentum": 0.01, "Adam": 0.1, "Adagrad": 0.2, "RMSprop": 0.02, "Nesterov": 0.01},
    "plateau": {"SGD": 0.2, "momentum": 0.2, "Adam": 0.5, "Adagrad": 0.5, "RMSprop": 0.02, "Nesterov": 0.1},
    "saddle": {"SGD": 0.5, "momentum": 0.2, "Adam": 0.5, "Adagrad": 0.5, "RMSprop": 0.2, "Nesterov": 0.5},
    "beale": {"SGD": 0.02, "momentum": 0.005, "Adam": 0.5, "Adagrad": 0.5, "RMSprop": 0.2, "Nesterov": 0.002},
}
"""What `best_rate` found, so that a page need not look again."""


class OptimizerRace(SurfaceDescent):
    """The loss-surface descent with several optimizers on it, each beginning at its best rate for that surface.

    Args:
        surfaces: ids out of COURSE.
        names: who races, out of RACERS.
        chosen: who walks in the beginning; everybody unless given.
    """

    def __init__(
        self,
        surfaces: Sequence[str] = ("ravine", "diagonal", "banana", "plateau", "saddle", "beale"),
        names: Sequence[str] = tuple(RACERS),
        chosen: Sequence[str] | None = None,
    ) -> None:
        super().__init__([COURSE[name] for name in surfaces], racers(names), steps=STEPS)
        if chosen is not None:
            self.chosen = list(chosen)

    def _rates_for(self, surface: Surface) -> dict[str, float]:
        return {name: RATES[surface.id][name] for name in self._runners}
