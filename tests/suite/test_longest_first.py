"""The order of the tests: what took longest begins, and what shares a fixture stays together."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.suite import planted
from tests.suite.longest_first import estimates, order, recorded


def test_the_longest_begins_and_equals_stay_as_they_were() -> None:
    names = ["test_a.py::test_1", "test_a.py::test_2", "test_b.py::test_3", "test_b.py::test_4"]
    places = order(names, {"test_b.py::test_3": 9.0, "test_a.py::test_2": 20.0})
    assert sorted(places, key=places.__getitem__) == [names[1], names[2], names[0], names[3]]


def test_a_new_case_is_thought_to_take_what_the_others_take() -> None:
    known = {"t.py::test_page[01-x]": 10.0, "t.py::test_page[02-x]": 30.0}
    assert estimates(["t.py::test_page[03-x]", "t.py::test_page[01-x]", "t.py::test_other"], known) == {
        "t.py::test_page[03-x]": 20.0,
        "t.py::test_page[01-x]": 10.0,
        "t.py::test_other": 0.0,
    }


def test_a_file_with_a_shared_fixture_counts_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "test_shared.py").write_text('@pytest.fixture(scope="module")', encoding="utf-8")
    names = ["test_alone.py::test_long", "test_shared.py::test_1", "test_shared.py::test_2"]
    places = order(names, {names[0]: 5.0, names[1]: 3.0, names[2]: 3.0}, tmp_path)
    assert places == {"test_shared.py": 0, "test_alone.py::test_long": 1}


def test_without_an_account_the_order_is_pytests(tmp_path: Path) -> None:
    assert recorded(tmp_path / "suite.json") == {}
    names = [f"test_a.py::test_{number}" for number in range(5)]
    assert list(order(names, {})) == names


ALONE = """
import os, pathlib, time, pytest

@pytest.mark.parametrize("number", range(8))
def test_short(number):
    note(f"short {number}")

def test_long():
    note("long")
    time.sleep(1)

def note(what):
    with open("began.txt", "a") as file:
        file.write(f"{os.environ['PYTEST_XDIST_WORKER']} {what}\\n")
"""
SHARED = """
import pytest
from test_alone import note

@pytest.fixture(scope="module")
def made():
    note("made")

@pytest.mark.parametrize("number", range(6))
def test_it(made, number):
    note(f"shared {number}")
"""


@pytest.mark.slow
def test_workers_begin_with_the_longest_and_keep_shared_fixtures_to_themselves(tmp_path: Path) -> None:
    (tmp_path / "test_alone.py").write_text(ALONE, encoding="utf-8")
    (tmp_path / "test_shared.py").write_text(SHARED, encoding="utf-8")
    record = tmp_path / "benchmarks" / "results" / "suite.json"
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps({"longest": {"test_alone.py::test_long": 1.0}}), encoding="utf-8")
    done = planted.run(tmp_path, "-q", "-n", "2", "-p", "tests.suite.longest_first")
    assert done.returncode == 0, done.stdout
    assert "15 passed" in done.stdout
    began = [line.split(" ", 1) for line in (tmp_path / "began.txt").read_text(encoding="utf-8").splitlines()]
    by_worker = {name: [what for worker, what in began if worker == name] for name, _ in began}
    (first,) = [name for name, whats in by_worker.items() if "long" in whats]
    assert by_worker[first][0] == "long"
    assert len(by_worker[first]) <= 3, "the other worker takes the short ones meanwhile"
    assert [what for _, what in began].count("made") == 1
