"""Figures of lesson 07: neighbours against scikit-learn, Grad-CAM against a hand-made gradient, the label budget."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from dlstudy.lessons import lesson07
from dlstudy.lessons.lesson07 import gradcam
from dlstudy.lessons.lesson07.label_budget import LabelBudget, words_on
from dlstudy.lessons.lesson07.nearest_neighbours import NearestNeighbours, cosine, nearest

# ---- neighbours ------------------------------------------------------------------------------------------------------


def vectors(seed: int, rows: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, 12)) + 0.3


def test_neighbours_are_scikit_learns() -> None:
    from sklearn.neighbors import NearestNeighbors

    queries, pool = vectors(0, 9), vectors(1, 40)
    order, near = nearest(queries, pool, 6)
    distances, expected = NearestNeighbors(n_neighbors=6, metric="cosine").fit(pool).kneighbors(queries)
    np.testing.assert_array_equal(order, expected)
    np.testing.assert_allclose(near, 1 - distances, atol=1e-12)


def test_a_cosine_does_not_care_how_long_a_vector_is() -> None:
    a, b = vectors(2, 3), vectors(3, 4)
    np.testing.assert_allclose(cosine(7 * a, 0.1 * b), cosine(a, b), atol=1e-12)
    np.testing.assert_allclose(np.diag(cosine(a, a)), 1, atol=1e-12)
    np.testing.assert_allclose(cosine(a, -a).min(), -1, atol=1e-12)
    with pytest.raises(ValueError, match="not all zeros"):
        cosine(np.zeros((1, 3)), a[:, :3])


def gallery() -> NearestNeighbours:
    rng = np.random.default_rng(4)
    queries, pool = (rng.integers(0, 256, (n, 8, 8), dtype=np.uint8) for n in (5, 30))
    query_labels, pool_labels = np.arange(5) % 3, np.arange(30) % 3
    by_label = {"labels": (np.eye(3)[query_labels] + 0.01, np.eye(3)[pool_labels] + 0.01)}
    spaces = {**by_label, "noise": (vectors(5, 5), vectors(6, 30))}
    return NearestNeighbours(queries, query_labels, pool, pool_labels, ["a", "b", "c"], spaces, count=4)


def test_the_gallery_shows_the_right_pictures_and_counts_the_right_labels() -> None:
    from PIL import Image

    figure = gallery()
    rng = np.random.default_rng(4)
    _, pool = (rng.integers(0, 256, (n, 8, 8), dtype=np.uint8) for n in (5, 30))
    labels, noise = figure.report["ways"]
    assert labels["share"] == 1.0
    assert all(all(row) for row in labels["same"])
    order, near = nearest(vectors(5, 5), vectors(6, 30), 4)
    assert noise["share"] == pytest.approx((order % 3 == (np.arange(5) % 3)[:, None]).mean())
    np.testing.assert_allclose(noise["cosines"], near, atol=6e-4)
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(figure.report["sprite"].partition(",")[2]))).convert("L"))
    columns = figure.report["columns"]
    for query in range(5):
        for shown, index in zip(noise["tiles"][query], order[query]):
            row, column = divmod(shown, columns)
            tile = sheet[8 * row : 8 * row + 8, 8 * column : 8 * column + 8].astype(int)
            assert np.abs(tile - pool[index]).mean() < 8, "JPEG changes a little; another picture is far away"
            assert np.abs(tile - pool[(index + 1) % 30]).mean() > 30


def test_pictures_without_labels_are_refused() -> None:
    pictures = np.ones((3, 4, 4), np.uint8)
    with pytest.raises(ValueError, match="a label for each of 3 and 3 pictures"):
        NearestNeighbours(pictures, [0], pictures, [0, 1, 2], ["a", "b", "c"], {"x": (vectors(0, 3), vectors(1, 3))})


# ---- the label budget ------------------------------------------------------------------------------------------------

RUNS = {"probe": {5: [50.0, 54, 52], 20: [70.0, 71, 72]}, "scratch": {5: [30.0, 34, 20], 20: [69.0, 73, 71]}}


def test_the_budget_says_who_leads_and_whether_that_is_sure() -> None:
    figure = LabelBudget(RUNS, guessing=10, test=500)
    assert figure.report["budgets"] == [5, 20]
    assert [way["mean"] for way in figure.report["ways"]] == [[52.0, 71.0], [28.0, 71.0]]
    assert figure.report["ways"][0]["seeds"] == [[50, 54, 52], [70, 71, 72]]
    few, more = figure.report["words"]
    # differences 20, 20, 32: mean 24, standard deviation 12 / √3, standard error 4, by hand
    assert "“probe” leads “scratch” by 24.0 ± 4.0 points over 3 paired seeds: more than two standard errors." in few
    assert "too little to tell them apart" in more
    assert words_on(RUNS, 5) == few


def test_ways_with_other_seeds_or_labels_are_refused() -> None:
    with pytest.raises(ValueError, match="the same labels and seeds"):
        LabelBudget({"a": {5: [1.0, 2]}, "b": {5: [1.0]}}, guessing=10, test=5)
    with pytest.raises(ValueError, match="at most 4 ways"):
        LabelBudget({name: {5: [1.0, 2]} for name in "abcde"}, guessing=10, test=5)


# ---- Grad-CAM --------------------------------------------------------------------------------------------------------


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 5, 3, padding=1), nn.Tanh(), nn.Conv2d(5, 4, 3), nn.Tanh(),
        nn.Flatten(), nn.Linear(4 * 36, 6), nn.Tanh(), nn.Linear(6, 3),
    ).double()  # fmt: skip


@pytest.mark.parametrize(("layer", "target"), [(1, 0), (3, 2), (2, 1)])
def test_grad_cam_is_the_papers_formula_with_a_gradient_by_differences(layer: int, target: int) -> None:
    model = network()
    x = torch.randn(1, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    found = gradcam.grad_cam(model, model[layer], x, target)
    with torch.no_grad():
        maps = model[: layer + 1](x)
        alpha = []
        for k in range(maps.shape[1]):  # the mean gradient of map k: how the score grows when all of it grows
            up, down = maps.clone(), maps.clone()
            up[0, k] += 1e-5
            down[0, k] -= 1e-5
            rest = model[layer + 1 :]
            alpha.append((rest(up) - rest(down))[0, target] / 2e-5 / maps[0, k].numel())
        expected = sum(a * one for a, one in zip(alpha, maps[0])).clamp_min(0)  # type: ignore[union-attr]
    assert expected.max() > 1e-4
    assert expected.min() == 0
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-9)


def test_grad_cam_works_on_a_frozen_network_and_leaves_it_as_it_was() -> None:
    model = network()
    x = torch.randn(1, 3, 8, 8, dtype=torch.float64)
    free = gradcam.grad_cam(model, model[3], x, 1)
    model.requires_grad_(False)
    with torch.no_grad():
        torch.testing.assert_close(gradcam.grad_cam(model, model[3], x, 1), free, rtol=0, atol=0)
    assert not x.requires_grad
    assert all(p.grad is None for p in model.parameters())
    assert not model[3]._forward_hooks
    with pytest.raises(ValueError, match="expected one image"):
        gradcam.grad_cam(model, model[3], torch.cat([x, x]), 1)
    with pytest.raises(ValueError, match="puts out maps"):
        gradcam.grad_cam(model, model[5], x, 1)
    with pytest.raises(ValueError, match="puts out maps"):
        gradcam.grad_cam(model, nn.ReLU(), x, 1)


# ---- the tasks -------------------------------------------------------------------------------------------------------


def test_grey_pieces_have_one_brightness_and_contrast_and_keep_what_is_drawn() -> None:
    from dlstudy.data import load

    images = load("patches").split("val").images[::50]
    made = lesson07.grey(images)
    assert made.dtype == np.uint8
    assert np.abs(made.mean((1, 2)) - 128).max() < 12
    for before, after in zip(images, made):
        assert np.corrcoef(before.mean(2).ravel(), after.ravel())[0, 1] > 0.85
    brighter = lesson07.grey((images // 2 + 60).astype(np.uint8))
    assert np.abs(brighter.astype(int) - made).mean() < 6, "brightness and contrast of the photograph do not matter"


@pytest.mark.parametrize("name", ["photographs", "digits"])
def test_no_image_is_in_two_parts_and_a_pick_takes_so_many_of_each(name: str) -> None:
    found = lesson07.pieces(name)
    seen = [one.tobytes() for part in found.images.values() for one in part]
    assert len(set(seen)) == len(seen)
    for part, count in lesson07.PER_CLASS[name].items():
        assert torch.bincount(found.labels[part]).tolist() == [count] * 10
    chosen = found.pick(5, seed=3)
    assert torch.bincount(found.labels["train"][chosen]).tolist() == [5] * 10
    assert len(set(chosen.tolist())) == 50
    assert chosen.tolist() == found.pick(5, seed=3).tolist() != found.pick(5, seed=4).tolist()
    with pytest.raises(ValueError, match=r"expected 1 to \d+ images of each class, got 501"):
        found.pick(501, seed=0)


def test_small_images_are_what_the_network_expects() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32), dtype=np.uint8)
    made = lesson07.small_images(images)
    expected = (torch.from_numpy(images).double() / 255 - 0.498) / 0.502
    for channel in range(3):
        torch.testing.assert_close(made[:, channel].double(), expected, rtol=0, atol=1e-5)
    colour = np.random.default_rng(1).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    moved = torch.from_numpy(colour).double().permute(0, 3, 1, 2)
    torch.testing.assert_close(lesson07.small_images(colour).double(), (moved / 255 - 0.498) / 0.502, rtol=0, atol=1e-5)


def test_the_looking_is_done_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("DLSTUDY_LEARNER", raising=False)
    calls = []

    class Lower(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            calls.append(len(x))
            return nn.functional.avg_pool2d(x, 32)

    assert not lesson07.looked("digits")
    first = lesson07.task("digits", Lower())
    assert sum(calls) == 1000
    again = lesson07.task("digits", Lower())
    assert sum(calls) == 1000
    torch.testing.assert_close(again.lower["val"], first.lower["val"], rtol=0, atol=0)
    expected = nn.functional.avg_pool2d(lesson07.small_images(first.images["val"], lesson07.SIDE), 32)
    torch.testing.assert_close(first.lower["val"], expected, rtol=0, atol=1e-6)
    assert lesson07.looked("digits")
    assert not lesson07.looked("photographs")


def test_a_random_network_gets_its_statistics_from_the_training_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("DLSTUDY_LEARNER", raising=False)
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 5, stride=4), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    net[1].running_mean.fill_(5.0)  # type: ignore[union-attr,operator]
    task, rows = lesson07.pieces("digits"), np.arange(0, 500, 2)
    found = lesson07.looked_at_by(net, task, rows, "test")
    seen = found["train"][rows]
    assert seen.mean(0).abs().max() < 0.15, "normalised by the mean over some of the training images"
    assert seen.std(0).min() > 0.02
    assert found["train"][1::2].isnan().all(), "the others were not looked at"
    expected = lesson07.run_in_batches(net, task.images["train"][rows[:3]])
    torch.testing.assert_close(seen[:3], expected, rtol=0, atol=1e-5)
    assert found["val"].shape == (500, 4)


def test_tables_by_hand() -> None:
    rows: list[list[Any]] = [["a", 5, 0, 0.5], ["b", 5, 0, 0.25], ["a", 5, 1, 0.75], ["a", 20, 0, 1.0]]
    assert lesson07.table(rows, "a", 5).tolist() == [50, 75]


# ---- pictures --------------------------------------------------------------------------------------------------------


def test_pictures_say_in_words_what_they_show() -> None:
    names = ["cat", "cup", "lamp", "leaf"]
    photo = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    known = lesson07.show_labels({"a photo": photo}, np.array([[0.1, 0.6, 0.2, 0.1]]), names)
    assert "a photo: cup, 60%" in known.alt
    assert "cup 60%" in known.svg
    rows = [
        [t, k, n, s, 0.2 + 0.01 * n]
        for t in lesson07.TASKS
        for k in ("features", "pixels")
        for n in (5, 20)
        for s in (0, 1)
    ]
    control = lesson07.show_control(rows)
    assert "photographs, features: 25 to 40 %" in control.alt
    assert "halfway" not in control.alt
    halfway = lesson07.show_control([*rows, *(["digits", "halfway", n, 0, 0.9] for n in (5, 20))])
    assert "digits, what the lower half makes of them: 90 to 90 %" in halfway.alt
    sizes = lesson07.show_sizes({"probe": (12_810, np.array([60.0, 62])), "all": (3_000_000, np.array([58.0, 60]))})
    assert sizes.alt == "probe: 12,810 numbers, 61 %; all: 3,000,000 numbers, 59 %"
    maps = lesson07.show_maps(lesson07.crop(photo), {"1: (4, 5, 5)": np.eye(5)})
    assert "1 maps" in maps.alt
    cam = gradcam.show_grad_cam([lesson07.crop(photo, 32)], [np.eye(4, dtype=np.float32)], ["“cup”"], "a cup, lit")
    assert cam.alt == "a cup, lit"


def test_a_crop_is_the_middle() -> None:
    photo = np.zeros((20, 40, 3), np.uint8)
    photo[:, 10:30] = 255
    assert lesson07.crop(photo, 16).min() > 0.99
    assert lesson07.crop(photo[..., 0], 16).shape == (16, 16, 3)
