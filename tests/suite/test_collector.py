"""What was there before the first test is set aside, and what a test leaves behind is collected."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.suite import planted

TESTS = """
import gc, weakref

class Ring:
    def __init__(self):
        self.itself = self

BEFORE = weakref.ref(Ring())

def test_imports_leave_no_garbage_and_are_set_aside():
    assert BEFORE() is None
    assert gc.isenabled()
    assert gc.get_freeze_count() > 1000

def test_what_a_test_drops_is_freed():
    dropped = weakref.ref(Ring())
    gc.collect()
    assert dropped() is None
"""


@pytest.mark.slow
@pytest.mark.parametrize("spread", [(), ("-n", "2")], ids=["one process", "two workers"])
def test_only_what_tests_make_is_collected(tmp_path: Path, spread: tuple[str, ...]) -> None:
    (tmp_path / "test_planted.py").write_text(TESTS, encoding="utf-8")
    done = planted.run(tmp_path, "-q", "-p", "tests.suite.collector", *spread)
    assert done.returncode == 0, done.stdout
    assert planted.run(tmp_path, "-q").returncode == 1, "without the plugin the first test fails"
