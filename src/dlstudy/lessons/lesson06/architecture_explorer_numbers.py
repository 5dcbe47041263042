"""What every stage of every model of lesson 06 costs, for any size of image, at once.

Counting a model (`models/counting.py`) takes up to seconds, a figure should follow the slider. Every cost of a layer is
a number times the positions of its output, or no matter of the image's size at all, so a few counts settle them for
good: `measure` finds these numbers, `architecture_explorer_numbers.json` keeps them, `stages` multiplies them out.

    python -m dlstudy.lessons.lesson06.architecture_explorer_numbers        # counts all models anew and writes the file

A test counts models at other sizes and batches and compares.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlstudy.models.registry import REGISTRY, Entry, build

if TYPE_CHECKING:
    from torch import nn

NUMBERS = Path(__file__).with_suffix(".json")
FAMILIES = ("vgg", "resnet", "efficientnet")
SMALLEST = 32
LARGEST = 640


@dataclass(frozen=True)
class StageCost:
    """One stage of a model, and what it costs for one batch of images."""

    name: str
    blocks: str
    """What it is made of, such as "3 BottleneckBlock"."""
    channels: int
    height: int
    """Height and width of its output; 1 for one vector for each image."""
    parameters: int
    multiply_adds: int
    activation_bytes: int
    sees: int
    """Side of the square of pixels that one number of its output depends on; 0: the whole image, whatever its size."""


def names() -> list[str]:
    """Return the names of the models that are in the file: those of lesson 06, family by family."""
    return [name for name, entry in REGISTRY.items() if entry.family in FAMILIES and entry.lesson == 6]


def side(size: int, halvings: int, rounding: str) -> int:
    """Return the side of an image after so many layers of stride 2; `rounding` is "up", or "down" for VGG's pooling."""
    for _ in range(halvings):
        size = -(-size // 2) if rounding == "up" else size // 2
    return size


def stages(name: str, size: int, batch: int = 1) -> list[StageCost]:
    """Return what each stage of the model `name` costs for `batch` images of `size` by `size` pixels, in train mode.

    Raises ValueError for a name that is not in `names()`, and for a size outside `SMALLEST` to `LARGEST`.
    """
    table = _table()
    if name not in table:
        raise ValueError(f"expected one of {', '.join(table)}; got {name!r}")
    if not SMALLEST <= size <= LARGEST:
        raise ValueError(f"expected a size from {SMALLEST} to {LARGEST}; got {size}")
    facts = table[name]

    def total(numbers: Mapping[str, int]) -> int:
        return sum(per * side(size, int(level), facts["rounding"]) ** 2 for level, per in numbers.items())

    return [
        StageCost(
            stage["name"],
            stage["blocks"],
            stage["channels"],
            1 if stage["level"] is None else side(size, stage["level"], facts["rounding"]),
            stage["parameters"],
            batch * (total(stage["multiply_adds"]) + stage["multiply_adds_image"]),
            batch * (total(stage["bytes"]) + stage["bytes_image"]) + stage["bytes_batch"],
            stage["sees"],
        )
        for stage in facts["stages"]
    ]


@cache
def _table() -> dict[str, Any]:
    text = NUMBERS.read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


# ---- how the file is made -------------------------------------------------------------------------------------------


def stage_of(family: str, part: str, pools: Sequence[str] = ()) -> str:
    """Return the stage that the part of this name belongs to; `pools` are the names of VGG's poolings."""
    head, _, rest = part.partition(".")
    if family == "resnet":
        if head.startswith("layer"):
            return f"stage {head.removeprefix('layer')}"
        return "head" if head in ("avgpool", "fc") else "stem"
    if head != "features":
        return "head"
    number = int(rest.partition(".")[0])
    if family == "vgg":
        return f"stage {1 + sum(int(pool.partition('.')[2]) < number for pool in pools)}"
    return {0: "stem", 8: "head"}.get(number, f"stage {number}")


def measure(entry: Entry, model: nn.Module | None = None) -> dict[str, Any]:
    """Count the model of `entry` for a few sizes and return its line of the file.

    `model` takes the place of the one that the registry builds. Raises ValueError where the costs of a part are not a
    number times its positions.
    """
    import torch

    with torch.device("meta"):  # shapes without numbers
        model = model or build(entry.name)
    pools = [name for name, part in model.named_modules() if type(part).__name__ == "MaxPool2d"]
    rounding = "down" if entry.family == "vgg" else "up"
    several = [_own_costs(model, torch.empty(1, 3, size, size)) for size in _SIZES]
    pair = _own_costs(model, torch.empty(2, 3, _SIZES[0], _SIZES[0]))
    found: dict[str, dict[str, Any]] = {}
    for name, part in model.named_modules():
        one, other, two = several[0][name], several[1][name], pair[name]
        if not name or name == "features":
            if one["bytes"] or one["multiply_adds"]:
                raise ValueError(f"{entry.name} computes outside its stages")
            continue
        label = stage_of(entry.family, name, pools)
        stage = found.setdefault(label, _nothing())
        stage["parameters"] += sum(parameter.numel() for parameter in part.parameters(recurse=False))
        level = _level(one["height"], other["height"], rounding)
        for key in ("multiply_adds", "bytes"):
            of_batch = 2 * one[key] - two[key]  # what a second image does not need again
            rest, per_place = _fit([counts[name][key] for counts in several], level or 0, rounding)
            for at, number in per_place.items():
                stage[key][str(at)] = stage[key].get(str(at), 0) + number
            stage[f"{key}_image"] += rest - of_batch
            if key == "bytes":
                stage["bytes_batch"] += of_batch
            elif of_batch:
                raise ValueError(f"{entry.name}.{name}: multiply-adds that do not grow with the batch")
        of_stage = one["shape"] and (level is None) == (label == "head")
        if of_stage and (level is None or level >= stage.get("level", 0)):  # the last of those that are halved most
            stage["channels"], stage["level"] = one["shape"][1], level
    for stage_name, sees in receptive_fields(entry.family, model).items():
        found[stage_name]["sees"] = sees
    blocks = _blocks(entry.family, model, pools)
    return {
        "rounding": rounding,
        "stages": [{"name": name, "blocks": blocks[name], **stage} for name, stage in found.items()],
    }


def _nothing() -> dict[str, Any]:
    numbers = ("parameters", "multiply_adds_image", "bytes_image", "bytes_batch")
    return {"multiply_adds": {}, "bytes": {}} | dict.fromkeys(numbers, 0)


def _own_costs(model: nn.Module, x: Any) -> dict[str, dict[str, Any]]:
    """What each part costs itself, without the parts in it."""
    from dlstudy.models.counting import count

    found: dict[str, dict[str, Any]] = {
        part.name: {
            "shape": part.output,
            "height": part.output[2] if len(part.output) == 4 else 1,
            "multiply_adds": part.multiply_adds,
            "bytes": part.activation_bytes,
        }
        for part in count(model, x, depth=9)
    }
    for name in [name for name in found if name]:
        outer = found[name.rpartition(".")[0]]
        for key in ("multiply_adds", "bytes"):
            outer[key] -= found[name][key]
    return found


_SIZES = (256, 448, 257, 255)  # 257 rounded up and 255 rounded down stay odd: (2 n)^2 and 4 n^2 places differ


def _fit(costs: Sequence[int], level: int, rounding: str) -> tuple[int, dict[int, int]]:
    """Return a constant and, for one or two levels, a whole number for each place, that give these costs exactly.

    A layer may keep its output, or its input, which is larger where it has a stride, and a ReLU that is used twice in a
    block may do both. Raises ValueError where nothing fits.
    """
    import numpy as np

    for levels in ((level,), *((other,) for other in range(7)), *((level, other) for other in range(7))):
        areas = np.array([[1.0, *(side(size, at, rounding) ** 2 for at in levels)] for size in _SIZES])
        found = np.rint(np.linalg.lstsq(areas, np.array(costs, float), rcond=None)[0]).astype(int)
        if (areas.astype(int) @ found == costs).all():
            rest, *per_place = (int(number) for number in found)
            return rest, {at: number for at, number in zip(levels, per_place, strict=True) if number}
    raise ValueError(f"costs of {costs} for images of {_SIZES} are not a number times the places, and a constant")


def _level(small: int, large: int, rounding: str) -> int | None:
    """How often 256 and 448 were halved to give these sides; None where the side does not depend on the image's."""
    for level in range(8):
        if (side(256, level, rounding), side(448, level, rounding)) == (small, large):
            return level
    return None


def receptive_fields(family: str, model: nn.Module) -> dict[str, int]:
    """Return for each stage how many pixels a side a number of its output sees, by the rule of lesson 05.

    Along the longest way, so without the shortcuts, and without squeeze-and-excitation, whose single number a channel
    has seen the whole image. 0 for the last stage, which takes the mean over all positions.
    """
    pools = [name for name, part in model.named_modules() if type(part).__name__ == "MaxPool2d"]
    sees, jump, found = 1, 1, {}
    for name, part in model.named_modules():
        if list(part.children()) or not name or ".downsample" in name:
            continue
        stage = stage_of(family, name, pools)
        kernel, stride = getattr(part, "kernel_size", 1), getattr(part, "stride", 1)
        kernel, stride = (value if isinstance(value, int) else value[0] for value in (kernel, stride))
        sees += (kernel - 1) * jump
        jump *= stride
        found[stage] = 0 if stage == "head" else sees
    return found


def _blocks(family: str, model: nn.Module, pools: Sequence[str]) -> dict[str, str]:
    """What each stage is made of, in words."""
    found: dict[str, list[str]] = {}
    if family == "vgg":
        for name, part in model.named_modules():
            if type(part).__name__ in ("Conv2d", "Linear"):
                found.setdefault(stage_of(family, name, pools), []).append(type(part).__name__)
        return {
            stage: _counted(kinds) + ("" if stage == "head" else ", then MaxPool2d") for stage, kinds in found.items()
        }
    for name, part in model.named_modules():
        if type(part).__name__ in ("BasicBlock", "BottleneckBlock", "MBConv"):
            found.setdefault(stage_of(family, name), []).append(type(part).__name__)
    words = {stage: _counted(kinds) for stage, kinds in found.items()}
    words["stem"] = "Conv2d 7 × 7, MaxPool2d" if family == "resnet" else "Conv2d 3 × 3"
    words["head"] = "mean, Linear" if family == "resnet" else "Conv2d 1 × 1, mean, Linear"
    return words


def _counted(kinds: Sequence[str]) -> str:
    return f"{len(kinds)} {kinds[0]}"


def main() -> None:
    """Count every model anew and write the file."""
    table = {name: measure(REGISTRY[name]) for name in names()}
    lines = [f"{json.dumps(name)}: {json.dumps(facts)}" for name, facts in table.items()]
    NUMBERS.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
