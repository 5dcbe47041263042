"""What lesson 02 draws and measures is right: perceptrons, starts on XOR, straight pieces, signals, the proof."""

import math
import re

import numpy as np
import pytest
import torch

from dlstudy.course.content.paths import content_root
from dlstudy.lessons import lesson02

CORNERS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])


def test_the_perceptron_learns_what_a_line_can_part_and_counts_its_mistakes() -> None:
    rng = np.random.default_rng(4)
    points = rng.normal(size=(40, 3))
    labels = (points @ np.array([1.0, -2.0, 0.5]) + 0.3 > 0).astype(int)
    run = lesson02.train_perceptron(points, labels.tolist(), rounds=200)
    assert run["mistakes"][0] > 0
    assert run["mistakes"][-1] == 0
    w, b = run["weights"][-1, :3], run["weights"][-1, 3]
    assert (((points @ w + b) > 0) == labels).all()
    # one round by hand, from zero: only (1, 1) of AND moves anything, and the point after the last is (0, 0) again
    first = lesson02.train_perceptron(CORNERS, [0, 0, 0, 1], rounds=1)
    assert first["mistakes"].tolist() == [1]
    assert first["weights"].tolist() == [[0.0, 0.0, 0.0]] * 3 + [[1.0, 1.0, 1.0]]


def test_the_perceptrons_picture_says_which_came_to_rest() -> None:
    tables = {"AND": [0, 0, 0, 1], "XOR": [0, 1, 1, 0]}
    runs = {name: lesson02.train_perceptron(CORNERS, labels, rounds=30) for name, labels in tables.items()}
    svg = lesson02.show_perceptrons(runs, tables).svg
    assert "AND: calm from round 6" in svg
    assert "XOR: never calm" in svg


def test_one_hidden_unit_never_solves_xor_and_sixteen_nearly_always() -> None:
    assert lesson02.xor_starts(1, starts=40).sum() == 0
    assert lesson02.xor_starts(16, starts=40).mean() > 0.9
    assert not np.array_equal(lesson02.xor_starts(2, seed=0), lesson02.xor_starts(2, seed=1))


@pytest.mark.parametrize("pieces", [1, 2, 5, 9])
def test_straight_pieces_counts_what_was_put_in(pieces: int) -> None:
    rng = np.random.default_rng(pieces)
    kinks = np.sort(rng.uniform(0.1, 0.9, pieces - 1))
    kinks += np.arange(pieces - 1) * 0.01  # never two of them within one step of x
    x = np.linspace(0, 1.2, 4001)
    y = 0.3 * x + sum(((-1.0) ** k * np.maximum(x - kink, 0) for k, kink in enumerate(kinks)), np.zeros_like(x))
    assert lesson02.straight_pieces(x, y) == pieces


def test_straight_pieces_counts_kinks_that_lie_on_the_points() -> None:
    x = np.linspace(0, 1, 101)
    assert lesson02.straight_pieces(x, np.abs(x - 0.5)) == 2
    assert lesson02.straight_pieces(x, 3 * x - 1) == 1


def test_the_signal_of_one_layer_has_the_size_that_the_formula_says() -> None:
    width, deviation = 256, 0.11
    forward, back = lesson02.signal_sizes(deviation, "relu", depth=3, width=width)
    # mean squares: n * Var w * E[x^2] with E[x^2] = 1, then half of it for each layer that passes through a ReLU
    gain = width * deviation**2
    np.testing.assert_allclose(forward**2, [gain, gain * gain / 2, gain**3 / 4], rtol=0.25)
    # on the way back: half of the last layer's sums let the gradient pass; each layer multiplies by n Var w / 2
    np.testing.assert_allclose(back**2, [0.5 * (gain / 2) ** 2, 0.5 * gain / 2, 0.5], rtol=0.25)


def test_a_linear_network_keeps_what_xavier_keeps_and_zero_weights_keep_nothing() -> None:
    forward, back = lesson02.signal_sizes(1 / math.sqrt(256), "linear", depth=20)
    assert 0.4 < forward[-1] / forward[0] < 2.5
    assert 0.4 < back[0] / back[-1] < 2.5
    forward, back = lesson02.signal_sizes(0.0, depth=5)
    assert not forward.any()
    assert not back[:-1].any()


