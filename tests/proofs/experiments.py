"""Which measurements of a page a worked run takes from their recordings (`course.running.provenance`)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from dlstudy.course.content import paths
from dlstudy.course.running import provenance
from tests.proofs import keys, records


@dataclass
class Plan:
    """How a page's experiments are run.

    `taken` are those whose recording stands for the result, with the seconds that measuring each took; `live` those
    that are measured, and why; `stale` says of each recording that must be renewed what is wrong with it.
    """

    taken: dict[str, float] = field(default_factory=dict)
    live: dict[str, str] = field(default_factory=dict)
    stale: list[str] = field(default_factory=list)


def plan(path: Path, turn: int, live: bool, exercises: Path | None = None) -> Plan:
    """Decide of each experiment of a page whether it is measured; all of them where `live` is asked for."""
    made = Plan()
    mine = records.in_turn(_costs(exercises or paths.exercises_folder()), turn)
    for one in provenance.recordings(path, exercises, keys.project()):
        if one.must_renew:
            made.stale.append(f"{one.lesson}/{one.name}: {one.why}")
        if live:
            made.live[one.name] = "asked for"
        elif one.state != "right":
            made.live[one.name] = f"other versions: {one.why}" if one.state == "versions" else one.why
        elif f"{one.lesson}/{one.name}" in mine:
            made.live[one.name] = "its turn"
        else:
            made.taken[one.name] = one.seconds
    return made


@cache
def _costs(exercises: Path) -> tuple[tuple[str, float], ...]:
    """All experiments that are recorded, as `NN/name`, and the seconds that measuring each took."""
    return tuple(_recorded(exercises))


def _recorded(exercises: Path) -> Iterator[tuple[str, float]]:
    for file in sorted(exercises.glob("*/recorded/*.json")):
        facts: Any = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(facts, dict) and {"result", "seconds"} <= set(facts):
            yield f"{file.parent.parent.name}/{file.stem}", float(facts["seconds"])
