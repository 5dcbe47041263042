"""What is measured: a task, its contenders, and what their turns took."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dlstudy.course.content import paths

TURNS = 15  # each contender of the comparison guide is timed so often


@dataclasses.dataclass(frozen=True)
class Contender:
    """One way to do a task: `run()` does it once, `values(result)` gives NumPy arrays, `program` is what is shown.

    `tolerance`, if not None, stands in for the task's: a GPU rounds more coarsely by default. `on_gpu` says where the
    memory that it takes is counted.
    """

    name: str
    program: Any
    run: Callable[[], Any]
    values: Callable[[Any], Sequence[Any]]
    tolerance: float | None = None
    on_gpu: bool = False


@dataclasses.dataclass(frozen=True)
class Task:
    """One thing that is timed in several ways; results may differ from the first contender's by `tolerance`."""

    topic: str
    what: str
    tolerance: float
    contenders: tuple[Contender, ...]


@dataclasses.dataclass(frozen=True)
class Timing:
    """One line of the table: median seconds, lines of code, largest absolute difference from the first contender, and
    the most bytes held beyond what was there before.
    """

    topic: str
    task: str
    contender: str
    seconds: float
    lines: int | None
    difference: float
    peak: int


class Disagreement(AssertionError):
    """Two contenders of one task do not compute the same."""


def write(file: Path, timings: Sequence[Timing], facts: dict[str, str]) -> None:
    """Write a measurement, and the machine it was made on, to `file` as JSON."""
    content = {"machine": facts, "timings": [dataclasses.asdict(timing) for timing in timings]}
    file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def recorded() -> tuple[list[Timing], dict[str, str]]:
    """Return the measurement that ships with the course, and the machine it was made on."""
    content = json.loads((paths.exercises_folder() / "00" / "comparison.json").read_text(encoding="utf-8"))
    return [Timing(**timing) for timing in content["timings"]], content["machine"]
