"""What pytest does with proofs: decides which are proven live, writes records, and says at the end what was taken."""

from __future__ import annotations

import inspect
import os
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests import proofs
from tests.proofs import keys, records
from tests.proofs.experiments import Plan, plan
from tests.proofs.keys import Key
from tests.proofs.records import Record

TAKEN = "taken from its record"
ASKED = "asked for"
TURN = "its turn"
LIVE_COMMAND = "make test ARGS=--live"
RENEW_COMMAND = "python -m tests.proofs"
_PLAN = pytest.StashKey[str]()
_KEY = pytest.StashKey[Key]()
_BEGUN = pytest.StashKey[float]()
_EXPERIMENTS = pytest.StashKey[Plan]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("proofs", "proofs and their records (tests/proofs)")
    group.addoption("--live", action="store_true", help="prove everything live, and renew every record")
    group.addoption("--renew", action="store_true", help="renew the records of what is proven because it is stale")
    group.addoption("--stale", action="store_true", help="run nothing, only say which proofs' records are stale")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "proof(page=, modules=, packages=, apart=): expensive; taken from its record while nothing it depends on has "
        "changed. `page` is a page or the parameter that holds one, the rest is handed to tests.proofs.keys.",
    )
    config.pluginmanager.register(Proofs(config), "proofs")


class Proofs:
    """The proofs of one run. With several workers each decides alike, and only the first process writes and speaks."""

    def __init__(self, config: pytest.Config, folder: Path | None = None) -> None:
        self._config = config
        self._worker: dict[str, Any] | None = getattr(config, "workerinput", None)
        # `folder` is looked up here and not in the signature, so that a test can plant another one.
        self._folder = folder or records.FOLDER
        self._turn = self._worker["proofs_turn"] if self._worker else records.turn_of(records.commit(config.rootpath))
        self._outcomes: dict[str, dict[str, Any]] = {}
        self._written: list[Path] = []

    @property
    def _live(self) -> bool:
        return bool(self._config.getoption("live"))

    @property
    def _writes(self) -> bool:
        return self._live or bool(self._config.getoption("renew"))

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker whose turn it is: a commit made during the run must not divide them."""
        node.workerinput["proofs_turn"] = self._turn

    # ---- decide -----------------------------------------------------------------------------------------------------

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Decide of every proof how it is run."""
        found = [item for item in items if item.get_closest_marker("proof")]
        if not found:
            return
        costs = ((record.test, record.seconds) for record in records.every(self._folder))
        turn = records.in_turn(costs, self._turn)
        for item in found:
            item.stash[_KEY] = key_of_item(item)
            item.stash[_PLAN] = self._plan(item, turn)
        keys.project().keep()

    def _plan(self, item: pytest.Item, turn: set[str]) -> str:
        """How a proof is run: TAKEN, or why it is made live."""
        if self._live:
            return ASKED
        test = item.nodeid
        fault = records.fault(records.read(test, self._folder), test, item.stash[_KEY])
        return fault or (TURN if test in turn and not self._config.getoption("renew") else TAKEN)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """With `--stale` say which records are, and run nothing."""
        if not self._config.getoption("stale"):
            return
        plans = {item.nodeid: item.stash[_PLAN] for item in session.items if _PLAN in item.stash}
        stale = [f"{test}: {plan}" for test, plan in plans.items() if plan not in (TAKEN, TURN)]
        said = "\n".join([*stale, f"{len(stale)} of {len(plans)} proofs have no record that stands for them"])
        pytest.exit(said, returncode=1 if stale else 0)

    # ---- run --------------------------------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """A proof that is taken needs none of its fixtures; of the others the time counts from here."""
        proofs.begin()
        item.stash[_BEGUN] = cpu_seconds()
        if item.stash.get(_PLAN, "") == TAKEN and isinstance(item, pytest.Function):
            item.fixturenames = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool | None:
        """Do not call what is taken from its record."""
        return True if pyfuncitem.stash.get(_PLAN, "") == TAKEN else None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Hand on to the first process how a proof came out."""
        report = yield
        outcome: dict[str, Any] = {}
        if _EXPERIMENTS in item.stash:
            outcome["experiments"] = asdict(item.stash[_EXPERIMENTS])
        if _PLAN in item.stash:
            key = item.stash[_KEY]
            outcome |= {"plan": item.stash[_PLAN], "code": key.code, "versions": key.versions}
            outcome |= {"found": proofs.noted(), "seconds": cpu_seconds() - item.stash[_BEGUN]}
        if call.when == "call" and outcome:
            report.user_properties.append(("proof", outcome))
        return report

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Count what was taken apart from what has passed."""
        if report.when == "call" and report.passed and _outcome(report).get("plan") == TAKEN:
            return "from records", "r", "FROM RECORD"
        return None

    # ---- write and speak --------------------------------------------------------------------------------------------

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep how a proof came out, and write its record where that was asked for."""
        outcome = _outcome(report)
        if self._worker is not None or report.when != "call" or not outcome:
            return
        self._outcomes[report.nodeid] = {**outcome, "passed": report.passed}
        if self._writes and report.passed and outcome.get("plan", TAKEN) != TAKEN:
            key = Key(outcome["code"], outcome["versions"])
            record = Record.made(report.nodeid, key, outcome["seconds"], outcome["found"])
            self._written.append(records.write(record, self._folder))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say what was proven live and why, what was taken from records, and what proves that live."""
        lines = summary(self._outcomes, self._saved(), renewed=self._writes)
        if self._written:
            lines.append(f"{len(self._written)} records written to tests/proofs/records")
        if lines:
            terminalreporter.section("proofs")
            terminalreporter.write("\n".join(lines) + "\n")

    def _saved(self) -> float:
        """The CPU seconds that the records say the proofs taken from them would have taken."""
        taken = [test for test, outcome in self._outcomes.items() if outcome.get("plan") == TAKEN]
        return sum(record.seconds for test in taken if (record := records.read(test, self._folder)))

    def experiments(self, path: Path) -> Plan:
        """Return how the experiments of a page are to be run."""
        return plan(path, self._turn, self._live)


