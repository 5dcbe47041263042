"""The playground learns what it should and says so truthfully; its base stops, restarts and thins its curve."""

import numpy as np
import pytest
import torch

from dlstudy import scratch
from dlstudy.figures.livetraining import POINTS, LiveTraining
from dlstudy.lessons.lesson02.playground import BENDS, DATA, REACH, SIDE, UNIT_SIDE, Playground, grid, points
from tests.proofs import note


class Counting(LiveTraining):
    """A network that is a number: it loses 1, 1/2, 1/3, ... and breaks at `breaks`."""

    breaks = 10**9

    def build(self) -> None:
        self.at = 0

    def train_step(self) -> float:
        self.at += 1
        return float("nan") if self.at >= self.breaks else 1 / self.at

    def draw(self) -> tuple[dict, bytes]:
        return {"at": self.at}, bytes([self.at % 256])


# ---- the base ------------------------------------------------------------------------------------------------------


def test_a_slice_ends_by_steps_or_by_time_and_always_takes_one() -> None:
    figure = Counting()
    assert figure.advance(5, seconds=60) == 5
    assert figure.advance(10**6, seconds=0) == 1
    assert (figure.step, figure.picture, figure.pixels, figure.serial) == (6, {"at": 6}, b"\x06", 3)


def test_the_curve_holds_every_step_s_loss_and_is_thinned_by_means() -> None:
    figure = Counting()
    figure.advance(POINTS, seconds=60)
    assert figure.losses == [[k, float(f"{1 / k:.4g}")] for k in range(1, POINTS + 1)]
    figure.advance(20 * POINTS, seconds=60)
    assert POINTS / 2 <= len(figure.losses) <= POINTS + 1
    steps = np.array([step for step, _ in figure.losses])
    width = steps[1] - steps[0]
    assert (np.diff(steps) == width).all()
    for step, loss in figure.losses:
        assert loss == pytest.approx(np.mean([1 / k for k in range(step - width + 1, step + 1)]), rel=1e-3)


def test_a_loss_that_is_no_number_stops_it_until_a_restart() -> None:
    figure = Counting()
    figure.breaks = 4
    assert figure.advance(100, seconds=60) == 4
    assert "smaller learning rate" in figure.problem
    assert figure.advance(100, seconds=60) == 0
    assert [step for step, _ in figure.losses] == [1, 2, 3]
    figure.restart()
    assert (figure.problem, figure.step, figure.losses) == ("", 0, [])
    assert figure.advance(3, seconds=60) == 3


def test_messages_of_the_browser_are_obeyed_and_others_are_not() -> None:
    figure = Counting()
    figure._asked(figure, {"do": "advance", "steps": 7}, [])
    assert figure.step == 7
    for nonsense in ({"do": "fly"}, {}, None, "advance"):
        figure._asked(figure, nonsense, [])
    assert figure.step == 7
    figure._asked(figure, {"do": "restart"}, [])
    assert figure.step == 0


# ---- the playground ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DATA)
def test_points_are_drawn_inside_the_map_in_equal_parts_and_by_seed(name: str) -> None:
    x, y = points(name, 5, 160)
    assert x.dtype == np.float32
    assert x.shape == (160, 2)
    assert set(y.tolist()) == {0, 1}
    assert 50 <= y.sum() <= 110
    assert np.abs(x).max() < REACH
    again, labels = points(name, 5, 160)
    assert np.array_equal(x, again)
    assert np.array_equal(y, labels)
    assert not np.array_equal(x, points(name, 6, 160)[0])


@pytest.mark.proof
@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "low", "high"),
    [
        ({"data": "clouds", "depth": 0}, 0.95, 1),
        ({"data": "ring", "depth": 0}, 0.3, 0.7),
        ({"data": "ring", "depth": 4, "width": 8, "bend": "none"}, 0.3, 0.7),  # depth alone adds no power
        ({"data": "ring", "depth": 1, "width": 4}, 0.95, 1),
        ({"data": "xor", "depth": 1, "width": 8, "bend": "tanh"}, 0.9, 1),
        ({"data": "moons", "depth": 2, "width": 8, "bend": "relu"}, 0.95, 1),
        ({"data": "ring", "depth": 4, "width": 8, "bend": "sigmoid"}, 0.3, 0.7),  # nothing reaches the first layer
    ],
)
def test_what_the_page_says_about_the_settings_is_so(settings: dict, low: float, high: float) -> None:
    for seed in (0, 1, 2):
        figure = Playground(seed=seed, **settings)
        figure.advance(3000, seconds=60)
        note(**{f"right_with_seed_{seed}": float(figure.picture["fresh"])})
        assert low <= figure.picture["fresh"] <= high


