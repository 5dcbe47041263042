"""What lesson 05 draws and measures is right: unrolled layers, what a number sees, the proof, the opening picture."""

import re

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from dlstudy.course.content.paths import content_root
from dlstudy.lessons import lesson05
from dlstudy.scratch import conv


@pytest.mark.parametrize(("kernel", "side"), [(1, 3), (2, 5), (3, 7), (4, 4)])
def test_the_matrix_does_what_the_layer_does(kernel: int, side: int) -> None:
    rng = np.random.default_rng(kernel)
    w, x = rng.normal(size=(kernel, kernel)), rng.normal(size=(side, side))
    expected = F.conv2d(torch.from_numpy(x)[None, None], torch.from_numpy(w)[None, None]).numpy()
    matrix = lesson05.as_matrix(w, side)
    np.testing.assert_allclose(matrix @ x.ravel(), expected.ravel(), atol=1e-12)
    assert len(np.unique(matrix[matrix != 0])) == kernel**2
    assert "shared weights" in lesson05.show_matrix(matrix).caption


def test_layers_are_read_as_they_are_written() -> None:
    assert lesson05.parse_layers("conv3 pool2, conv5s2 CONV3d4 pool3s1") == [
        ("conv3", 3, 1, 1), ("pool2", 2, 2, 1), ("conv5s2", 5, 2, 1), ("CONV3d4", 3, 1, 4), ("pool3s1", 3, 1, 1),
    ]  # fmt: skip
    for text, words in (
        ("conv", "cannot read 'conv'"),
        ("conv3 relu", "cannot read 'relu'"),
        ("conv0", "out of range"),
        ("pool2s99", "out of range"),
        ("conv3 " * 13, "at most 12 layers, got 13"),
    ):
        with pytest.raises(ValueError, match=re.escape(words)):
            lesson05.parse_layers(text)
    with pytest.raises(ValueError, match="more than 4,000 pixels"):
        lesson05.paths_to(lesson05.parse_layers("pool16 pool16 pool16 pool16"))


@pytest.mark.parametrize(
    "text", ["conv3 conv3", "conv5 pool2 conv5 pool2", "conv3s2 conv3d3 pool3s1", "pool2s3 conv2", ""]
)
def test_the_ways_to_a_number_are_counted(text: str) -> None:
    layers = lesson05.parse_layers(text)
    ways = lesson05.paths_to(layers)
    assert ways.sum() == np.prod([kernel for _, kernel, _, _ in layers], dtype=float)
    field = 1
    for _, kernel, stride, dilation in reversed(layers):  # the rule, from the output to the input
        field = (field - 1) * stride + dilation * (kernel - 1) + 1
    assert len(ways) == field
    assert f"{field} pixels a side" in lesson05.show_receptive_field(text).caption


def test_the_proof_compares_every_form_and_would_see_a_wrong_one(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {row["form"]: row for row in lesson05.proof(rounds=3, seed=1)}
    assert len(rows) == 6
    assert all(row["geometries"] == 3 for row in rows.values())
    assert max(max(row["value error"], row["gradient error"] or 0) for row in rows.values()) < 1e-11
    assert [name for name, row in rows.items() if row["gradient error"] is None] == ["conv2d as loops"]
    loops = conv.conv2d_loops
    monkeypatch.setattr(conv, "conv2d_loops", lambda x, w, *a, **k: loops(x, w[..., ::-1, :], *a, **k))
    wrong = {row["form"]: row for row in lesson05.proof(rounds=3, seed=1)}
    assert wrong["conv2d as loops"]["value error"] > 0.1


def test_a_digit_that_is_never_read_right_has_a_picture_too() -> None:
    logits = np.random.default_rng(0).normal(size=(5, 10))
    logits[:, 4] = -9
    assert "never read right" in lesson05.show_sliding_digit(range(-2, 3), logits, 4).caption
    logits[1:3, 4] = 9
    assert "2 of 5 places, from -1 to +0" in lesson05.show_sliding_digit(range(-2, 3), logits, 4).caption


def test_every_figure_says_what_it_shows() -> None:
    rng = np.random.default_rng(0)
    plane = rng.normal(size=(12, 12))
    runs = {"shifts": [0, 1], "accuracy": {"one": [[0.9, 0.5], [0.8, 0.4]], "two": [[0.7, 0.7], [0.6, 0.6]]}}
    pictures = [
        lesson05.show_filters(np.abs(plane), {"edges": (plane[:3, :3], plane), "blur": (plane[:2, :2], np.abs(plane))}),
        lesson05.show_equivariance({1: [0.0, 1e-7], 2: [0.5, 1e-6]}),
        lesson05.show_gaps(np.array([1e-7, 0.0, 0.1]), np.array([0.0, 1e-15])),
        lesson05.show_maps(rng.normal(size=(3, 5, 5)), plane, np.abs(rng.normal(size=(3, 8, 8)))),
        lesson05.show_later_maps(np.abs(rng.normal(size=(5, 4, 4)))),
        lesson05.show_shift_accuracy(runs),
        lesson05.show_columns(),
    ]
    for picture in pictures:
        assert picture.svg.startswith("<svg")
        assert len(picture.alt) > 40
        assert picture.caption.endswith(".")
    assert "one: 85 % unmoved, 45 % at 1 pixels" in pictures[5].alt


def test_the_numbers_in_the_opening_picture_are_the_ones_torch_computes() -> None:
    picture = (content_root() / "lessons" / "images" / "05_kernel.svg").read_text(encoding="utf-8")
    texts = re.findall(r'<text x="([\d.]+)" y="([\d.]+)"[^>]*font-size="14"[^>]*>([−\d]+)</text>', picture)
    columns = [(float(x), float(y), float(text.replace("−", "-"))) for x, y, text in texts]

    def table(left: float, right: float, side: int) -> torch.Tensor:
        cells = sorted((y, x, value) for x, y, value in columns if left < x < right)
        return torch.tensor([value for _, _, value in cells], dtype=torch.float64).reshape(1, 1, side, side)

    image, kernel, result = table(0, 300, 6), table(300, 480, 3), table(480, 760, 4)
    assert torch.equal(F.conv2d(image, kernel), result)
    assert f"= {int(result[0, 0, 1, 1])}</text>" in picture
