"""What `dlstudy models` tells: every model with its costs and official weights, and one of them part by part."""

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlstudy.commands import terminal
from dlstudy.models import registry
from dlstudy.models.registry import Entry
from dlstudy.weights import catalogue, hub
from dlstudy.weights.catalogue import Checkpoint
from dlstudy.words import amount, size

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from torch import nn

    from dlstudy.models.counting import Part

TEXT = 32
"""Tokens of a text for models that take texts of any length."""


@dataclass(frozen=True)
class Row:
    """One model in the list."""

    entry: Entry
    checkpoint: Checkpoint | None
    path: Path | None
    """Where the official weights are on this machine."""

    @property
    def parameters(self) -> str:
        """Return its number of parameters as "25.6 M"."""
        return amount(self.entry.parameters)

    @property
    def multiply_adds(self) -> str:
        """Return its multiply-adds for one image as "4.09 G"; empty for texts, where their length decides."""
        known = self.checkpoint.multiply_adds if self.checkpoint else None
        return amount(known) if known else ""

    @property
    def takes(self) -> str:
        """Return what goes in: "224 x 224" pixels or "1,024 tokens"."""
        side = image_size(self.entry, self.checkpoint)
        if side:
            return f"{side} x {side}"
        return f"{self.entry.context_length:,} tokens" if self.entry.context_length else "text"

    @property
    def weights(self) -> str:
        """Return the size of the official weights; "none" where there are none."""
        return size(self.checkpoint.size) if self.checkpoint else "none"

    @property
    def state(self) -> str:
        """Return "here", "not here" or, for a file of the wrong size, "damaged"; empty where there are no weights."""
        if self.checkpoint is None:
            return ""
        if self.path is None:
            return "not here"
        file = self.checkpoint.files[0]
        whole = not file.exact or file.size in (None, self.path.stat().st_size)
        return "here" if whole else "damaged"


def image_size(entry: Entry, checkpoint: Checkpoint | None) -> int | None:
    """Return the side of the images as the official weights expect them, else as the paper has them."""
    return checkpoint.images.crop if checkpoint and checkpoint.images else entry.image_size


def row(name: str) -> Row:
    """Return one model; Hugging Face's names are understood. Raises ValueError with the nearest names."""
    try:
        checkpoint = catalogue.find(name)
    except catalogue.NoWeights:
        return Row(registry.find(name), None, None)
    return Row(registry.find(checkpoint.model), checkpoint, hub.find(checkpoint))


def rows() -> list[Row]:
    """Return every model, in the order of the registry."""
    return [row(name) for name in registry.REGISTRY]


@dataclass(frozen=True)
class Stage:
    """One line of a model's table: a part, or several that belong together."""

    name: str
    kind: str
    output: tuple[int, ...]
    parameters: int
    multiply_adds: int | None
    activation_bytes: int | None
    """Both None where a model cannot be followed without numbers."""


REST = "everything else"
"""The line for parts without weights, and for what happens between parts, such as additions."""


def stages(entry: Entry, checkpoint: Checkpoint | None) -> tuple[str, list[Stage]]:
    """Count a model stage by stage; return what it was given, in words, and the lines, the whole at the end.

    A sequence that does nearly all the work is shown by its own parts, VGG's by what lies between two poolings; equal
    blocks in a row are added up. Nothing is computed (see `dlstudy.models.counting`).
    """
    import torch

    from dlstudy.models.counting import count

    words, inputs = _example(entry, checkpoint)
    with torch.device("meta"):
        model = registry.build(entry.name)
    try:
        whole, *parts = count(model, *inputs, depth=2)
    except RuntimeError:  # a layer that runs on real numbers only
        return words, _parameters_only(model)
    lines = [_stage(group, model) for group in _groups(whole, parts)]
    lines = [line for line in lines if line.parameters or line.multiply_adds]
    multiply_adds = whole.multiply_adds - sum(line.multiply_adds or 0 for line in lines)
    activation_bytes = whole.activation_bytes - sum(line.activation_bytes or 0 for line in lines)
    if multiply_adds or activation_bytes:
        lines.append(Stage(REST, "", (), 0, multiply_adds, activation_bytes))
    return words, [*lines, Stage("whole model", "", whole.output, *_costs([whole]))]


