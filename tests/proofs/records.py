"""The records of proofs: one file each, so that two people who add proofs never edit the same one."""

from __future__ import annotations

import datetime
import hashlib
import json
import re
import subprocess
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dlstudy.course.measuring.machine import processor
from dlstudy.course.running.sources import seal
from tests.proofs.keys import Key

FOLDER = Path(__file__).resolve().parent / "records"
PARTS = 8
"""One record in so many has its turn: it is proven live although nothing has changed."""


@dataclass(frozen=True)
class Record:
    """What a proof came to when it was last proven.

    `code` and `versions` are its key then, `seconds` the CPU time of the test and its children, `found` what it noted;
    `seal` is a digest of all the others, so that nothing is changed by hand unseen.
    """

    test: str
    code: str
    versions: dict[str, str]
    machine: str
    date: str
    seconds: float
    found: dict[str, Any] = field(default_factory=dict)
    seal: str = ""

    @classmethod
    def made(cls, test: str, key: Key, seconds: float, found: dict[str, Any]) -> Record:
        """Return the record of a proof that was made here and now."""
        today = datetime.date.today().isoformat()
        record = cls(test, key.code, key.versions, processor(), today, round(seconds, 1), found)
        return cls(**{**asdict(record), "seal": record.own_seal()})

    def own_seal(self) -> str:
        """Return the seal that fits what the record says."""
        return seal({name: fact for name, fact in asdict(self).items() if name != "seal"})


def file_of(test: str, folder: Path = FOLDER) -> Path:
    """Return the file of a test's record: `tests/x/test_y.py::test_z[1]` is in `x/test_y/test_z[1].json`."""
    path, _, name = test.partition("::")
    tame = re.sub(r"[^\w.\[\]=+-]+", "_", name)
    if tame != name:  # two names may be tamed to the same one
        tame += "~" + hashlib.sha256(name.encode()).hexdigest()[:6]
    return folder / Path(path.removeprefix("tests/")).with_suffix("") / f"{tame}.json"


def read(test: str, folder: Path = FOLDER) -> Record | None:
    """Return the record of a test; None where there is none that can be read."""
    return _read(file_of(test, folder))


def _read(file: Path) -> Record | None:
    try:
        return Record(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def every(folder: Path = FOLDER) -> list[Record]:
    """Return all records."""
    return [record for file in sorted(folder.rglob("*.json")) if (record := _read(file))]


def write(record: Record, folder: Path = FOLDER) -> Path:
    """Write a record and return its file."""
    file = file_of(record.test, folder)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(asdict(record), indent=1, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")
    return file


def fault(record: Record | None, test: str, key: Key) -> str:
    """Return why a record does not stand for this proof; "" where it does."""
    if record is None:
        return "no record"
    if record.test != test or record.seal != record.own_seal():
        return "edited by hand"
    there, here = record.versions, key.versions
    if there.get("python") == here.get("python") and record.code != key.code:
        return "changed"
    if there != here:
        names = [name for name in sorted(there | here) if there.get(name) != here.get(name)]
        return "other versions: " + ", ".join(f"{n} {there.get(n)} there, {here.get(n)} here" for n in names)
    return ""


# ---- whose turn it is ------------------------------------------------------------------------------------------------


def commit(root: Path) -> str:
    """Return the hash of the commit that is checked out; "" without git or outside a repository."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def turn_of(commit: str) -> int:
    """Return which of the PARTS has its turn at a commit; without one always the same."""
    return int(hashlib.sha256(commit.encode()).hexdigest(), 16) % PARTS if commit else 0


def in_turn(costs: Iterable[tuple[str, float]], turn: int) -> set[str]:
    """Return the names that have their turn, of pairs of a name and its seconds.

    They are dealt from the dearest to the cheapest, so that every part costs about as much as the next.
    """
    dealt = sorted(costs, key=lambda pair: (-pair[1], pair[0]))
    return {name for place, (name, _) in enumerate(dealt) if place % PARTS == turn}
