"""What `make check` leaves to `make test`: the long tests, none of a changed file, and it says how many."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.suite.longest_first import RECORD
from tests.suite.quick import changed_files, long_ones

ROOT = Path(__file__).resolve().parents[2]
TESTS = "def test_long(): assert False\n\ndef test_short(): pass\n"


def test_the_long_ones_of_unchanged_files_are_left() -> None:
    known = {"a.py::test_1": 3.0, "a.py::test_2": 0.1, "b.py::test_3": 2.0}
    names = [*known, "a.py::test_new"]
    assert long_ones(names, known, ["b.py"]) == {"a.py::test_1"}


def test_changed_and_new_files_are_found(tmp_path: Path) -> None:
    assert changed_files(tmp_path) == set()
    for name in ("kept.py", "changed.py"):
        (tmp_path / name).write_text("1\n", encoding="utf-8")
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=x", "-c", "user.email=x", "commit", "-qm", "x"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "changed.py").write_text("2\n", encoding="utf-8")
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "test_it.py").write_text("", encoding="utf-8")
    assert changed_files(tmp_path) == {"changed.py", "new/test_it.py"}


@pytest.mark.slow  # starts pytest
@pytest.mark.parametrize("workers", ["0", "2"])
def test_the_closing_lines_say_how_many_are_left(tmp_path: Path, workers: str) -> None:
    (tmp_path / "test_it.py").write_text(TESTS, encoding="utf-8")
    (tmp_path / RECORD).parent.mkdir(parents=True)
    (tmp_path / RECORD).write_text(json.dumps({"longest": {"test_it.py::test_long": 2.0}}), encoding="utf-8")
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import pytest; sys.exit(pytest.main(sys.argv[1:]))"
    options = ["-q", "-p", "tests.suite.quick", "-p", "no:cacheprovider", "-n", workers, "--rootdir", str(tmp_path)]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "", "HOME": str(tmp_path)}
    command = [sys.executable, "-c", code, *options, str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 tests that took over 0.2 s at the last account are left to make test" in done.stdout
    assert "1 passed" in done.stdout