def test_starts_that_are_compared_share_their_random_numbers() -> None:
    small, large = (lesson02.signal_sizes(d, "linear", depth=4, seed=3)[0] for d in (0.01, 0.02))
    np.testing.assert_allclose(large / small, [2, 4, 8, 16], rtol=1e-9)


def test_fits_are_of_the_curve_between_the_points_and_more_parameters_are_counted() -> None:
    fit = lesson02.fit_curve(8, 2, seeds=2, steps=40)
    assert fit["parameters"] == (1 * 8 + 8) + (8 * 8 + 8) + (8 + 1)
    x = fit["x"]
    expected = np.sqrt(((fit["y"] - lesson02.wavy(x.astype(np.float64))) ** 2).mean(1))
    np.testing.assert_allclose(fit["error"], expected, rtol=1e-4)
    assert (lesson02.fit_curve(8, 2, seeds=2, steps=300)["error"] < fit["error"]).all()


def test_fit_all_says_how_far_it_is_and_returns_what_json_can_hold() -> None:
    work = lesson02.fit_all(widths=(2, 3), depths=(1,))
    assert [next(work), next(work)] == [0.5, 1.0]
    with pytest.raises(StopIteration) as end:
        next(work)
    found = end.value.value
    assert [(fit["width"], fit["depth"], fit["parameters"]) for fit in found] == [(2, 1, 7), (3, 1, 10)]
    svg = lesson02.show_fits(found).svg
    assert f"1 layer of 3: off by {np.median(found[1]['error']):.3f}" in svg


def test_wavy_is_the_same_for_arrays_and_tensors() -> None:
    x = np.linspace(-1, 1, 9)
    np.testing.assert_allclose(lesson02.wavy(torch.tensor(x)).numpy(), lesson02.wavy(x), rtol=0, atol=1e-15)


def test_the_proof_compares_values_and_gradients_and_would_see_a_wrong_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = lesson02.proof()
    assert len(rows) >= 12
    assert max(row["value error"] for row in rows) < 1e-12
    assert max(row["gradient error"] for row in rows) < 1e-12
    assert rows[0]["layer"] == "`nn.Linear(32, 16)`"

    # a slope that differs in one library only
    monkeypatch.setattr(lesson02, "_PROOF", {"x": ((4, 3), lambda nn: nn.LeakyReLU(0.1 if nn is torch.nn else 0.11))})
    (row,) = lesson02.proof()
    assert row["value error"] > 1e-4
    assert row["gradient error"] > 1e-4


def test_the_activations_picture_names_all_eight() -> None:
    svg = lesson02.show_activations().svg
    assert all(f">{name}<" in svg for name in lesson02.ACTIVATIONS)


def test_the_points_in_the_opening_picture_stand_where_the_hidden_layer_puts_them() -> None:
    picture = (content_root() / "lessons" / "images" / "02_bend.svg").read_text(encoding="utf-8")
    circles = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)" r="9" fill="(#\w+)"', picture)
    labels = re.findall(r'font-size="13" fill="#1b2430" text-anchor="middle">(\([^<]+)</text>', picture)
    drawn = [
        (float(x), float(y), fill != "#ffffff", label) for (x, y, fill), label in zip(circles, labels, strict=True)
    ]
    left = {label: (round((x - 95) / 150, 6), round((268 - y) / 150, 6), full) for x, y, full, label in drawn[:4]}
    right = {label: (round((x - 490) / 95, 6), round((268 - y) / 95, 6), full) for x, y, full, label in drawn[4:]}
    assert left == {f"({a}, {b})": (a, b, a != b) for a in (0, 1) for b in (0, 1)}
    moved: dict[tuple[float, float], list[str]] = {}
    for a, b in ((0, 0), (1, 0), (0, 1), (1, 1)):
        moved.setdefault((max(a + b, 0), max(a + b - 1, 0)), []).append(f"({a}, {b})")
    expected = {" and ".join(names): (h1, h2, h1 - 2 * h2 > 0.5) for (h1, h2), names in moved.items()}
    assert right == expected
