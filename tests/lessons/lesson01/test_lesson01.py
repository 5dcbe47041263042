"""What lesson 01 draws and measures is right: exact slopes, proof table, model of a device, opening picture."""

import re

import numpy as np
import pytest
import torch

from dlstudy.course.content.paths import content_root
from dlstudy.lessons import lesson01


def test_exact_slope_equals_autograd() -> None:
    rng = np.random.default_rng(3)
    pixels, labels, w = rng.random((50, 64)), rng.integers(0, 10, 50), rng.normal(size=650) * 0.3
    leaf = torch.tensor(w, requires_grad=True)
    scores = torch.tensor(pixels) @ leaf[:640].reshape(64, 10) + leaf[640:]
    torch.nn.functional.cross_entropy(scores, torch.tensor(labels)).backward()
    assert leaf.grad is not None
    np.testing.assert_allclose(lesson01.exact_slope(pixels, labels, w), leaf.grad.numpy(), rtol=0, atol=1e-15)


def test_proof_compares_values_and_gradients_and_would_see_a_wrong_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = lesson01.proof(repeats=1)
    assert len(rows) >= 10
    assert max(row["value error"] for row in rows) < 1e-12
    assert max(row["gradient error"] for row in rows) < 1e-12
    assert all(row["time, NumPy / torch"] > 0 for row in rows)

    def wrong_in_scratch(a: object) -> object:  # a rule that is right in torch and off by a factor in scratch
        return a.exp() if isinstance(a, torch.Tensor) else a.exp() * 1.001  # type: ignore[attr-defined]

    monkeypatch.setattr(lesson01, "_PROOF", {"exp": (((4, 3),), wrong_in_scratch)})
    (row,) = lesson01.proof(repeats=1)
    assert row["value error"] > 1e-4
    assert row["gradient error"] > 1e-4


def test_device_model_charges_the_trip_by_bytes_and_the_work_by_operations() -> None:
    slow, fast = lesson01.device_cost(8, 20), lesson01.device_cost(16, 40)
    assert np.array_equal(slow["n"], fast["n"])
    assert (slow["cpu"] > 0).all()
    n = slow["n"]
    np.testing.assert_allclose(slow["gpu work only"] - 1e-5, 2 * n**3 / 20e12)
    np.testing.assert_allclose(fast["gpu work only"] - 1e-5, (slow["gpu work only"] - 1e-5) / 2)
    if not slow["measured"]:
        np.testing.assert_allclose(slow["gpu"] - slow["gpu work only"] - 3e-5, 12 * n**2 / 8e9)
    assert "this CPU, measured" in lesson01.show_device_cost(slow).svg


def test_the_numbers_in_the_opening_picture_are_the_ones_torch_computes() -> None:
    a, b, c = (torch.tensor(v, requires_grad=True) for v in (2.0, 3.0, 4.0))
    product = a * b
    total = product + c
    result = total * a
    for value in (product, total, result):
        value.retain_grad()
    result.backward()
    picture = (content_root() / "lessons" / "images" / "01_graph.svg").read_text(encoding="utf-8")
    boxes = re.findall(
        r"italic\">([^<]+)</tspan> = <tspan[^>]*>(\d+)</tspan></text>\s*<text[^>]*>([^<]+)</text>", picture
    )
    drawn = {name: (float(value), float(grad.split("=")[-1])) for name, value, grad in boxes}
    named = {"a": a, "b": b, "c": c, "a · b": product, "a · b + c": total, "result": result}
    assert drawn == {name: (t.item(), t.grad.item()) for name, t in named.items() if t.grad is not None}
    assert len(drawn) == 6
