"""Run the checks and tests in an order that keeps the cores busy: `python -m tests.run_suite check|test`.

`check` is for while you work: it leaves the longest tests out and says how many (`tests.suite.quick`). `test` is
everything. `--account` writes down what the run cost (`tests.suite.account`). Any further arguments go to every pytest
run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

from tests.suite import account
from tests.suite.account import Stage

ROOT = Path(__file__).resolve().parent.parent
BROWSER_LIMIT = 1500  # seconds, more than twice what they take on one worker
RUN_LIMIT = 90 * 60  # seconds after which CI ends a run
RUN_WARNING = 45 * 60  # seconds from which a run says that it comes near
# MiB that a worker of the fast tests may hold at once; all of them in one process came to 2,646. Of the slow ones it is
# only told: a parity test of GPT-2 in full holds the model, its reference and the gradients of both, 9.7 GB.
MEMORY_LIMIT = ["--memory-limit", "3500"]
FAST_TESTS = "static checks and fast tests"
SLOW_TESTS = "slow tests and lessons"
BROWSER_TESTS = "browser tests"

STATIC = {
    "format": ["-m", "ruff", "format", "--check", "--quiet", "."],
    "lint": ["-m", "ruff", "check", "--quiet", "."],
    "import rules": ["-c", "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"],
    "types": ["-m", "mypy"],
}
FAST = "not slow and not browser and not lessons"
REST = "(slow or lessons) and not browser"
SPARING = ["-p", "tests.suite.collector"]
LONGEST_FIRST = ["-p", "tests.suite.longest_first"]
QUICK = ["-p", "tests.suite.quick"]


def cores() -> int:
    """How many processes may run at once."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def environment() -> dict[str, str]:
    """One computing thread per process, as there is a process for every core and more threads would only wait.

    And Python may keep what it compiled, also where the machine forbids it, as containers often do: else every worker,
    kernel and child process compiles the project again (importing all test files took 18 CPU seconds, and 11 with it).
    """
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def static_check(name: str) -> bool:
    """Run one of STATIC and say how it ended; whether it found nothing."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *STATIC[name]],
        cwd=ROOT,
        env=environment(),
        check=False,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    passed = done.returncode == 0
    found = "" if passed else f"\n{done.stdout}{done.stderr}"
    print(f"{name}: {'ok' if passed else 'FAILED'}, {time.perf_counter() - began:.1f} s{found}", flush=True)
    return passed


def run_marked(marks: str, workers: int, extra: list[str], into: Path, limit: float | None = None) -> bool:
    """Run the tests that carry these marks; whether all passed. TimeoutExpired after `limit` seconds."""
    spread = ["-n", str(workers), "--dist", "worksteal"] if workers > 1 else []
    measured = ["-p", "tests.suite.measured", "--measured-into", str(into)]
    command = [sys.executable, "-m", "pytest", "-q", "-m", marks, *spread, *measured, *SPARING, *extra]
    return subprocess.run(command, cwd=ROOT, env=environment(), check=False, timeout=limit).returncode == 0


def fast_tests(workers: int, extra: list[str], stage: Stage) -> bool:
    """Run the fast tests, and the static checks beside them: the workers begin with imports, and mypy has but one core.

    The names of the static checks that found something go into the stage's note.
    """
    with ThreadPoolExecutor(1) as pool:
        checks: dict[str, Future[bool]] = {name: pool.submit(static_check, name) for name in STATIC}
        passed = run_marked(FAST, workers, [*MEMORY_LIMIT, *extra], account.figures_of(stage.name))
    failed = [name for name, check in checks.items() if not check.result()]
    stage.note = f"{', '.join(failed)} FAILED" if failed else ""
    return passed and not failed


def slow_tests(workers: int, extra: list[str], stage: Stage) -> bool:
    """Run the slow tests and the lessons' pages, the longest first; whether all passed."""
    return run_marked(REST, workers, [*LONGEST_FIRST, *extra], account.figures_of(stage.name))