def _parameters_only(model: "nn.Module") -> list[Stage]:
    def line(name: str, part: "nn.Module") -> Stage:
        return Stage(name, type(part).__name__, (), sum(value.numel() for value in part.parameters()), None, None)

    return [*(line(*child) for child in model.named_children()), line("whole model", model)]


def _example(entry: Entry, checkpoint: Checkpoint | None) -> tuple[str, tuple[Any, ...]]:
    import torch

    side = image_size(entry, checkpoint)
    if side:
        return f"one image of {side} x {side} pixels", (torch.empty(1, 3, side, side),)
    length = entry.context_length or TEXT
    text = torch.zeros(1, length, dtype=torch.long)
    if entry.reads_and_writes:
        return f"one text of {length:,} tokens to read and one of {length:,} to write", (text, text)
    return f"one text of {length:,} tokens", (text,)


def _groups(whole: "Part", parts: "list[Part]") -> "list[list[Part]]":
    """Return the parts that stand in one line each."""
    groups: list[list[Part]] = []
    for part in (part for part in parts if "." not in part.name):
        below = [other for other in parts if other.name.startswith(f"{part.name}.")]
        work = part.multiply_adds or sum(other.multiply_adds for other in below)
        if part.kind == "ModuleList":
            groups += _equal(below)
        elif part.kind == "Sequential" and work > 0.9 * whole.multiply_adds:
            pools = any("Pool" in other.kind for other in below)
            groups += _until_pooling(below) if pools else _equal(below)
        else:
            groups.append([part])
    return groups


def _equal(parts: "list[Part]") -> "list[list[Part]]":
    """Put blocks of one kind, size and output together that follow each other."""

    def looks(part: "Part") -> tuple[Any, ...]:
        return part.kind, part.output, part.parameters

    return [list(group) for _, group in itertools.groupby(parts, looks)]


def _until_pooling(parts: "list[Part]") -> "list[list[Part]]":
    groups: list[list[Part]] = [[]]
    for part in parts:
        groups[-1].append(part)
        if "Pool" in part.kind:
            groups.append([])
    return [group for group in groups if group]


def _stage(group: "list[Part]", model: "nn.Module") -> Stage:
    first, last = group[0], group[-1]
    if len(group) == 1:
        inside = [type(child).__name__ for child in model.get_submodule(first.name).children()]
        blocks = first.kind == "Sequential" and len(set(inside)) == 1
        kind = f"{len(inside)} x {inside[0]}" if blocks else first.kind
        return Stage(first.name, kind, first.output, *_costs(group))
    name = f"{first.name} to {last.name.rpartition('.')[2]}"
    if len({part.kind for part in group}) == 1:
        return Stage(name, f"{len(group)} x {first.kind}", last.output, *_costs(group))
    convolutions = sum("Conv" in part.kind for part in group)
    return Stage(name, f"{convolutions} x Conv2d, pooling", last.output, *_costs(group))


def _costs(parts: "list[Part]") -> tuple[int, int, int]:
    return (
        sum(part.parameters for part in parts),
        sum(part.multiply_adds for part in parts),
        sum(part.activation_bytes for part in parts),
    )


# ---- printing -----------------------------------------------------------------------------------------------------

_WIDE = 100
"""Columns of a terminal from which on there is room for the models' titles."""


