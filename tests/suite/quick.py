"""A pytest plugin for while you work: `make check` leaves what took long at the last account to `make test`.

Most tests take milliseconds, and a few hundred of several thousand take most of the time: models in sizes that a paper
has, servers that start, programs that are run from outside. They are left out here, and the closing lines say how many;
those of a file that was changed since the last commit run all the same, since it is them that one is working on.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from tests.suite.longest_first import RECORD, recorded

LONG = 0.2  # CPU seconds of one test
LEFT = pytest.StashKey[int]()


def changed_files(root: Path) -> set[str]:
    """Return the files that git says are changed or new, as pytest writes them; none where there is no git."""
    command = ["git", "status", "--porcelain", "--untracked-files=all", "--no-renames", "-z"]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, encoding="utf-8", check=True)
    except (OSError, subprocess.CalledProcessError):
        return set()
    return {entry[3:] for entry in done.stdout.split("\0") if entry}


def long_ones(tests: Iterable[str], known: Mapping[str, float], changed: Iterable[str]) -> set[str]:
    """Return the tests that took long and are in no changed file; what no account knows counts as quick."""
    changed = set(changed)
    return {name for name in tests if known.get(name, 0.0) > LONG and name.partition("::")[0] not in changed}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long ones out; every worker comes to the same choice."""
    known = recorded(config.rootpath / RECORD)
    left = long_ones((item.nodeid for item in items), known, changed_files(config.rootpath))
    if left:
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid in left])
        items[:] = [item for item in items if item.nodeid not in left]
    config.stash[LEFT] = len(left)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the controlling process how many were left out."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["left"] = session.config.stash.get(LEFT, 0)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object, error: object) -> None:
    """Take what a worker tells; all of them tell the same."""
    config, output = node.config, getattr(node, "workeroutput", None) or {}  # type: ignore[attr-defined]
    config.stash[LEFT] = max(config.stash.get(LEFT, 0), output.get("left", 0))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what was left out."""
    left = config.stash.get(LEFT, 0)
    if left:
        words = f"{left} tests that took over {LONG} s at the last account are left to make test"
        terminalreporter.write_line(words)