@pytest.fixture
def experiments(request: pytest.FixtureRequest) -> Callable[[Path], Plan]:
    """Say how a page's experiments are to be run, and tell it in the closing lines."""
    mine: Proofs = request.config.pluginmanager.get_plugin("proofs")

    def decide(path: Path) -> Plan:
        request.node.stash[_EXPERIMENTS] = mine.experiments(path)
        return request.node.stash[_EXPERIMENTS]

    return decide


# ---- the closing lines -----------------------------------------------------------------------------------------------


def summary(outcomes: Mapping[str, Mapping[str, Any]], saved: float, *, renewed: bool) -> list[str]:
    """Return the closing lines of a run: of the proofs, then of the pages' experiments.

    `saved` are the seconds that records spared; with `renewed` what was stale and has passed is stale no longer.
    """
    plans = {test: outcome["plan"] for test, outcome in outcomes.items() if "plan" in outcome}
    taken = [test for test, how in plans.items() if how == TAKEN]
    live = {test: how for test, how in plans.items() if how != TAKEN}
    lines = []
    if plans:
        lines.append(f"{len(live)} proofs made live{_reasons(live.values())}")
    if taken:
        lines.append(
            f"{len(taken)} proofs taken from their records, {saved:.0f} CPU s; live: {LIVE_COMMAND}, or one by"
        )
        names = Counter(test.partition("[")[0] for test in taken)
        lines += [f"  python -m pytest --live {name}" + (f"  # {n}" if n > 1 else "") for name, n in names.items()]
    stale = [test for test, how in live.items() if how not in (ASKED, TURN) and not how.startswith("other versions")]
    if stale and (failed := [test for test in stale if not outcomes[test]["passed"]]):
        lines.append(f"FAILED and stale, nothing to renew yet: {', '.join(failed)}")
    if not renewed and (good := [test for test in stale if outcomes[test]["passed"]]):
        lines.append(f"STALE RECORDS, just proven and to be renewed by {RENEW_COMMAND}:")
        lines += [f"  {test} ({live[test]})" for test in good]
    return lines + _of_experiments(outcomes)


def _of_experiments(outcomes: Mapping[str, Mapping[str, Any]]) -> list[str]:
    plans = [outcome["experiments"] for outcome in outcomes.values() if "experiments" in outcome]
    live = [why for made in plans for why in made["live"].values()]
    taken = [seconds for made in plans for seconds in made["taken"].values()]
    lines = []
    if live or taken:
        lines.append(f"{len(live)} experiments of the pages measured live{_reasons(live)}")
    if taken:
        lines.append(f"{len(taken)} taken from exercises/NN/recorded, {sum(taken):.0f} CPU s; live: {LIVE_COMMAND}")
    return lines


def _reasons(reasons: Any) -> str:
    """Return how often each reason was one, in brackets; the versions are named once, and the rest of them counted."""
    counted = Counter(reasons)
    return f" ({', '.join(f'{n} {reason}' for reason, n in counted.most_common())})" if counted else ""


# ---- one test --------------------------------------------------------------------------------------------------------


def key_of_item(item: pytest.Item) -> Key:
    """Return the key of a test with the mark `proof`.

    Raises:
        ValueError: its mark names a page that is neither a file nor one of the test's parameters.
    """
    mark = item.get_closest_marker("proof")
    assert mark is not None
    options = dict(mark.kwargs)
    values = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    page = options.get("page")
    if isinstance(page, str):
        if page not in values:
            raise ValueError(f"{item.nodeid}: expected a parameter that holds the page, got {page!r} of {list(values)}")
        options["page"] = values[page]
    module = inspect.getmodulename(str(item.path)) or ""
    folder = item.path.parent.relative_to(item.config.rootpath).parts
    return keys.of_test(".".join((*folder, module)), **options)


def cpu_seconds() -> float:
    """Return the CPU time of this process and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _outcome(report: pytest.TestReport) -> dict[str, Any]:
    return next((fact for name, fact in report.user_properties if name == "proof"), {})  # type: ignore[return-value]
