"""A pytest plugin that gives the workers the longest tests first: `python -m pytest -n 2 -p tests.suite.longest_first`.

A worker that begins a test of a minute when the others are about to end keeps everybody waiting. So the tests that took
longest at the last account (`benchmarks/results/suite.json`) begin, and what is short fills up the end. A file whose
tests share a fixture, a page with its server above all, stays whole on one worker: elsewhere it would be made again.
"""

from __future__ import annotations

import json
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).resolve().parents[2]
RECORD = Path("benchmarks", "results", "suite.json")
SHARED = ('scope="module"', "pytest.mark.browser")
"""What stands in a file whose tests share what is dear to make."""


def recorded(record: Path) -> dict[str, float]:
    """Return the seconds of the longest tests at the last account; nothing where there was none yet."""
    try:
        return dict(json.loads(record.read_text(encoding="utf-8"))["longest"])
    except FileNotFoundError:
        return {}


def estimates(tests: Iterable[str], known: Mapping[str, float]) -> dict[str, float]:
    """Return how long each test may take: as recorded; a case that is new as its function's others; else nothing."""
    others = defaultdict(list)
    for name, seconds in known.items():
        others[name.partition("[")[0]].append(seconds)
    means = {function: statistics.fmean(all_seconds) for function, all_seconds in others.items()}
    return {name: known.get(name, means.get(name.partition("[")[0], 0.0)) for name in tests}


@cache
def stays_whole(file: Path) -> bool:
    """Return whether the tests of a file share a fixture, so that one worker should run them all."""
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    return any(word in text for word in SHARED)


def unit(test: str, root: Path = ROOT) -> str:
    """Return what is given to a worker together with this test: its file where that stays whole, else it alone."""
    file = test.partition("::")[0]
    return file if stays_whole(root / file) else test


def order(tests: Iterable[str], known: Mapping[str, float], root: Path = ROOT) -> dict[str, int]:
    """Return the place of every unit: the longest first, those of equal length as they were."""
    together: dict[str, float] = defaultdict(float)
    for name, estimate in estimates(tests, known).items():
        together[unit(name, root)] += estimate
    return {name: place for place, name in enumerate(sorted(together, key=lambda name: -together[name]))}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Sort what was chosen; every worker has the same files and comes to the same order, which xdist asks for."""
    places = order((item.nodeid for item in items), recorded(config.rootpath / RECORD), config.rootpath)
    items.sort(key=lambda item: places[unit(item.nodeid, config.rootpath)])


class LongestFirst(LoadScopeScheduling):
    """Hands out the units as they are sorted, the next one as soon as a worker has begun its last test but one."""

    def _split_scope(self, nodeid: str) -> str:
        """Return the unit that a test belongs to; schedulers of xdist are made by overriding this."""
        return unit(nodeid, self.config.rootpath)


@pytest.hookimpl
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LongestFirst:
    """Take the place of the scheduler that `--dist` names."""
    config.option.loadscopereorder = False  # else xdist begins with the units of most tests
    return LongestFirst(config, log)
