"""How the tests of the browser behave: they wait for what happens and not for a clock, and they clear up."""

from __future__ import annotations

import ast
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.leash import clear, folders, processes, until

ROOT = Path(__file__).resolve().parents[2]
HELPERS = ("tests/served.py", "tests/app/conftest.py", "tests/app/visits.py")
SETS_A_CLOCK = {"sleep", "wait_for_timeout"}


def waits_on_a_clock(text: str) -> Iterator[int]:
    """The lines at which a program pauses for a time that it was told, or takes silence for an end."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).rpartition(".")[2]
            waits = name == "wait_for_load_state" and "networkidle" in ast.unparse(node)
            if waits or name in SETS_A_CLOCK:
                yield node.lineno


def browser_files() -> list[Path]:
    """The tests that drive a browser, and what they share."""
    marked = re.compile(r"^(pytestmark = .*|@)pytest\.mark\.browser", re.MULTILINE)
    found = [path for path in ROOT.glob("tests/**/test_*.py") if marked.search(path.read_text(encoding="utf-8"))]
    return [*found, *(ROOT / name for name in HELPERS)]


def test_no_test_of_the_browser_waits_on_a_clock() -> None:
    files = browser_files()
    assert len(files) > 15
    found = [f"{path.relative_to(ROOT)}:{line}" for path in files for line in waits_on_a_clock(path.read_text("utf-8"))]
    assert found == [], "wait for what is to happen: expect, page.wait_for_function, tests.leash.until"


@pytest.mark.parametrize(
    "planted",
    ["page.wait_for_timeout(300)", "time.sleep(1)", "sleep(0.1)", 'page.wait_for_load_state("networkidle")'],
)
def test_a_planted_wait_is_found(planted: str) -> None:
    assert list(waits_on_a_clock(f"def test_it(page):\n    page.click('a')\n    {planted}\n")) == [3]
    assert list(waits_on_a_clock("write(page, 'import time; time.sleep(9)')")) == [], (
        "what a learner runs may take long"
    )


WORKER = """
import signal, subprocess, sys, time
from tests.leash import leashed, new_folder

# A run in the background hands down that Ctrl-C is ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)

with leashed(patience=1):
    new_folder("planted")
    sleeping = [sys.executable, "-c", "import time; time.sleep(600)"]
    parent = f"import subprocess, sys; subprocess.run({sleeping!r})"
    child = subprocess.Popen([sys.executable, "-c", parent])
    print("ready", flush=True)
    OUTCOME
"""


@pytest.fixture
def worker(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    """A test process with a folder, a child and a grandchild, before its outcome."""
    code = WORKER.replace("OUTCOME", request.param)
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    until(lambda: len(processes(process.pid)) >= 2, "the grandchild runs")
    yield process
    process.kill()
    process.communicate()
    clear(process.pid)


@pytest.mark.parametrize("worker", ["time.sleep(600)"], indirect=True)
@pytest.mark.parametrize("by", ["interrupt", "kill"])
def test_what_an_interrupted_worker_started_and_made_ends_with_it(worker: subprocess.Popen[str], by: str) -> None:
    assert len(folders(worker.pid)) == 1
    if by == "kill" or os.name == "nt":
        worker.kill()
    else:
        worker.send_signal(signal.SIGINT)
    until(lambda: not processes(worker.pid) and not folders(worker.pid), "all of it is gone")


@pytest.mark.parametrize("worker", ["pass"], indirect=True)
def test_an_orderly_end_that_leaves_something_is_an_error_that_names_it(worker: subprocess.Popen[str]) -> None:
    _, error = worker.communicate(timeout=60)
    assert worker.returncode == 1
    assert re.search(r"the tests have left behind .*'process \d+: .*dlstudy-planted-", error, re.DOTALL)
    until(lambda: not processes(worker.pid) and not folders(worker.pid), "all of it is gone")
