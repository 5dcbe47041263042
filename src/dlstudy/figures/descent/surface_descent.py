"""Loss-surface descent: drag the start, change the rate, watch the path; several ways of walking can race."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import traitlets

from dlstudy.figures.descent.surfaces import SURFACES, Runner, Surface, contours, descend, walk
from dlstudy.figures.widget import Figure, module, stylesheet

USUAL = ("bowl", "ravine", "two-valleys", "saddle", "plateau", "banana")
"""The surfaces that are offered unless a page names others."""


class SurfaceDescent(Figure):
    """A map of a loss of two weights, and the paths of one or several runners that go down it from one start.

    Args:
        surfaces: what can be chosen: ids of `surfaces.SURFACES`, or Surface objects of the page's own.
        runners: a name and a way of walking for each path, see `surfaces.Runner`; plain gradient
            descent unless given. A runner is called anew whenever the start, the rate or the surface changes, so
            everything that it remembers belongs inside the call.
        rates: the learning rate of each runner (names that are left out take the surface's own), kept when the surface
            changes; without it each surface begins with its own rate.
        steps: how many steps are computed.

    Each trait can be set from either side. `surface` is the id; `start` the place [x, y]; `rates` a number
    for each runner; `chosen` the names of the runners that walk; `shown` the step up to which paths are drawn.
    `paths` holds for each chosen runner its `name`, `points`, `losses` and `slopes` (see
    `surfaces.walk`): one list each, shorter than `steps + 1` where the walk left for infinity.
    Raises ValueError for an unknown surface, or no runner at all.
    """

    _esm = module(__file__)
    _css = stylesheet(__file__)

    surfaces = traitlets.List().tag(sync=True)
    surface = traitlets.Unicode().tag(sync=True)
    areas = traitlets.List().tag(sync=True)
    start = traitlets.List().tag(sync=True)
    rates = traitlets.Dict().tag(sync=True)
    runners = traitlets.List().tag(sync=True)
    chosen = traitlets.List().tag(sync=True)
    steps = traitlets.Int(100).tag(sync=True)
    shown = traitlets.Int(0).tag(sync=True)
    paths = traitlets.List().tag(sync=True)

    def __init__(
        self,
        surfaces: Iterable[str | Surface] = USUAL,
        runners: Mapping[str, Runner] | None = None,
        *,
        rates: Mapping[str, float] | None = None,
        start: Sequence[float] | None = None,
        steps: int = 100,
        shown: int | None = None,
    ) -> None:
        self._known: dict[str, Surface] = {}
        for one in surfaces:
            if isinstance(one, str) and one not in SURFACES:
                raise ValueError(f"expected a surface out of {', '.join(SURFACES)}, got {one!r}")
            found = SURFACES[one] if isinstance(one, str) else one
            self._known[found.id] = found
        self._runners = dict(runners or {"gradient descent": descend})
        if not self._known:
            raise ValueError("expected at least one surface, got none")
        self._rates_given = dict(rates or {})
        first = next(iter(self._known.values()))
        super().__init__(
            surfaces=[_facts(one) for one in self._known.values()],
            surface=first.id,
            areas=contours(first),
            start=[float(v) for v in (first.start if start is None else start)],
            rates=self._rates_for(first),
            runners=list(self._runners),
            chosen=list(self._runners),
            steps=steps,
            shown=steps if shown is None else shown,
        )
        self._update()
        self.observe(self._change_surface, names=["surface"])
        self.observe(self._update, names=["start", "rates", "chosen", "steps"])

    def _rates_for(self, surface: Surface) -> dict[str, float]:
        return {name: float(self._rates_given.get(name, surface.rate)) for name in self._runners}

    def _change_surface(self, change: Any) -> None:
        if self.surface not in self._known:
            self.surface = change["old"]
            return
        surface = self._known[self.surface]
        with self.hold_trait_notifications():
            self.areas = contours(surface)
            self.start = list(map(float, surface.start))
            self.rates = self._rates_for(surface)
            self.shown = self.steps
        self._update()

    def _update(self, change: Any = None) -> None:
        surface = self._known[self.surface]
        self.paths = [
            {"name": name, **walk(surface, self.start, float(self.rates[name]), self.steps, runner)}
            for name, runner in self._runners.items()
            if name in self.chosen
        ]


def _facts(surface: Surface) -> dict[str, Any]:
    """What the browser needs to know of a surface."""
    names = ("id", "title", "formula", "x", "y", "start", "minima", "rates", "note")
    return {name: getattr(surface, name) for name in names}