def test_its_steps_are_those_of_torch() -> None:
    figure = Playground(data="xor", depth=2, width=5, bend="tanh", rate=0.2, seed=3)
    net = torch.nn.Sequential(
        torch.nn.Linear(2, 5), torch.nn.Tanh(), torch.nn.Linear(5, 5), torch.nn.Tanh(), torch.nn.Linear(5, 2)
    )
    net.load_state_dict({name: torch.tensor(value.numpy()) for name, value in figure._net.state_dict().items()})
    order = np.random.default_rng(3)
    for _ in range(2):
        mixed = order.permutation(160)
        for batch in mixed.reshape(10, 16):
            scores = net(torch.tensor(2 * figure._x[batch]))
            loss = torch.nn.functional.cross_entropy(scores, torch.tensor(figure._y[batch]))
            net.zero_grad()
            loss.backward()
            with torch.no_grad():
                for parameter in net.parameters():
                    parameter -= 0.2 * parameter.grad
            assert figure.train_step() == pytest.approx(loss.item(), abs=2e-5)


def test_the_maps_show_what_the_network_says_row_by_row_from_the_top() -> None:
    figure = Playground(data="moons", depth=2, width=3, bend="gelu", seed=1)
    figure.advance(200, seconds=60)
    assert len(figure.pixels) == SIDE**2 + 2 * 3 * UNIT_SIDE**2
    places = grid(SIDE)
    assert places[0].tolist() == pytest.approx([-REACH * (1 - 1 / SIDE), REACH * (1 - 1 / SIDE)])
    assert places[1][0] > places[0][0]
    assert places[SIDE][1] < places[0][1]
    share = figure.share_of_kind_1(places)
    drawn = np.frombuffer(figure.pixels, np.uint8)
    np.testing.assert_allclose(drawn[: SIDE**2], share * 255, atol=0.51)

    unit = figure.hidden(grid(UNIT_SIDE))[1][:, 2]  # second layer, third unit: the last of the maps
    np.testing.assert_allclose(drawn[-(UNIT_SIDE**2) :], 128 + 127 * unit / np.abs(unit).max(), atol=0.51)
    x = scratch.tensor(2 * places[:7])
    with scratch.no_grad():
        h = figure._net[1](figure._net[0](x)).numpy()
    np.testing.assert_array_equal(figure.hidden(places[:7])[0], h)


def test_a_unit_that_says_nothing_is_reported_and_drawn_as_nothing() -> None:
    figure = Playground(depth=1, width=3)
    figure._net[0].bias.data[1] = -100.0
    figure.show()
    assert figure.picture["dead"] == [[False, True, False]]
    maps = np.frombuffer(figure.pixels[SIDE**2 :], np.uint8).reshape(3, -1)
    assert (maps[1] == 128).all()
    assert maps[0].max() == 255


@pytest.mark.parametrize("bend", BENDS)
def test_every_setting_can_be_changed_and_begins_anew(bend: str) -> None:
    figure = Playground()
    figure.advance(3, seconds=60)
    figure.bend = bend
    figure.depth, figure.width, figure.data = 4, 8, "spirals"
    assert figure.step == 0
    figure.advance(3, seconds=60)
    before = figure._net.state_dict()["0.weight"].numpy().copy()
    figure.rate = 0.3
    assert figure.step == 3, "a new rate begins nothing anew"
    figure.seed += 1
    assert not np.array_equal(before, figure._net.state_dict()["0.weight"].numpy())
    assert figure.picture["numbers"] == (2 * 8 + 8) + 3 * (8 * 8 + 8) + (8 * 2 + 2)


def test_steps_that_are_too_large_are_told_and_not_raised() -> None:
    figure = Playground(data="spirals", depth=3, width=8, bend="relu")
    figure.rate = 1e6
    figure.advance(50, seconds=60)
    assert "smaller learning rate" in figure.problem
    assert len(figure.pixels) == SIDE**2 + 24 * UNIT_SIDE**2
    figure.restart()
    assert figure.problem == ""


def test_the_page_s_own_random_numbers_stay_as_they_were() -> None:
    scratch.manual_seed(7)
    expected = scratch.rand(3).numpy()
    scratch.manual_seed(7)
    Playground(seed=5).advance(20, seconds=60)
    np.testing.assert_array_equal(scratch.rand(3).numpy(), expected)