def browser_tests(workers: int, extra: list[str], stage: Stage) -> bool:
    """Run the browser's tests; those that failed once more on their own, saying so. Whether all passed in the end.

    A browser, its server and its kernel wait for each other on clocks, and a busy machine can make one miss the other.
    What is broken fails again. A call to a browser that does not answer any more has no limit of its own in Playwright:
    then all begin again.
    """
    into = account.figures_of(stage.name)
    try:
        if run_marked("browser", min(workers, 4), [*LONGEST_FIRST, *extra], into, BROWSER_LIMIT):
            return True
        some = ["--last-failed", "--last-failed-no-failures", "none"]
    except subprocess.TimeoutExpired:
        print(f"\nended after {BROWSER_LIMIT} s without a result", flush=True)
        some = []
    print("\n== browser tests that failed, once more", flush=True)
    again = run_marked("browser", 1, [*extra, *some], into.with_stem(f"{into.stem}-again"))
    if again:
        stage.note = "UNSTEADY: some browser tests failed once and passed the second time"
        print(f"{stage.note}; they are named above", flush=True)
    return again


def outcomes(stage: str) -> dict[str, int]:
    """How many tests of a stage passed, failed and so on; nothing if it did not come to its end."""
    file = account.figures_of(stage)
    return json.loads(file.read_text(encoding="utf-8"))["outcomes"] if file.exists() else {}


def run_stage(name: str, run: Callable[[Stage], bool]) -> Stage:
    """Run one stage and measure it, its child processes included."""
    print(f"\n== {name}", flush=True)
    account.figures_of(name).unlink(missing_ok=True)
    stage = Stage(name, wall=0.0, cpu=0.0)
    began, before = time.perf_counter(), sum(os.times()[:4])
    stage.passed = run(stage)
    stage.wall, stage.cpu = time.perf_counter() - began, sum(os.times()[:4]) - before
    stage.outcomes = outcomes(name)
    print(f"{name}: {stage.wall:,.0f} s, {stage.cpu:,.0f} CPU s", flush=True)
    return stage


def before_us() -> float:
    """The seconds that CI's script spent before this one began, setting up; 0 elsewhere."""
    began = float(os.environ.get("DLSTUDY_SUITE_BEGAN", "inf"))
    return max(0.0, time.time() - began)


def closing(command: str, stages: list[Stage], earlier: float = 0.0) -> str:
    """The table of all stages, the limit beside it, and the verdict."""
    rows = [("set-up", f"{earlier:,.0f} s", "", "")] if earlier else []
    for stage in stages:
        counts = ", ".join(f"{count} {outcome}" for outcome, count in stage.outcomes.items()) or "no result"
        rows.append((stage.name, f"{stage.wall:,.0f} s", f"{stage.cpu:,.0f} CPU s", counts))
        if stage.note:
            rows.append(("", "", "", stage.note))
    seconds = earlier + sum(stage.wall for stage in stages)
    cpu = sum(stage.cpu for stage in stages)
    rows.append(("altogether", f"{seconds:,.0f} s", f"{cpu:,.0f} CPU s", f"the limit is {RUN_LIMIT:,} s"))
    lines = [f"{name:<30}{wall:>9}{cpu:>14}   {rest}".rstrip() for name, wall, cpu, rest in rows]
    if seconds > RUN_WARNING:
        lines.append(f"WARNING: {seconds / 60:.0f} of the {RUN_LIMIT // 60} minutes after which CI ends a run")
    failed = [stage.name for stage in stages if not stage.passed]
    verdict = f"FAILED: {', '.join(failed)}" if failed else "all passed"
    return "\n".join([*lines, "", f"make {command}: {verdict}, {seconds:,.0f} s"])


def main(arguments: list[str]) -> int:
    """Run `check` or `test`; the exit code."""
    command, extra = arguments[0], arguments[1:]
    accounted = "--account" in extra
    extra = [argument for argument in extra if argument != "--account"]
    if accounted and command != "test":
        sys.exit("An account is of everything: make test ARGS=--account")
    earlier = before_us()
    # Torch in every worker takes about 1 GB, which a machine with many cores has not always got for all of them.
    workers = min(cores(), 8)
    runs = {FAST_TESTS: fast_tests}
    if command == "check":
        extra = [*QUICK, *extra]
    if command == "test":
        runs |= {SLOW_TESTS: slow_tests, BROWSER_TESTS: browser_tests}

    stages = [run_stage(name, partial(run, workers, extra)) for name, run in runs.items()]
    print("\n" + closing(command, stages, earlier), flush=True)
    if command == "test":
        account.keep(" ".join(["make test", *extra]), stages)
    if accounted:
        print(account.write(), flush=True)
    return 0 if all(stage.passed for stage in stages) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
