"""The meter: a child's seconds are its test's, and who takes too much memory is named and fails the run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.suite import planted

TESTS = """
import subprocess, sys

SPIN = "import time\\nwhile time.process_time() < 0.7: pass"

def test_short():
    pass

def test_in_a_child():
    subprocess.run([sys.executable, "-c", SPIN], check=True)

def test_left_running_over_the_next():
    global child
    child = subprocess.Popen([sys.executable, "-c", SPIN])

def test_where_it_ends():
    child.wait()

def test_hog():
    assert len(bytearray(b"x") * (400 << 20)) > 0

def test_wrong():
    assert len("") == 1
"""
WITH = ("-q", "-p", "tests.suite.measured", "--measured-into", "figures/planted.json")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "test_planted.py").write_text(TESTS, encoding="utf-8")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("spread", [(), ("-n", "2", "--dist", "loadfile")], ids=["one process", "two workers"])
def test_every_test_is_measured_with_its_children_and_the_hog_is_named(folder: Path, spread: tuple[str, ...]) -> None:
    done = planted.run(folder, *WITH, *spread, "--memory-limit", "300", "--deselect", "test_planted.py::test_wrong")
    assert done.returncode == 1, done.stdout
    assert "5 passed" in done.stdout
    assert "by test_planted.py::test_hog -- TOO MUCH, the limit is 300 MiB" in done.stdout
    figures = json.loads((folder / "figures" / "planted.json").read_text(encoding="utf-8"))
    cpu = {name.partition("::")[2]: seconds for name, (seconds, _) in figures["tests"].items()}
    assert cpu["test_short"] < 0.2
    assert 0.65 <= cpu["test_in_a_child"] < 1.5
    assert cpu["test_left_running_over_the_next"] < 0.5
    assert cpu["test_where_it_ends"] >= 0.65  # as said in the module's first lines
    assert figures["outcomes"] == {"passed": 5}
    assert max(memory["peak"] for memory in figures["memory"].values()) > 400


@pytest.mark.slow
def test_neither_the_imports_nor_who_started_the_run_are_a_test_s_doing(folder: Path) -> None:
    held = bytearray(b"x") * (600 << 20)  # a child inherits this in `ru_maxrss`
    imports = 'TAKEN = len(bytearray(b"x") * (200 << 20))'
    (folder / "test_planted.py").write_text(f"{imports}\n{TESTS}", encoding="utf-8")
    done = planted.run(folder, *WITH, "-k", "short")
    assert done.returncode == 0, done.stdout
    figures = json.loads((folder / "figures" / "planted.json").read_text(encoding="utf-8"))
    (memory,) = figures["memory"].values()
    assert 200 < memory["peak"] < len(held) / 2**20
    assert memory["raised"] < 50


@pytest.mark.slow
def test_within_the_limit_the_result_is_that_of_the_tests(folder: Path) -> None:
    limit = ("--memory-limit", "5000")
    assert planted.run(folder, *WITH, *limit, "-k", "short").returncode == 0
    done = planted.run(folder, *WITH, *limit, "-k", "short or wrong")
    assert done.returncode == 1
    assert "TOO MUCH" not in done.stdout
    figures = json.loads((folder / "figures" / "planted.json").read_text(encoding="utf-8"))
    assert figures["outcomes"] == {"passed": 1, "failed": 1}