def print_list(console: "Console") -> None:
    """Print every model: lesson by lesson, and where the official weights come from."""
    every, wide = rows(), console.width >= _WIDE
    columns = [("Name", "left", 18), ("Model", "left", 21), ("Parameters", "right", 10), ("Mult.-adds", "right", 10),
               ("Input", "right", 12), ("Weights", "right", 7), ("", "left", 9)]  # fmt: skip
    if not wide:
        del columns[1]
    marks = {"here": "[green]✓ here[/green]", "damaged": "[red]✗ damaged[/red]"}

    def group(row: Row) -> tuple[int, str]:
        return row.entry.lesson, row.checkpoint.origin.partition("/")[0] if row.checkpoint else ""

    console.print(_table(columns))
    for (lesson, origin), of_group in itertools.groupby(every, group):
        source = f"official weights: {origin}" if origin else "no official weights"
        console.print(f"[bold]Lesson {lesson:02d}[/bold]  [dim]{source}[/dim]")
        table = _table(columns, header=False)
        for row in of_group:
            cells = [row.entry.name, row.entry.title, row.parameters, row.multiply_adds, row.takes, row.weights]
            if not wide:
                del cells[1]
            table.add_row(*cells, marks.get(row.state, ""))
        console.print(table)
    here = sum(row.state == "here" for row in every)
    console.print(
        f"\n{len(every)} models; the official weights of {here} are on this machine. M is a million, G a thousand "
        "million; multiply-adds are for one image.",
    )
    console.print("One in detail: [bold]dlstudy models resnet50[/bold]")
    console.print("Its weights:   [bold]dlstudy models resnet50 --download[/bold]")


def print_card(console: "Console", row: Row) -> None:
    """Print one model: its stages with their costs, and what is to be known of its official weights."""
    from rich.markup import escape

    entry, checkpoint = row.entry, row.checkpoint
    paper = f"  arXiv {entry.paper}" if entry.paper else ""
    console.print(f"[bold]{entry.name}[/bold]  {entry.title}  [dim]lesson {entry.lesson:02d}{paper}[/dim]\n")
    with terminal.waiting("Counting"):
        words, lines = stages(entry, checkpoint)
    wide = console.width >= _WIDE
    columns = [("Stage", "left", 0), ("", "left", 0), ("Output", "left", 0), ("Parameters", "right", 0),
               ("Mult.-adds", "right", 0), ("For backward", "right", 0)]  # fmt: skip
    table = _table(columns if wide else [column for column in columns if column[0]])
    for line in lines:
        cells = [line.name, line.kind, " x ".join(str(size) for size in line.output[1:]), amount(line.parameters)]
        cells += [amount(line.multiply_adds), "?" if line.activation_bytes is None else size(line.activation_bytes)]
        if not wide:
            del cells[1]
        table.add_row(*cells, style="bold" if line is lines[-1] else "")
    console.print(table)
    console.print(
        f"[dim]For {words}. For backward: what is kept in float32 until the backward pass, weights not counted.[/dim]\n"
    )
    if checkpoint is None:
        console.print("There are no official weights. With random ones:")
        code = f'from dlstudy.models import registry; model = registry.build("{entry.name}")'
        console.print(f"  {code}", style="dim", markup=False, soft_wrap=True)
        return
    where = {"here": f"here: {row.path}", "damaged": f"damaged: {row.path}"}.get(
        row.state, f"from {checkpoint.origin}, not on this machine"
    )
    facts = [
        ("Official weights", f"{row.weights}, {where}"),
        *([] if checkpoint.files[0].sha256 else [("Checksum", "none is published: a download cannot be checked")]),
        ("Trained on", checkpoint.trained_on),
        ("They reach", ", ".join(f"{name} {value:g}" for name, value in checkpoint.metrics.items())),
        ("Stated by", checkpoint.metrics_source),
        ("Licence", checkpoint.licence),
    ]
    if images := checkpoint.images:
        mean, std = (", ".join(f"{value:g}" for value in values) for values in (images.mean, images.std))
        shape = f"{images.interpolation} to {images.resize} pixels, of that the middle {images.crop} x {images.crop}"
        facts.append(("They expect", f"{shape}; less {mean}; divided by {std}"))
    for title, text in facts:
        console.print(f"[bold]{title:<18}[/bold]{escape(text)}", soft_wrap=True)
    if row.state != "here":
        again = " again" if row.state == "damaged" else ""
        console.print(f"\nFetch them{again}:  [bold]dlstudy models {entry.name} --download[/bold]")
    code = f'from dlstudy.weights import from_pretrained; model = from_pretrained("{entry.name}")'
    console.print(f"In Python:   [dim]{escape(code)}[/dim]", soft_wrap=True)


def _table(columns: list[tuple[str, Any, int]], header: bool = True) -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False, show_header=header)
    for title, justify, width in columns:
        table.add_column(title, justify=justify, no_wrap=True, width=width or None)
    return table
