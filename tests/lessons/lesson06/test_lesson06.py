"""What lesson 06 draws and measures is right: costs, scaling, the proof, what is recorded, the opening picture."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch import nn

from dlstudy.course.content.paths import content_root
from dlstudy.lessons import lesson06
from dlstudy.lessons.lesson06 import architecture_explorer_numbers as architectures
from dlstudy.models.efficientnet import VARIANTS

RUNS = [
    {"seed": seed, "layers": layers, "losses": [2.0 + seed, 1.0 + layers / 10],
     "before": [0.5, 0.2], "after": [0.1, 0.2], "right": 0.8, "without": [0.1 * seed] * (layers // 2)}
    for seed in range(3) for layers in (4, 8)
]  # fmt: skip


@pytest.mark.parametrize("variant", sorted(VARIANTS))
def test_the_cost_of_an_efficientnet_by_arithmetic_is_that_of_the_model(variant: str) -> None:
    chosen = VARIANTS[variant]
    for size in (chosen.resolution, 97):
        counted = sum(stage.multiply_adds for stage in architectures.stages(f"efficientnet_{variant}", size))
        assert lesson06.efficientnet_multiply_adds(chosen.width, chosen.depth, size) == counted


def test_costs_stand_beside_what_the_papers_print() -> None:
    rows = {row["name"]: row for row in lesson06.costs()}
    assert rows["resnet50"]["parameters"] == 25557032
    assert rows["resnet50"]["multiply_adds"] == 4089184256
    assert rows["efficientnet_b7"]["size"] == 600
    table = lesson06.costs_table(list(rows.values()))
    assert "| ResNet-50 | 224 | 25.6 |  | 4.09 | 3.8 |" in table
    assert "| VGG-16 | 224 | 138.4 | 138 | 15.47 | 15.3 |" in table


def pair() -> tuple[nn.Module, nn.Module]:
    def build() -> nn.Module:
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2))

    return build(), build()


def test_the_comparison_sees_every_kind_of_difference() -> None:
    x = torch.randn(3, 3, 8, 8)
    same = lesson06.compare(*pair(), x)
    assert max(same["output"], same["gradients"], same["running statistics"]) < 1e-12
    ours, theirs = pair()
    ours[1] = nn.BatchNorm2d(4, eps=1e-2)
    assert lesson06.compare(ours, theirs, x)["output"] > 1e-4
    ours, theirs = pair()
    ours[1] = nn.BatchNorm2d(4, momentum=0.2)
    wrong = lesson06.compare(ours, theirs, x)
    assert wrong["running statistics"] > 1e-3

    class Detached(nn.ReLU):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x).detach() + 0 * x

    ours, theirs = pair()
    ours[2] = Detached()
    wrong = lesson06.compare(ours, theirs, x)
    assert wrong["gradients"] > 0.5
    assert wrong["output"] < 1e-12


def test_names_may_differ() -> None:
    ours, theirs = pair()
    renamed = nn.Sequential()
    for name, part in theirs.named_children():
        renamed.add_module(f"part{name}", part)
    names = dict(zip(renamed.state_dict(), ours.state_dict(), strict=True))
    assert lesson06.compare(ours, renamed, torch.randn(2, 3, 8, 8), names)["gradients"] < 1e-12


@pytest.mark.slow
def test_the_proof_holds_for_all_four_networks() -> None:
    rows = lesson06.proof()
    assert [row["network"] for row in rows] == [
        "VGG with BatchNorm", "ResNet, basic blocks", "ResNet, bottlenecks", "EfficientNet",
    ]  # fmt: skip
    assert max(max(row["output"], row["gradients"], row["running statistics"]) for row in rows) < 1e-9


def test_every_figure_says_what_it_shows() -> None:
    rng = np.random.default_rng(0)
    photo = rng.uniform(size=(20, 30, 3)).astype(np.float32)
    pictures = [
        lesson06.show_losses({"plain": RUNS}, "One."),
        lesson06.show_losses({"plain": RUNS, "with shortcuts": RUNS}, "Two."),
        lesson06.show_gradients({"a": [0.5, 0.1], "b": [1e-12, 2e-12]}, "Three."),
        lesson06.show_trust({"steps": [0.1, 0.2, 0.3], "kept": {"a": [[1, 0.5, 0.25], [1, 0.7, 0.35]]}}),
        lesson06.show_deleted({"plain": RUNS, "with shortcuts": RUNS}, 8),
        lesson06.show_scaling(),
        lesson06.show_activation_maps(photo, {"cat": photo[::4, ::4, 0]}, "Four."),
    ]
    for picture in pictures:
        assert picture.svg.startswith("<svg")
        assert len(picture.alt) > 40
        assert picture.caption.endswith(".")
    assert "plain, 4 layers: 1.40; plain, 8 layers: 1.80" in pictures[0].alt
    assert "a: 30 % at a step of 0.3" in pictures[3].alt
    assert "plain: 80 % whole, 10 % in the middle case" in pictures[4].alt


def test_the_recorded_comparison_says_how_it_was_made() -> None:
    facts = {"versions": {"torch": "2.0", "timm": "1.0"}, "date": "2026-01-02", "command": "python -m x"}
    assert lesson06.proof_note(facts) == (
        "<small>Recorded with torch 2.0 and timm 1.0 on 2026-01-02 by `python -m x`.</small>"
    )


@pytest.mark.slow
def test_what_was_recorded_of_timm_comes_out_again() -> None:
    from tests.lessons.lesson06 import record_timm

    row = record_timm.measure(classes=7, size=33)
    assert max(row["output"], row["gradients"], row["running statistics"]) < 1e-9


def test_the_numbers_in_the_opening_picture_add_up() -> None:
    picture = (content_root() / "lessons" / "images" / "06_residual.svg").read_text(encoding="utf-8")

    def row(name: str) -> torch.Tensor:
        group = re.search(rf'<g data-name="{name}">(.*?)</g>', picture, re.DOTALL)
        assert group is not None
        shown = re.findall(r'data-value="(-?\d+)">([−\d]+)<', group[1])
        assert [value.replace("-", "−") for value, _ in shown] == [text for _, text in shown]
        return torch.tensor([float(value) for value, _ in shown])

    assert torch.equal(torch.relu(row("F") + row("x2")), row("y-residual"))
    assert torch.equal(torch.relu(row("H")), row("y-plain"))
    assert torch.equal(row("x"), row("x2"))
    assert torch.equal(row("y-plain"), row("y-residual"))
