"""The optimizer race: its runners are the real optimizers, and what the page says of the surfaces is so."""

import numpy as np
import pytest
import torch

from dlstudy import scratch
from dlstudy.figures.descent.surfaces import SURFACES, walk
from dlstudy.lessons.lesson04 import optimizer_race as race
from dlstudy.lessons.lesson04.optimizer_race import OptimizerRace


@pytest.mark.parametrize("name", race.RACERS)
def test_scratch_and_torch_walk_the_same_path(name: str) -> None:
    surface = race.COURSE["banana"]
    rate = race.RATES["banana"][name]
    ours, theirs = (
        np.array(walk(surface, (-1.2, 1.9), rate, 50, race.racers((name,), lib)[name])["points"])
        for lib in (scratch, torch)
    )
    assert ours.shape == (51, 2)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-10)
    assert np.abs(ours[-1] - ours[0]).max() > 0.1


def test_a_runner_remembers_nothing_between_walks() -> None:
    run = race.racers(("Adam",))["Adam"]
    surface = race.COURSE["ravine"]
    first, second = (walk(surface, surface.start, 0.1, 20, run)["points"] for _ in range(2))
    assert first == second


def test_the_rates_are_the_best_of_the_grid() -> None:
    for surface, name in (("ravine", "SGD"), ("diagonal", "Adam"), ("banana", "momentum"), ("plateau", "Adagrad")):
        assert race.best_rate(race.COURSE[surface], name) == race.RATES[surface][name]
    assert set(race.RATES) == set(race.COURSE)
    assert all(set(rates) == set(race.RACERS) for rates in race.RATES.values())


def test_the_turned_ravine_is_the_ravine_turned_by_45_degrees() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 20))
    along, across = (x + y) / 2**0.5, (x - y) / 2**0.5
    np.testing.assert_allclose(race.DIAGONAL.height(x, y), SURFACES["ravine"].height(along, across), rtol=1e-12)


def lows(surface: str) -> dict[str, float]:
    return {name: race.score(race.COURSE[surface], name, race.RATES[surface][name]) for name in race.RACERS}


def test_what_the_page_asks_the_learner_to_find() -> None:
    straight, turned, bent = lows("ravine"), lows("diagonal"), lows("banana")
    assert max(straight["Adagrad"], straight["RMSprop"]) < min(straight[n] for n in ("SGD", "momentum", "Adam")) - 1
    assert min(turned["Adagrad"], turned["RMSprop"]) > max(straight["Adagrad"], straight["RMSprop"]) + 1, "lead gone"
    assert abs(turned["SGD"] - straight["SGD"]) < 0.1, "SGD does not see the axes"
    arrive = {name for name, low in bent.items() if low < -1}
    assert arrive == {"momentum", "Nesterov", "Adam"}, "those with a memory of direction"
    ravine = race.COURSE["ravine"]
    far = walk(ravine, ravine.start, 10 * race.RATES["ravine"]["SGD"], race.STEPS, race.racers(("SGD",))["SGD"])
    assert len(far["points"]) < race.STEPS + 1, "SGD leaves for infinity"
    adam = walk(ravine, ravine.start, 10 * race.RATES["ravine"]["Adam"], race.STEPS, race.racers(("Adam",))["Adam"])
    assert len(adam["points"]) == race.STEPS + 1, "Adam swings, and stays"
    assert np.abs(adam["points"]).max() < 50


def test_at_one_rate_the_ball_runs_through_the_gorge_and_sgd_zigzags() -> None:
    ends, crossings = {}, {}
    for name, run in race.racers(("SGD", "momentum")).items():
        found = walk(race.GORGE, race.GORGE.start, race.GORGE.rate, 100, run)
        ends[name] = found["losses"][-1]
        across = np.array(found["points"])[:20, 1]
        crossings[name] = int((np.diff(np.sign(across)) != 0).sum())
    assert crossings["SGD"] == 19, "from wall to wall in every step"
    assert ends["momentum"] < 1e-3 * ends["SGD"]


def test_the_figure_starts_everybody_at_their_own_rate_and_follows_the_surface() -> None:
    figure = OptimizerRace(chosen=("SGD", "Adam"))
    assert figure.rates == race.RATES["ravine"]
    assert [path["name"] for path in figure.paths] == ["SGD", "Adam"]
    figure.surface = "banana"
    assert figure.rates == race.RATES["banana"]
    assert all(len(path["points"]) == race.STEPS + 1 for path in figure.paths)
