"""A pytest plugin that counts what each test costs: CPU seconds, those of its child processes included, and memory.

    python -m pytest -p tests.suite.measured --measured-into FILE --memory-limit MIB

CPU seconds are those of the process that runs the tests and of the children that it has waited for, so a busy machine
lengthens nothing. A fixture that several tests share is paid by the first that needs it. A child that lives on over
several tests is paid by the test in which it ends, and by no test if it ends after the last; around a test that drives
a browser the living children are looked at as well, so there each test pays what its browser and server did for it.

Memory is the most that the process held at once until the end of the test (where the system does not tell, what it
holds at the end). The closing lines name the most of every worker and the test that raised it furthest, and a run in
which a worker goes over the limit fails.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from dlstudy.course.running.sandbox import peak_memory


@dataclass
class Memory:
    """The most MiB that a process held at once, and the test that raised it furthest, with by how much."""

    peak: float
    raised_by: str = ""
    raised: float = 0.0


@dataclass
class Cost:
    """What one test cost: CPU seconds, seconds on the clock."""

    cpu: float = 0.0
    wall: float = 0.0


def cpu_seconds(living: bool = False) -> float:
    """Return the CPU seconds of this process and of the children that it waited for, and of those that live yet."""
    seconds = sum(os.times()[:4])
    if living:
        for child in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                seconds += sum(child.cpu_times()[:4])
    return seconds


class Meter:
    """Measures the tests that run in this process, and sends each figure along with the test's report."""

    def __init__(self) -> None:
        self.memory = Memory(peak_memory() / 2**20)
        self._before = 0.0

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self) -> None:
        """Begin with what the imports took, which is no test's doing."""
        self.memory = Memory(peak_memory() / 2**20)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Iterator[None]:
        """Begin to count before the first fixture."""
        self._before = cpu_seconds(_drives_a_browser(item))
        return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Iterator[None]:
        """Count to the end of the last fixture; the report of the teardown is made after this."""
        try:
            return (yield)
        finally:
            spent = max(0.0, cpu_seconds(_drives_a_browser(item)) - self._before)
            item.user_properties.append(("cpu", round(spent, 3)))
            peak = peak_memory() / 2**20
            if peak - self.memory.peak > self.memory.raised:
                self.memory.raised_by, self.memory.raised = item.nodeid, peak - self.memory.peak
            self.memory.peak = max(self.memory.peak, peak)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Hand this worker's memory to the process that collects the reports."""
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput["memory"] = asdict(self.memory)


def _drives_a_browser(item: pytest.Item) -> bool:
    return item.get_closest_marker("browser") is not None


class Ledger:
    """Collects the figures of all workers in the process that prints the result, and writes them down."""

    def __init__(self, config: pytest.Config, meter: Meter) -> None:
        self.into: str | None = config.getoption("--measured-into")
        self.limit: float | None = config.getoption("--memory-limit")
        self.tests: dict[str, Cost] = {}
        self.memory: dict[str, Memory] = {}
        self._meter = meter

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add up the seconds of the three phases; the CPU seconds come with the last."""
        cost = self.tests.setdefault(report.nodeid, Cost())
        cost.wall += report.duration
        if report.when == "teardown":
            cost.cpu += sum(float(value) for name, value in report.user_properties if name == "cpu")

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take a worker's memory from it as it ends; one that crashed has sent none."""
        sent = getattr(node, "workeroutput", {}).get("memory")
        if sent:
            self.memory[node.gateway.id] = Memory(**sent)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail a run in which a worker held too much."""
        if not self.memory and not session.config.getoption("numprocesses", None):
            self.memory["the one process"] = self._meter.memory
        if session.exitstatus == pytest.ExitCode.OK and any(map(self._too_much, self.memory.values())):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _too_much(self, memory: Memory) -> bool:
        return self.limit is not None and memory.peak > self.limit

    @pytest.hookimpl
    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say what each worker held at most, and write all figures down."""
        for worker, memory in sorted(self.memory.items()):
            terminalreporter.write_line(
                f"memory of {worker}: {memory.peak:,.0f} MiB at most"
                + (f", raised furthest (by {memory.raised:,.0f}) by {memory.raised_by}" if memory.raised_by else "")
                + (f" -- TOO MUCH, the limit is {self.limit:,.0f} MiB" if self._too_much(memory) else "")
            )
        if self.into:
            counts = {
                name: len([report for report in reports if getattr(report, "count_towards_summary", True)])
                for name, reports in terminalreporter.stats.items()
                if name in ("passed", "failed", "error", "skipped", "xfailed", "xpassed")
            }
            record = {
                "outcomes": counts,
                "memory": {worker: asdict(memory) for worker, memory in self.memory.items()},
                "tests": {name: [round(cost.cpu, 2), round(cost.wall, 2)] for name, cost in self.tests.items()},
            }
            path = Path(self.into)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(record, indent=1), encoding="utf-8")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add where the figures go and how much memory a worker may hold."""
    group = parser.getgroup("measured", "what each test costs")
    group.addoption("--measured-into", metavar="FILE", help="write CPU seconds of every test and memory there, as JSON")
    group.addoption("--memory-limit", metavar="MIB", type=float, help="fail when a worker has held more at once")


def pytest_configure(config: pytest.Config) -> None:
    """Measure in every process that runs tests; collect in the one that prints."""
    meter = Meter()
    if hasattr(config, "workerinput"):
        config.pluginmanager.register(meter, "measured-meter")
        return
    if not config.getoption("numprocesses", None):
        config.pluginmanager.register(meter, "measured-meter")
    config.pluginmanager.register(Ledger(config, meter), "measured-ledger")
