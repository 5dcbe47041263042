"""What lesson 04 measures and draws is right: digits, shifts, paired gains, the laws it quotes, the sealed test."""

import re
from collections.abc import Generator
from typing import Any

import numpy as np
import pytest
import torch

from dlstudy import scratch
from dlstudy.course.content.paths import content_root
from dlstudy.data import load
from dlstudy.lessons import lesson04


def finish(work: Generator[float, None, Any]) -> tuple[list[float], Any]:
    """Run a measurement to its end; return the progress that it told and its result."""
    told = []
    while True:
        try:
            told.append(next(work))
        except StopIteration as end:
            return told, end.value


def test_the_digits_are_mnist_at_half_size_and_no_digit_is_in_two_parts() -> None:
    digits = lesson04.digits()
    assert digits.pool_x.shape == digits.val_x.shape == (2000, 196)
    assert digits.pool_x.dtype == np.float32
    mnist = load("mnist")
    large, labels = mnist.split("train").arrays()
    small = torch.nn.functional.avg_pool2d(torch.tensor(large), 2).reshape(-1, 196).numpy()
    both, names = np.concatenate([digits.pool_x, digits.val_x]), np.concatenate([digits.pool_y, digits.val_y])

    def ordered(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        table = np.column_stack([np.round(x, 4), y])
        return table[np.lexsort(table.T)]

    np.testing.assert_allclose(ordered(both, names), ordered(small, labels), rtol=0, atol=2e-4)
    seen = {row.tobytes() for row in digits.pool_x}
    assert len(seen & {row.tobytes() for row in digits.val_x}) == 0
    assert len(seen & {row.tobytes() for row in digits.test.open()[0]}) == 0


def test_the_envelope_counts_how_often_it_is_opened() -> None:
    sealed = lesson04.Sealed(np.ones((3, 2)), np.arange(3))
    assert repr(sealed) == "3 test digits, opened 0 times"
    sealed.open()
    x, y = sealed.open()
    assert (sealed.opened, x.shape, y.tolist()) == (2, (3, 2), [0, 1, 2])


def test_a_shift_moves_the_whole_image_by_at_most_a_pixel() -> None:
    rng = np.random.default_rng(1)
    image = np.zeros((14, 14), np.float32)
    image[2:12, 2:12] = rng.random((10, 10)) + 0.1  # nothing at the edge, so nothing is lost
    moved = lesson04.shifted(np.tile(image.ravel(), (400, 1)), rng).reshape(400, 14, 14)
    possible = {np.roll(image, (down, across), (0, 1)).tobytes() for down in (-1, 0, 1) for across in (-1, 0, 1)}
    assert {one.tobytes() for one in moved} == possible, "all nine shifts, and no other"
    assert moved.dtype == np.float32
    full = np.ones((1, 196), np.float32)
    sums = {float(lesson04.shifted(full, rng).sum()) for _ in range(40)}
    assert sums == {196.0, 182.0, 169.0}, "what leaves at one edge is paper at the other, and comes back nowhere"


def test_each_image_gets_a_shift_of_its_own() -> None:
    x = np.tile(lesson04.digits().pool_x[:1], (50, 1))
    moved = lesson04.shifted(x, np.random.default_rng(0))
    assert len({row.tobytes() for row in moved}) > 5


def fake_train(seed: int, **cure: Any) -> tuple[str, np.ndarray]:
    """A log whose validation loss falls and climbs, lower with a cure; columns as the page's `train` has them."""
    epochs = np.arange(6)
    val = (epochs - 2.0) ** 2 + seed / 10 - len(cure)
    return f"net {seed}", np.stack([1 / (epochs + 1), epochs / 6, val, (epochs + seed) / 100], axis=1)


def test_cures_pair_by_seed_and_read_early_stopping_from_the_plain_run() -> None:
    told, found = finish(lesson04.cures(fake_train, seeds=(0, 3)))
    assert told[-1] == 1.0
    assert told == sorted(told)
    assert len(told) == 2 * len(lesson04.CURES)
    assert found["cures"]["no cure"] == {"loss": [9.0, 9.3], "accuracy": [0.05, 0.08]}
    assert found["cures"][lesson04.STOPPED] == {"loss": [0.0, 0.3], "accuracy": [0.02, 0.05]}
    assert found["cures"]["dropout"]["loss"] == [8.0, 8.3]
    assert np.array(found["curves"]["no cure"]).shape == (2, 6)
    gains = lesson04.gains(found, "loss")
    assert set(gains) == {*lesson04.CURES, lesson04.STOPPED} - {"no cure"}
    assert gains[lesson04.STOPPED].mean == pytest.approx(-9)
    assert gains["shifts + smoothing"].mean == pytest.approx(-2)


def test_the_table_shows_every_cure_and_marks_what_is_clear() -> None:
    found = {
        "seeds": [0, 1, 2],
        "cures": {
            "no cure": {"loss": [0.8, 0.9, 1.0], "accuracy": [0.80, 0.81, 0.82]},
            "a": {"loss": [0.6, 0.71, 0.8], "accuracy": [0.79, 0.82, 0.82]},
        },
    }
    head, rule, plain, cured = lesson04.cures_table(found).split("\n")
    assert head.count("|") == rule.count("|") == plain.count("|") == cured.count("|") == 6
    assert set(rule) <= set("| -:")
    assert plain == "| no cure | 0.900 |  | 81.0% |  |"
    assert cured == "| a | 0.703 | **−0.197 ± 0.003** | 81.0% | +0.0 ± 0.6 |"
    drawn = lesson04.show_cures(found)
    assert "a: loss -0.20" in drawn.alt
    assert "paired over 3 seeds" in drawn.caption


def test_the_test_digits_are_read_once_and_after_all_training() -> None:
    trained, sealed = [], lesson04.Sealed(np.ones((4, 1)), np.arange(4))

    def train(seed: int, **cure: Any) -> tuple[tuple[int, int], None]:
        assert sealed.opened == 0
        trained.append(seed)
        return (seed, len(cure)), None

    def judge(net: tuple[int, int], x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
        return 0.0, net[0] + 100 * net[1] + len(x)

    told, found = finish(lesson04.read_test(train, judge, sealed, "shifts + smoothing", seeds=(1, 2)))
    assert (sealed.opened, trained, told[-1]) == (1, [1, 1, 2, 2], 1.0)
    assert found == {"no cure": [5, 6], "chosen": [205, 206]}


def test_the_noise_law_is_the_standard_error_of_a_mean_without_replacement() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=60)
    for size in (1, 7, 30, 60):
        means = [values[rng.permutation(60)[:size]].mean() for _ in range(4000)]
        law = values.std() * lesson04.noise_law(np.array([size]), 60)[0]
        assert np.std(means) == pytest.approx(law, rel=0.05, abs=1e-12)


def test_uncorrected_steps_are_what_torch_walks_when_its_correction_is_taken_out() -> None:
    w = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([w], lr=1.0, eps=0.0)
    law = lesson04.correction(40)
    for t in range(1, 41):
        w.grad = torch.ones(1, dtype=torch.float64) * 3
        before = w.item()
        optimizer.step()
        corrected = before - w.item()
        assert corrected == pytest.approx(1.0)
        assert law[t - 1] == pytest.approx(corrected * (1 - 0.9**t) / (1 - 0.999**t) ** 0.5)


def test_the_proof_covers_the_family_and_would_see_a_wrong_optimizer(monkeypatch: pytest.MonkeyPatch) -> None:
    told, rows = finish(lesson04.proof(steps=5))
    assert told[-1] == 1.0
    assert len(rows) == len(told) >= 14
    assert max(row["largest difference"] for row in rows) < 1e-12
    assert min(row["way walked"] for row in rows) > 0
    adam_step = scratch.optim.Adam.step

    def slower(self: Any, *args: Any) -> Any:  # right but for a factor in every step
        before = [w.detach().numpy().copy() for group in self.param_groups for w in group["params"]]
        adam_step(self, *args)
        with scratch.no_grad():
            for w, old in zip((w for group in self.param_groups for w in group["params"]), before):
                w += 1e-6 * scratch.tensor(old)

    monkeypatch.setattr(scratch.optim.Adam, "step", slower)
    _, wrong = finish(lesson04.proof(steps=5))
    assert {row["what"] for row in wrong if row["largest difference"] > 1e-9} >= {"Adam", "Adam, L2"}
    assert next(row for row in wrong if row["what"] == "RMSprop")["largest difference"] < 1e-12


def test_a_sweep_calls_every_rate_and_writes_what_diverged_as_ten() -> None:
    def quick(seed: int, name: str, rate: float) -> float:
        return float("nan") if rate > 1 else seed + (np.log10(rate) + {"SGD": 0, "momentum": 1, "Adam": 2}[name]) ** 2

    told, found = finish(lesson04.sweep(quick, seeds=(0, 1)))
    assert told[-1] == 1.0
    assert len(told) == 3 * len(lesson04.RATES) * 2
    assert found["losses"]["SGD"][-1] == [10.0, 10.0]
    best = lesson04.best_rates(found)
    assert [round(best[name], 6) for name in ("SGD", "momentum", "Adam")] == [1.0, 0.1, 0.01]
    assert "The best rates: SGD 1, momentum 0.1, Adam 0.01." in lesson04.show_sweep(found).alt


def test_fifty_models_are_judged_on_digits_they_have_not_seen() -> None:
    right, parts = lesson04.fifty_models(count=3)
    digits = load("digits")
    assert right.shape == (3, int((digits.parts != 0).sum()))
    assert set(parts.tolist()) == {1, 2}
    assert 0.8 < right.mean() < 0.95
    assert not np.array_equal(right[0], right[1])


def test_nearest_finds_the_nearest_row() -> None:
    rng = np.random.default_rng(2)
    x, new, y = rng.random((30, 5)), rng.random((12, 5)), rng.integers(0, 10, 30)
    by_hand = [y[min(range(30), key=lambda i, q=q: ((x[i] - q) ** 2).sum())] for q in new]
    assert lesson04.nearest(x, y, new).tolist() == by_hand


def test_pictures_say_what_they_show() -> None:
    size = np.geomspace(1e-6, 1e-2, 500)
    flat = np.ones(500)
    assert "√v" in lesson04.show_decay((size, 1e-3 / size), (size, flat)).svg
    noise = lesson04.show_noise_and_time([1, 4, 16], [3.0, 1.5, 0.7], [1.0, 0.3, 0.1], 2000)
    assert "seconds for 2,000 examples" in noise.svg
    claims = lesson04.show_claims(np.array([0.95, 0.97]), np.array([0.90, 0.91]))
    assert "96.0 % in the mean, on fresh ones 90.5 %" in claims.alt


def test_the_opening_picture_names_every_place_where_the_page_acts() -> None:
    picture = (content_root() / "lessons" / "images" / "04_loop.svg").read_text(encoding="utf-8")
    words = set(re.findall(r">([a-z? ]+)</text>", picture))
    cures = {"shuffle", "shift by a pixel", "dropout", "label smoothing", "clip", "rate and schedule", "weight decay"}
    assert cures | {"stop in time?", "which recipe to keep?"} <= words
