"""The suite's account, what a run cost and how many lessons still fit: `python -m tests.suite.account`.

It is made of the figures of the last `make test` (or written by that run itself: `make test ARGS=--account`) and stands
in `benchmarks/results/suite.md` and, for programs, in `suite.json` beside it, which also tells `longest_first` what to
begin with. What is counted, and what is not, stands in `measured`.
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.suite.longest_first import recorded

ROOT = Path(__file__).resolve().parents[2]
FIGURES = ROOT / ".cache" / "suite"
RESULTS = ROOT / "benchmarks" / "results"

DEAREST = 20
LONG = 0.2  # CPU seconds from which a test's time is remembered, for the order of the next runs and for `quick`
AIM = 30 * 60  # seconds that a run may take with all lessons
CORES = 2
BUSY = 0.9  # the share of the cores' time that a run uses: the rest goes to starts, ends and waiting

LESSON = re.compile(r"/lesson(\d\d)/|[\[-](\d\d)[_/][A-Za-z]")


@dataclass
class Stage:
    """One stage of a run: what it took, and how its tests ended."""

    name: str
    wall: float
    cpu: float
    passed: bool = True
    outcomes: dict[str, int] = field(default_factory=dict)
    note: str = ""


@dataclass
class Run:
    """A whole run of the suite, as `tests.run_suite` leaves it for the account."""

    command: str
    stages: list[Stage]
    tests: dict[str, float]
    """The CPU seconds of every test."""

    @property
    def cpu(self) -> float:
        """The CPU seconds of all stages."""
        return sum(stage.cpu for stage in self.stages)


def figures_of(stage: str, folder: Path = FIGURES) -> Path:
    """Return where `measured` writes the figures of a stage."""
    return folder / f"{stage.replace(' ', '-')}.json"


def keep(command: str, stages: list[Stage], folder: Path = FIGURES) -> None:
    """Leave the stages of a run for the account."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"command": command, "stages": [asdict(stage) for stage in stages]}, indent=1)
    (folder / "run.json").write_text(text, encoding="utf-8")


def last_run(folder: Path = FIGURES) -> Run:
    """Return the last run; FileNotFoundError where there was none."""
    kept = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    stages = [Stage(**stage) for stage in kept["stages"]]
    tests: dict[str, float] = {}
    for stage in stages:
        file = figures_of(stage.name, folder)
        if file.exists():
            tests |= {name: cpu for name, (cpu, _) in json.loads(file.read_text(encoding="utf-8"))["tests"].items()}
    return Run(kept["command"], stages, tests)


def lesson_of(test: str) -> str | None:
    """Return the number of the lesson that a test's name speaks of, by its folder or by its case; else None."""
    found = LESSON.search(test)
    return (found[1] or found[2]) if found else None


def by_lesson(tests: Mapping[str, float]) -> dict[str, float]:
    """Return the CPU seconds of each lesson's own tests, in the order of the lessons."""
    sums: dict[str, float] = defaultdict(float)
    for test, cpu in tests.items():
        lesson = lesson_of(test)
        if lesson is not None:
            sums[lesson] += cpu
    return dict(sorted(sums.items()))


def mean_of_lessons(lessons: Mapping[str, float]) -> float:
    """Return what a lesson costs on average; the overview, 00, is none, nor are the made-up 90s of the tests."""
    costs = [cpu for number, cpu in lessons.items() if 0 < int(number) < 90]
    return sum(costs) / len(costs) if costs else 0.0


def room(cpu: float, mean: float) -> int:
    """Return how many more lessons of this cost fit into AIM on CORES cores."""
    return int(max(0.0, AIM * CORES * BUSY - cpu) / mean) if mean else 0


def coarse(seconds: float) -> float:
    """Return seconds with two digits, so that the record does not change with every breath of the machine."""
    return float(f"{seconds:.2g}")


