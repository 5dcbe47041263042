"""Surfaces and the walks down them, against torch's autograd, torch's SGD and closed forms; and the widget's traits."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import torch

from dlstudy.figures.descent.surface_descent import SurfaceDescent
from dlstudy.figures.descent.surfaces import FAR, SURFACES, contours, descend, quadratic, walk

RNG = np.random.default_rng(3)
TILTED = quadratic("tilted", "A tilted ravine", np.array([[3.0, 1.2], [1.2, 0.7]]), (0.5, -1.5), rate=0.2)
EVERY = [*SURFACES.values(), TILTED]
every_surface = pytest.mark.parametrize("surface", EVERY, ids=lambda surface: surface.id)


def points_of(surface, n=200):
    return RNG.uniform(*surface.x, n), RNG.uniform(*surface.y, n)


@every_surface
def test_slope_is_torchs(surface):
    xs, ys = points_of(surface)
    x, y = torch.tensor(xs, requires_grad=True), torch.tensor(ys, requires_grad=True)
    surface.height(x, y).sum().backward()
    dx, dy = surface.slope(xs, ys)
    np.testing.assert_allclose(dx, x.grad.numpy(), rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(dy, y.grad.numpy(), rtol=1e-11, atol=1e-11)


@every_surface
def test_lowest_value_is_zero_and_at_the_minima(surface):
    xs, ys = points_of(surface, 20_000)
    assert (surface.height(xs, ys) > 0).all()
    for x, y in surface.minima:
        assert surface.height(x, y) == pytest.approx(0, abs=1e-12)
        assert surface.slope(x, y) == pytest.approx((0, 0), abs=1e-12)
    # everything that is drawn lies on the map
    for (x, y), (low, high) in ((surface.start, surface.x), (surface.start[::-1], surface.y)):
        assert low <= x <= high, y


@every_surface
def test_the_rate_that_ships_goes_down_from_the_start(surface):
    losses = walk(surface, surface.start, surface.rate, 100)["losses"]
    assert len(losses) == 101
    assert losses[-1] < 0.8 * losses[0]


@every_surface
def test_descend_is_torchs_sgd(surface):
    x, y = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in surface.start)
    optimizer = torch.optim.SGD([x, y], lr=surface.rate)
    path = walk(surface, surface.start, surface.rate, 30)
    for point, loss, slope in zip(path["points"], path["losses"], path["slopes"]):
        value = surface.height(x, y)
        assert point == pytest.approx([x.item(), y.item()], rel=1e-9, abs=1e-12)
        assert loss == pytest.approx(value.item(), rel=1e-9, abs=1e-15)
        optimizer.zero_grad()
        value.backward()
        assert slope == pytest.approx([x.grad.item(), y.grad.item()], rel=1e-9, abs=1e-12)
        optimizer.step()


def test_a_quadratic_goes_by_powers():
    # On the ravine each weight is multiplied by 1 - rate * curvature at every step.
    path = walk(SURFACES["ravine"], (2.0, 1.0), 0.07, 9)
    for k, (x, y) in enumerate(path["points"]):
        assert x == pytest.approx(2.0 * (1 - 0.07) ** k)
        assert y == pytest.approx((1 - 0.07 * 25) ** k)


def test_a_walk_to_infinity_ends_in_time_for_json():
    path = walk(SURFACES["banana"], (-1.4, 2.2), 1.0, 200)
    assert 1 <= len(path["points"]) < 200
    assert len(path["losses"]) == len(path["slopes"]) == len(path["points"])
    assert np.abs(path["points"]).max() < FAR
    json.dumps(path, allow_nan=False)
    assert len(walk(SURFACES["bowl"], (1, 1), float("nan"), 5)["points"]) == 1


def test_quadratic_refuses_what_is_no_valley():
    for matrix in ([[1.0, 2.0], [2.0, 1.0]], [[1.0, 0.1], [0.2, 1.0]], [[-1.0, 0.0], [0.0, -1.0]]):
        with pytest.raises(ValueError, match="positive definite"):
            quadratic("x", "x", np.array(matrix), (0, 0))


@every_surface
def test_contours_hold_the_area_below_their_level(surface):
    paths = contours(surface, levels=10, points=161)
    assert len(paths) == 9
    for k, path in zip(range(9, 0, -1), paths):
        # The area by the shoelace formula, holes running the other way round, against counting grid points.
        area = 0.0
        for ring in filter(None, re.split("Z", path)):
            xy = np.array([p.split() for p in re.split("[ML]", ring)[1:]], dtype=float)
            area += 0.5 * np.sum(xy[:-1, 0] * xy[1:, 1] - xy[1:, 0] * xy[:-1, 1])
            area += 0.5 * (xy[-1, 0] * xy[0, 1] - xy[0, 0] * xy[-1, 1])
        xs, ys = np.meshgrid(np.linspace(*surface.x, 401), np.linspace(*surface.y, 401))
        heights = surface.height(xs, ys)
        share = (heights < heights.max() * (k / 10) ** surface.spacing).mean()
        assert abs(area) / 1e6 == pytest.approx(share, abs=0.012)


def test_y_runs_up_on_the_map():
    lowest = contours(SURFACES["saddle"])[-1]
    assert lowest, "the deepest area of the saddle lies around two minima"
    tilted = quadratic("high", "h", np.eye(2), (0, 2), x=(-3, 3), y=(-3, 3))
    ys = [float(p.split()[1]) for p in re.split("[MLZ]", contours(tilted)[-1]) if p.strip()]
    assert max(ys) < 500  # the minimum is in the upper half, and SVG counts downward


class TestWidget:
    def test_traits_move_the_path(self):
        figure = SurfaceDescent(("bowl", "ravine"), steps=20)
        assert figure.surface == "bowl"
        assert figure.paths[0]["points"][0] == [-2.4, 1.8]
        figure.start = [1.0, -2.0]
        figure.rates = {"gradient descent": 0.5}
        assert figure.paths[0]["points"][1] == [0.5, -1.0]
        figure.steps = 3
        assert len(figure.paths[0]["points"]) == 4
        before = figure.areas
        figure.surface = "ravine"
        assert figure.areas != before
        assert figure.start == list(SURFACES["ravine"].start)
        assert figure.rates == {"gradient descent": SURFACES["ravine"].rate}
        assert figure.paths[0]["points"][0] == figure.start
        figure.surface = "nowhere"
        assert figure.surface == "ravine"

    def test_several_runners_start_anew_each_time(self):
        def momentum(surface, start, rate):
            (x, y), (u, v) = start, (0.0, 0.0)
            while True:
                dx, dy = surface.slope(x, y)
                u, v = 0.9 * u + dx, 0.9 * v + dy
                x, y = x - rate * u, y - rate * v
                yield x, y

        figure = SurfaceDescent(("bowl", "banana"), {"plain": descend, "momentum": momentum}, rates={"momentum": 0.02})
        assert figure.rates == {"plain": 0.1, "momentum": 0.02}
        assert [path["name"] for path in figure.paths] == ["plain", "momentum"]
        first = figure.paths[1]["points"]
        figure.start = [1.0, 1.0]
        figure.start = [-2.4, 1.8]
        assert figure.paths[1]["points"] == first
        figure.chosen = ["momentum"]
        assert [path["name"] for path in figure.paths] == ["momentum"]
        figure.surface = "banana"
        assert figure.rates == {"plain": 0.01, "momentum": 0.02}

    def test_refuses_what_it_does_not_know(self):
        with pytest.raises(ValueError, match="got 'hill'"):
            SurfaceDescent(("hill",))
        with pytest.raises(ValueError, match="got none"):
            SurfaceDescent(())
