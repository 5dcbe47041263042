"""A planted project with three proofs: what is taken, what is proven live and why, what is said of it and written."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from tests.proofs import records
from tests.proofs.keys import Key
from tests.proofs.records import Record

FILES = {
    "pyproject.toml": "[tool.pytest.ini_options]\ntestpaths = ['tests']\naddopts = '--strict-markers'\n",
    "tests/__init__.py": "",
    "tests/conftest.py": 'pytest_plugins = ["tests.proofs.plugin"]\n',
    "tests/area/__init__.py": "",
    "tests/area/test_it.py": """
import pytest
from benchmarks import near
from tests.proofs import note

@pytest.fixture
def dear():
    with open("calls.txt", "a") as file:
        file.write("call\\n")

@pytest.mark.proof
@pytest.mark.parametrize("n", [1, 2, 3])
def test_proof(n, dear):
    note(value=near.twice(n))
    assert near.twice(n) == 2 * n

def test_plain():
    assert near
""",
    "benchmarks/__init__.py": "",
    "benchmarks/near.py": "from benchmarks.far import times\n\n\ndef twice(n):\n    return times(2, n)\n",
    "benchmarks/far.py": "def times(a, b):\n    return a * b\n",
}
ONE = "tests/area/test_it.py::test_proof[1]"


class Planted:
    def __init__(self, root: Path) -> None:
        self.root, self.records = root, root / "tests" / "proofs" / "records"
        for name, text in FILES.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        left = shutil.ignore_patterns("records", "test_*.py", "__pycache__")
        shutil.copytree(Path(records.__file__).parent, root / "tests" / "proofs", ignore=left)

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run the planted tests and return what was said; the tests that were called are counted in calls.txt."""
        (self.root / "calls.txt").unlink(missing_ok=True)
        plugins = [] if "-n" in arguments else ["-p", "no:xdist"]
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugins, *arguments]
        # Compiled files know a source by its second and its length: an edit within the second would not be seen.
        environment = {
            **os.environ,
            "GIT_CEILING_DIRECTORIES": str(self.root.parent),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        environment.pop("PYTEST_ADDOPTS", None)
        done = subprocess.run(command, cwd=self.root, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    @property
    def called(self) -> int:
        file = self.root / "calls.txt"
        return len(file.read_text(encoding="utf-8").splitlines()) if file.is_file() else 0

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.root / name).read_text(encoding="utf-8")
        assert old in text
        (self.root / name).write_text(text.replace(old, new), encoding="utf-8")

    def change(self, **facts: object) -> None:
        """Write a record again as if it had been made like this."""
        record = records.read(ONE, self.records)
        assert record is not None
        changed = replace(record, **facts)  # type: ignore[arg-type]
        records.write(replace(changed, seal=changed.own_seal()), self.records)


@pytest.fixture
def planted(tmp_path: Path) -> Planted:
    return Planted(tmp_path)


@pytest.mark.slow  # many runs of pytest
def test_the_scheme_from_the_first_run_to_the_last(planted: Planted) -> None:
    said = planted.run()
    assert planted.called == 3
    assert "3 proofs made live (3 no record)" in said
    assert "STALE RECORDS, just proven and to be renewed by python -m tests.proofs" in said
    assert records.every(planted.records) == []
    assert f"{ONE}: no record" in planted.run("--stale", code=1)

    said = planted.run("--renew")
    assert "3 records written" in said
    assert "STALE" not in said
    record = records.read(ONE, planted.records)
    assert record is not None
    assert (record.found, set(record.versions)) == ({"value": 2}, {"numpy", "python", "torch"})
    assert "0 of 3 proofs" in planted.run("--stale")

    said = planted.run()  # without git it is always the first part's turn
    assert planted.called == 1, "not even the fixtures of what is taken are made"
    assert "1 proofs made live (1 its turn)" in said
    assert "2 proofs taken from their records" in said
    assert "make test ARGS=--live" in said
    assert "python -m pytest --live tests/area/test_it.py::test_proof  # 2" in said
    assert "2 passed" in said
    assert "2 from records" in said
    assert "STALE" not in said

    both = planted.run("-n", "2")
    assert planted.called == 1
    assert both.count("2 proofs taken from their records") == 1
    assert "2 passed, 2 from records" in both

    assert "proofs" not in planted.run("-k", "plain")
    assert "3 proofs made live (3 asked for)" in planted.run("--live")
    assert planted.called == 3


@pytest.mark.slow
def test_an_error_two_imports_away_makes_the_run_red(planted: Planted) -> None:
    planted.run("--renew")
    kept = records.read(ONE, planted.records)
    planted.edit("benchmarks/far.py", "a * b", "a + b")
    said = planted.run(code=1)
    assert planted.called == 3
    assert "3 proofs made live (3 changed)" in said
    assert "2 failed" in said  # 2 + 2 is 2 * 2
    assert "FAILED and stale" in said
    planted.run("--live", code=1)
    assert records.read(ONE, planted.records) == kept, "what has failed writes no record"


@pytest.mark.slow
def test_a_changed_number_another_version_and_a_page_are_proven_live(planted: Planted) -> None:
    planted.run("--renew")
    planted.change(seconds=0.0)  # so that it is not its turn: the first by name of equals would be
    for test in (2, 3):
        record = records.read(ONE.replace("1]", f"{test}]"), planted.records)
        assert record is not None
        dear = replace(record, seconds=float(9 - test))
        records.write(replace(dear, seal=dear.own_seal()), planted.records)
    assert "2 proofs taken" in planted.run()

    file = records.file_of(ONE, planted.records)
    facts = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(facts | {"found": {"value": 3}}), encoding="utf-8")
    said = planted.run()
    assert "1 edited by hand" in said
    assert f"{ONE} (edited by hand)" in said
    file.write_text(json.dumps(facts), encoding="utf-8")

    planted.change(versions={**facts["versions"], "torch": "1.0"})
    said = planted.run()
    assert "1 other versions: torch 1.0 there, " in said
    assert "STALE" not in said, "a record from elsewhere is no fault"