def longest(run: Run, before: Mapping[str, float]) -> dict[str, float]:
    """Return the seconds of the long tests, for the order of the next runs.

    What was taken from its record this time took as good as nothing, and may be long again in the next run: then the
    figure of the account `before` stays. A run in which everything is proven live begins anew.
    """
    known = {} if "--live" in run.command.split() else before
    seconds = {name: max(cpu, known.get(name, 0.0)) for name, cpu in sorted(run.tests.items())}
    return {name: coarse(cpu) for name, cpu in seconds.items() if cpu > LONG}


def account(run: Run, facts: Mapping[str, str], before: Mapping[str, float]) -> dict[str, Any]:
    """Return everything that the account says, as plain data; `before` is what the last one said to be longest."""
    lessons = by_lesson(run.tests)
    mean = mean_of_lessons(lessons)
    dearest = sorted(run.tests.items(), key=lambda item: -item[1])
    return {
        "machine": dict(facts),
        "command": run.command,
        "stages": [asdict(stage) for stage in run.stages],
        "cpu": round(run.cpu, 1),
        "dearest": dict(dearest[:DEAREST]),
        "lessons": {number: round(cpu, 1) for number, cpu in lessons.items()},
        "mean of a lesson": round(mean, 1),
        "more lessons that fit": room(run.cpu, mean),
        "longest": longest(run, before),
    }


def as_markdown(said: Mapping[str, Any]) -> str:
    """Return the account for readers."""
    stages = [
        f"| {stage['name']} | {sum(stage['outcomes'].values()) or ''} | {stage['wall']:,.0f} | {stage['cpu']:,.0f} |"
        for stage in said["stages"]
    ]
    dearest = [f"| `{name}` | {cpu:,.1f} |" for name, cpu in said["dearest"].items()]
    lessons = [f"| {number} | {cpu:,.0f} |" for number, cpu in said["lessons"].items()]
    return "\n".join(
        [
            "# What the suite costs",
            "",
            f"Written by `make test ARGS=--account` after `{said['command']}`; CPU seconds are those of the tests and",
            "of the processes that they started and waited for (`tests/suite/measured.py` says exactly which).",
            "",
            ", ".join(f"{name}: {fact}" for name, fact in said["machine"].items()) + ".",
            "",
            "| stage | tests | seconds | CPU seconds |",
            "|---|---|---|---|",
            *stages,
            "",
            f"Altogether {said['cpu']:,.0f} CPU seconds. A lesson costs {said['mean of a lesson']:,.0f} of them on",
            f"average, so {said['more lessons that fit']} more fit into {AIM // 60} minutes on {CORES} cores that are",
            f"busy {BUSY:.0%} of the time.",
            "",
            "| the dearest tests | CPU seconds |",
            "|---|---|",
            *dearest,
            "",
            "| lesson, the tests that name it | CPU seconds |",
            "|---|---|",
            *lessons,
            "",
        ]
    )


def facts() -> dict[str, str]:
    """Return the date, the machine, and the versions that the costs depend on."""
    from dlstudy.course.measuring.machine import machine

    return {**machine(), **{name: version(name) for name in ("marimo", "pytest", "pytest-xdist")}}


def write(folder: Path = FIGURES, results: Path = RESULTS) -> str:
    """Write the account of the last run; one line that says what it found."""
    said = account(last_run(folder), facts(), recorded(results / "suite.json"))
    results.mkdir(parents=True, exist_ok=True)
    (results / "suite.json").write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
    (results / "suite.md").write_text(as_markdown(said), encoding="utf-8")
    return (
        f"benchmarks/results/suite.md: {said['cpu']:,.0f} CPU s, {said['mean of a lesson']:,.0f} a lesson, "
        f"{said['more lessons that fit']} more fit into {AIM // 60} min"
    )


if __name__ == "__main__":
    try:
        print(write())
    except FileNotFoundError:
        sys.exit("There is no run to account for yet: make test ARGS=--account")
