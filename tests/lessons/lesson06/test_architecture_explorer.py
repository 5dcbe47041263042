"""The explorer's numbers are those that counting the models gives, at any size and batch, and what a stage sees is
measured by gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from dlstudy.lessons.lesson06 import architecture_explorer_numbers as architectures
from dlstudy.lessons.lesson06.architecture_explorer import ArchitectureExplorer
from dlstudy.models.counting import count
from dlstudy.models.registry import REGISTRY, build

QUICK = ("resnet18", "efficientnet_b0", "vgg11_bn")
SLOW = (pytest.mark.slow, pytest.mark.proof)
each_model = pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=SLOW) for name in architectures.names()]
)


def on_meta(name: str) -> nn.Module:
    with torch.device("meta"):
        return build(name)


@each_model
def test_the_table_is_what_counting_gives(name: str) -> None:
    model = on_meta(name)
    for size, batch in ((97, 3), (160, 1)):
        whole, *parts = count(model, torch.empty(batch, 3, size, size, device="meta"), depth=2)
        stages = architectures.stages(name, size, batch)
        assert sum(stage.parameters for stage in stages) == whole.parameters == REGISTRY[name].parameters
        assert sum(stage.multiply_adds for stage in stages) == whole.multiply_adds
        assert sum(stage.activation_bytes for stage in stages) == whole.activation_bytes
        outputs = [part.output for part in parts]
        for stage in stages:
            shape = (batch, stage.channels, stage.height, stage.height)
            assert shape[: 2 if stage.name == "head" else 4] in outputs, stage.name


def test_single_stages_of_a_resnet_are_those_of_its_layers() -> None:
    parts = {part.name: part for part in count(on_meta("resnet18"), torch.empty(1, 3, 100, 100, device="meta"))}
    stages = {stage.name: stage for stage in architectures.stages("resnet18", 100)}
    for number in (1, 2, 3, 4):
        stage, part = stages[f"stage {number}"], parts[f"layer{number}"]
        assert (stage.parameters, stage.multiply_adds, stage.activation_bytes) == (
            part.parameters, part.multiply_adds, part.activation_bytes,
        )  # fmt: skip
        assert (stage.channels, stage.height) == part.output[1:3]
        assert stage.blocks == "2 BasicBlock"


def test_the_file_is_what_the_command_would_write() -> None:
    assert list(architectures._table()) == architectures.names()
    assert architectures.measure(REGISTRY["resnet18"]) == architectures._table()["resnet18"]


def test_costs_that_fit_nothing_are_refused() -> None:
    assert architectures._fit([5 + 3 * 128**2, 5 + 3 * 224**2, 5 + 3 * 129**2, 5 + 3 * 128**2], 2, "up") == (5, {1: 3})
    with pytest.raises(ValueError, match="not a number times the places"):
        architectures._fit([1, 5, 3, 2], 1, "up")


@pytest.mark.parametrize(("family", "name", "stage"), [
    ("resnet", "resnet18", "stage 2"), ("vgg", "vgg11", "stage 3"), ("efficientnet", "efficientnet_b0", "stage 4"),
])  # fmt: skip
def test_what_a_stage_sees_is_measured_by_gradients(family: str, name: str, stage: str) -> None:
    model = build(name).eval()
    for module in list(model.modules()):
        for child_name, child in list(module.named_children()):
            if isinstance(child, nn.MaxPool2d):  # a maximum looks at all of its window, but hands back to one pixel
                sizes: Any = (child.kernel_size, child.stride, child.padding)
                setattr(module, child_name, nn.AvgPool2d(*sizes))
            if type(child).__name__ == "SqueezeExcitation":
                setattr(module, child_name, nn.Identity())
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 1 / module.weight[0].numel())  # nothing cancels
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    model.double()
    wanted = {row.name: row for row in architectures.stages(name, 224)}
    pools = [n for n, part in model.named_modules() if isinstance(part, nn.AvgPool2d)]
    deep = 0 if family == "resnet" else 1
    parts = [n for n, _ in model.named_modules() if n and n.count(".") == deep]
    last = [n for n in parts if architectures.stage_of(family, n, pools) == stage][-1]
    kept: list[torch.Tensor] = []
    model.get_submodule(last).register_forward_hook(lambda _, __, output: kept.append(output))
    x = torch.ones(1, 3, 224, 224, dtype=torch.float64, requires_grad=True)
    model(x)
    middle = kept[0].shape[2] // 2
    (slope,) = torch.autograd.grad(kept[0][0, 0, middle, middle], x)
    rows = slope[0].abs().sum((0, 2)).nonzero()
    assert int(rows[-1] - rows[0]) + 1 == wanted[stage].sees


@pytest.mark.parametrize(("name", "size"), [("resnet17", 224), ("resnet18", 31), ("resnet18", 641)])
def test_what_is_not_there_is_said(name: str, size: int) -> None:
    with pytest.raises(ValueError, match="expected"):
        architectures.stages(name, size)


def test_sides_are_halved_as_the_layers_do() -> None:
    for size in (32, 97, 224, 333):
        strided = nn.Conv2d(1, 1, 3, 2, 1)(torch.empty(1, 1, size, size))
        assert architectures.side(size, 1, "up") == strided.shape[2]
        assert architectures.side(size, 1, "down") == nn.MaxPool2d(2)(torch.empty(1, 1, size, size)).shape[2]


# ---- the figure ------------------------------------------------------------------------------------------------------


def test_the_explorer_follows_its_settings() -> None:
    explorer = ArchitectureExplorer("resnet18")
    assert explorer.size == 224
    assert explorer.rows == [vars(stage) for stage in architectures.stages("resnet18", 224)]
    assert explorer.totals["parameters"] == REGISTRY["resnet18"].parameters
    explorer.model, explorer.size, explorer.batch = "efficientnet_b3", 96, 8
    assert explorer.rows == [vars(stage) for stage in architectures.stages("efficientnet_b3", 96, 8)]
    assert explorer.totals["parameters"] == REGISTRY["efficientnet_b3"].parameters
    assert explorer.other == {}
    explorer.beside = "vgg16"
    assert explorer.other["parameters"] == REGISTRY["vgg16"].parameters
    assert explorer.other["multiply_adds"] == sum(s.multiply_adds for s in architectures.stages("vgg16", 96, 8))


def test_an_unknown_model_is_answered_and_the_rows_stay() -> None:
    with pytest.raises(ValueError, match="got 'lenet'"):
        ArchitectureExplorer("lenet")
    explorer = ArchitectureExplorer("efficientnet_b5")
    assert explorer.size == 456, "its own size"
    rows = explorer.rows
    explorer.model = "lenet"
    assert "got 'lenet'" in explorer.problem
    assert explorer.rows == rows
    explorer.model = "resnet34"
    assert explorer.problem == ""
    assert explorer.rows != rows
