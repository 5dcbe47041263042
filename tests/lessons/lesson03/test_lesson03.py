"""What lesson 03 measures, against torch and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dlstudy.data import load
from dlstudy.figures.descent.surfaces import walk
from dlstudy.lessons import lesson03

RNG = np.random.default_rng(11)


def test_score_slopes_are_torchs():
    scores, labels = RNG.normal(size=(7, 5)) * 4, RNG.integers(0, 5, size=7)
    leaf = torch.tensor(scores, requires_grad=True)
    torch.nn.functional.cross_entropy(leaf, torch.tensor(labels)).backward()
    np.testing.assert_allclose(lesson03.score_slopes(scores, labels), leaf.grad.numpy(), rtol=1e-12, atol=1e-15)


def test_linear_backward_is_torchs():
    grad, x, weight = RNG.normal(size=(6, 4)), RNG.normal(size=(6, 3)), RNG.normal(size=(4, 3))
    leaves = [torch.tensor(a, requires_grad=True) for a in (x, weight, RNG.normal(size=4))]
    torch.nn.functional.linear(*leaves).backward(torch.tensor(grad))
    for ours, leaf in zip(lesson03.linear_backward(grad, x, weight), leaves):
        np.testing.assert_allclose(ours, leaf.grad.numpy(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("seed", range(3))
def test_mlp_by_hand_is_torchs(seed):
    rng = np.random.default_rng(seed)
    x, labels = rng.normal(size=(9, 6)), rng.integers(0, 4, size=9)
    weights = tuple(rng.normal(size=shape) for shape in ((5, 6), (5,), (4, 5), (4,)))
    loss, grads = lesson03.mlp_by_hand(x, labels, weights)
    w1, b1, w2, b2 = leaves = [torch.tensor(w, requires_grad=True) for w in weights]
    value = torch.nn.functional.cross_entropy((torch.tensor(x) @ w1.T + b1).relu() @ w2.T + b2, torch.tensor(labels))
    value.backward()
    assert loss == pytest.approx(value.item(), rel=1e-13)
    for ours, leaf in zip(grads, leaves):
        np.testing.assert_allclose(ours, leaf.grad.numpy(), rtol=1e-11, atol=1e-15)


def test_photo_surfaces_are_the_least_squares_losses():
    image = load("photos")["coffee"].image
    red, green = (image[::4, ::4, k].reshape(-1) / 255 for k in (0, 1))
    raw, centred = lesson03.photo_surfaces(image)
    for surface, feature in ((raw, red), (centred, (red - red.mean()) / red.std())):
        lowest = ((surface.minima[0][0] * feature + surface.minima[0][1] - green) ** 2).mean()
        for x, y in RNG.normal(size=(5, 2)):
            loss = ((x * feature + y - green) ** 2).mean()
            assert surface.height(x, y) == pytest.approx(loss - lowest, rel=1e-9, abs=1e-12)
    low, high = lesson03.curvatures(raw)
    design = np.stack([red, np.ones_like(red)])
    np.testing.assert_allclose([low, high], np.linalg.eigvalsh(2 * design @ design.T / len(red)), rtol=1e-9)
    assert high / low > 20
    np.testing.assert_allclose(lesson03.curvatures(centred), [2, 2], rtol=1e-9)
    assert walk(raw, raw.start, 2.01 / high, 400)["losses"][-1] > 1  # the limit of the page holds on real data, too
    assert walk(raw, raw.start, 1.9 / high, 400)["losses"][-1] < 1e-6


def test_jacobian_and_product_agree_and_the_table_is_mostly_zeros():
    rows = lesson03.jacobian_against_vjp([3, 6], batch=4)  # asserts that both ways agree
    assert [row["full"] for row in rows] == pytest.approx([1 / 3, 1 / 6])
    assert rows[1]["jacobian_bytes"] > 4 * 6 * 36 * 8  # rows times columns, eight bytes each
    assert rows[1]["vjp_bytes"] < rows[1]["jacobian_bytes"] / 5


def test_proof_would_show_an_error(monkeypatch):
    from dlstudy.scratch.nn import functional

    rows = lesson03.loss_proof()
    assert len(rows) == 10
    assert sum(row["settings"] for row in rows) >= 50
    assert max(row["value error"] for row in rows) < 1e-11
    assert max(row["gradient error"] for row in rows) < 1e-12
    right = functional.huber_loss
    monkeypatch.setattr(functional, "huber_loss", lambda *args, **more: right(*args, **more) * 1.001)
    wrong = {row["loss"]: row for row in lesson03.loss_proof()}
    assert wrong["Huber"]["value error"] > 1e-4
    assert wrong["Huber"]["gradient error"] > 1e-4
    assert wrong["mean squared error"]["value error"] < 1e-11
    assert wrong["Huber"]["settings"] == 9


def test_figures_have_captions_and_text():
    for figure in (
        lesson03.show_error_losses(),
        lesson03.show_jacobian_against_vjp(lesson03.jacobian_against_vjp([2, 4], batch=2)),
        lesson03.show_symmetry(RNG.normal(size=(2, 6)), RNG.normal(size=2)),
    ):
        html = figure._repr_html_()
        assert figure.caption in html.replace("&amp;", "&")
        assert "<text" in html
