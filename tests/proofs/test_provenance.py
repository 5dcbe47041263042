"""A recorded experiment belongs to its code: what changes its key, and what a wrong record does to a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dlstudy.course.content import paths
from dlstudy.course.running import provenance, record
from dlstudy.course.running.provenance import Recording, recordings
from dlstudy.course.running.sources import Sources
from tests.proofs.experiments import plan

PAGE = """---
title: T
number: 7
stars: 1
track: core
minutes: 1
needs: none
code: x
budget: 60
---

```python {{.marimo name="imports"}}
import marimo as mo

import numpy as np
from dlstudy.course.page import Page
from dlstudy.lessons import lesson07
from dlstudy import library

page = Page(7)
```

```python {{.marimo name="data"}}
numbers = np.arange({many})
numbers += 1
_shown = 1
print(numbers, _shown)
```

```python {{.marimo name="measure"}}
def one(x, lesson07=None):
    return {one} * x  # a comment


def measure():
    total = 0
    for number in numbers:
        total += one(number) + lesson07.helped(number) + library.deep.thing(number)
        yield 0.5
    return {{"total": int(total)}}


run = page.experiment("sum", lambda: measure(), uses=[one])
run
```

```python {{.marimo name="shown"}}
mo.md(str(page.result(run)) + lesson07.drawn())
```
"""
MODULES = {
    "dlstudy/__init__.py": "",
    "dlstudy/lessons/__init__.py": "",
    "dlstudy/lessons/lesson07.py": (
        "from dlstudy.library import deep\n\nFACTOR = 2\n\n\ndef helped(x):\n    '''Help.'''\n    import torchvision\n"
        "    from dlstudy.figures.colours import shade\n\n    return FACTOR * x + shade(x)\n\n\n"
        "def drawn():\n    return 'picture'\n"
    ),
    "dlstudy/figures/__init__.py": "",
    "dlstudy/figures/colours.py": "RED = 1\n\n\ndef shade(x):\n    return 0 * x\n",
    "dlstudy/library/__init__.py": "",
    "dlstudy/library/deep.py": "from dlstudy.library import deeper\n\n\ndef thing(x):\n    return deeper.thing(x)\n",
    "dlstudy/library/deeper.py": "def thing(x):\n    return x\n\n\ndef neighbour():\n    return 1\n",
}


class Planted:
    def __init__(self, root: Path) -> None:
        self.root, self.page = root, root / "lessons" / "07_Page.md"
        for name, text in MODULES.items():
            self.write(f"src/{name}", text)
        self.lesson()

    def write(self, name: str, text: str) -> None:
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text, encoding="utf-8", newline="\n")

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.root / name).read_text(encoding="utf-8")
        assert old in text
        self.write(name, text.replace(old, new))

    def lesson(self, many: int = 5, one: int = 3) -> None:
        self.write("lessons/07_Page.md", PAGE.format(many=many, one=one))

    def one(self) -> Recording:
        [found] = recordings(self.page, self.root / "exercises", self.sources())
        return found

    def sources(self) -> Sources:
        return Sources({"dlstudy": self.root / "src"}, self.root)

    def record(self) -> Path:
        facts = {"result": {"total": 90}, "seconds": 7.0, "machine": {}}
        self.write("exercises/07/recorded/sum.json", json.dumps(facts))
        provenance.stamp(self.one())
        return self.root / "exercises/07/recorded/sum.json"


@pytest.fixture
def planted(tmp_path: Path) -> Planted:
    return Planted(tmp_path)


def test_a_result_that_was_just_recorded_is_right(planted: Planted) -> None:
    assert planted.one().state == "missing"
    planted.record()
    found = planted.one()
    assert (found.state, found.why, found.seconds) == ("right", "", 7.0)
    assert set(found.origin.versions) == {"python", "numpy", "torch", "torchvision"}


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("lessons/07_Page.md", "3 * x", "4 * x"),
        ("lessons/07_Page.md", "np.arange(5)", "np.arange(6)"),
        ("lessons/07_Page.md", "numbers += 1", "numbers += 2"),
        ("lessons/07_Page.md", "total = 0", "total = 1"),
        ("src/dlstudy/lessons/lesson07.py", "FACTOR = 2", "FACTOR = 3"),
        ("src/dlstudy/figures/colours.py", "0 * x", "1 * x"),
        ("src/dlstudy/library/deeper.py", "return x", "return x + 1"),
        ("src/dlstudy/library/deeper.py", "return 1", "return 2"),  # of the library a module counts whole
    ],
)
def test_code_that_a_result_comes_from_makes_its_record_stale(planted: Planted, name: str, old: str, new: str) -> None:
    planted.record()
    planted.edit(name, old, new)
    found = planted.one()
    assert (found.state, found.must_renew) == ("changed", True)
    made = plan(planted.page, 3, False, planted.root / "exercises")
    assert made.taken == {}
    assert made.stale == ["07/sum: it was measured with other code"]


def test_what_takes_no_part_leaves_it_right(planted: Planted) -> None:
    planted.record()
    for name, old, new in [
        ("lessons/07_Page.md", "  # a comment", ""),
        ("lessons/07_Page.md", "title: T", "title: Another"),
        ("lessons/07_Page.md", "_shown = 1", "_shown = 2"),
        ("lessons/07_Page.md", "mo.md(str(", "mo.md(repr("),
        ("src/dlstudy/lessons/lesson07.py", "'''Help.'''", "'''Helps.'''"),
        ("src/dlstudy/lessons/lesson07.py", "'picture'", "'other'"),
        ("src/dlstudy/figures/colours.py", "RED = 1", "RED = 2"),
    ]:
        planted.edit(name, old, new)
        assert planted.one().state == "right", (name, new)
    moved = (planted.root / "src/dlstudy/figures/colours.py").read_text(encoding="utf-8")
    planted.write("src/dlstudy/figures/shades.py", moved)
    planted.edit("src/dlstudy/lessons/lesson07.py", "figures.colours", "figures.shades")
    assert planted.one().state == "changed", "the import inside the function is part of the function"


def test_a_number_changed_by_hand_is_seen(planted: Planted) -> None:
    file = planted.record()
    file.write_text(file.read_text(encoding="utf-8").replace("90", "91"), encoding="utf-8")
    assert planted.one().state == "edited"
    assert planted.one().must_renew


def test_without_a_key_nobody_knows(planted: Planted) -> None:
    planted.write("exercises/07/recorded/sum.json", json.dumps({"result": 1, "seconds": 7.0, "machine": {}}))
    assert planted.one().state == "unkeyed"
    assert planted.one().must_renew


def test_other_versions_are_measured_and_nobody_has_to_renew(planted: Planted) -> None:
    file = planted.record()
    facts = json.loads(file.read_text(encoding="utf-8"))
    facts["versions"]["numpy"] = "1.0"
    file.write_text(json.dumps(facts), encoding="utf-8")
    found = planted.one()
    assert (found.state, found.must_renew) == ("versions", False)
    assert found.why.startswith("numpy 1.0 there, ")


def test_a_turn_and_a_wish_measure_what_is_right(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    planted.record()
    monkeypatch.setattr("tests.proofs.keys.project", planted.sources)
    exercises = planted.root / "exercises"
    assert plan(planted.page, 3, False, exercises).taken == {"sum": 7.0}
    assert plan(planted.page, 0, False, exercises).live == {"sum": "its turn"}  # the only one is the first
    assert plan(planted.page, 3, True, exercises).live == {"sum": "asked for"}


@pytest.mark.parametrize("path", record.pages([]), ids=lambda path: path.stem)
def test_the_recordings_of_a_lesson_belong_to_its_code(path: Path) -> None:
    """The quick look; a worked run of the page (`test_runs`) holds the claims against them."""
    said: list[str] = []
    assert record.check(path, said.append), "\n".join(line for line in said if ": stale" in line)


def test_every_experiment_of_the_course_is_found() -> None:
    for path in record.pages([]):
        names = {one.name for one in recordings(path)}
        folder = paths.exercises_folder() / path.name[:2] / "recorded"
        kept = {file.stem for file in folder.glob("*.json") if "result" in json.loads(file.read_text("utf-8"))}
        assert kept == names, path.name