def test_the_turn_goes_round_and_every_part_costs_about_the_same() -> None:
    costs = [(f"proof {n}", float(seconds)) for n, seconds in enumerate([100, 90, 80] + 61 * [10])]
    parts = [records.in_turn(costs, turn) for turn in range(records.PARTS)]
    assert sorted(name for part in parts for name in part) == sorted(name for name, _ in costs)
    sums = [sum(dict(costs)[name] for name in part) for part in parts]
    assert max(sums) - min(sums) <= 90
    assert {records.turn_of(f"{n:040x}") for n in range(100)} == set(range(records.PARTS))
    assert records.turn_of("") == 0


def test_a_record_stands_for_its_own_test_and_code_and_versions() -> None:
    key = Key("abc", {"python": "3.11", "torch": "2.0"})
    record = Record.made("tests/a/test_b.py::test_c[x/y]", key, 12.34, {"error": 1e-12})
    assert records.fault(record, record.test, key) == ""
    assert records.fault(None, record.test, key) == "no record"
    assert records.fault(record, record.test, replace(key, code="abd")) == "changed"
    assert records.fault(record, "tests/a/test_b.py::test_d", key) == "edited by hand"
    assert records.fault(replace(record, seconds=1.0), record.test, key) == "edited by hand"
    # Bytecode and syntax trees differ between versions of Python, and so may the digest: nothing has changed by that.
    other = Key("abd", {"python": "3.12", "torch": "2.0"})
    assert records.fault(record, record.test, other) == "other versions: python 3.11 there, 3.12 here"


def test_each_record_has_a_file_of_its_own(tmp_path: Path) -> None:
    names = [f"tests/a/test_b.py::test_c[{value}]" for value in ("x/y", "x:y", "x_y", "1.5")]
    files = {records.file_of(name, tmp_path) for name in names}
    assert len(files) == len(names)
    assert tmp_path / "a" / "test_b" / "test_c[1.5].json" in files
    record = Record.made(names[0], Key("abc", {}), 1.0, {})
    records.write(record, tmp_path)
    assert records.read(names[0], tmp_path) == record
    assert [asdict(one) for one in records.every(tmp_path)] == [asdict(record)]


def test_every_record_of_the_course_is_of_a_test_that_is_there() -> None:
    root = Path(records.__file__).resolve().parents[2]
    for record in records.every():
        path, _, name = record.test.partition("::")
        assert (root / path).is_file(), f"{record.test} is gone: delete {records.file_of(record.test)}"
        function = name.partition("[")[0].rpartition("::")[2]
        assert f"def {function}(" in (root / path).read_text(encoding="utf-8"), f"{record.test} is gone"
        assert record.seal == record.own_seal(), f"{records.file_of(record.test)} was edited by hand"
