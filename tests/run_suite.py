"""Run the checks and tests in an order that keeps the cores busy: `python -m tests.run_suite check|test`.

`check` is for while you work (under a minute and a half on two cores); `test` is everything. Any further arguments go
to every pytest run.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BROWSER_LIMIT = 1500  # seconds, more than twice what they take
NO_TESTS = 5  # pytest's exit code when nothing was collected

STATIC = {
    "format": ["-m", "ruff", "format", "--check", "--quiet", "."],
    "lint": ["-m", "ruff", "check", "--quiet", "."],
    "types": ["-m", "mypy"],
    "import rules": ["-c", "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"],
}
FAST = "not slow and not browser and not lessons"
REST = "(slow or lessons) and not browser"


def cores() -> int:
    """How many processes may run at once."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def environment() -> dict[str, str]:
    """One computing thread per process: there is a process for every core, and more threads would only wait."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def static_check(name: str) -> tuple[str, int, str, float]:
    """Run one of STATIC; its name, exit code, output and seconds."""
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
    return name, done.returncode, done.stdout + done.stderr, time.perf_counter() - began


def static_checks() -> list[str]:
    """Format, lint, types and import rules; the names of those that failed."""
    failed = []
    with ThreadPoolExecutor(cores()) as pool:
        for name, code, output, seconds in pool.map(static_check, STATIC):
            print(f"{name}: {'ok' if code == 0 else 'FAILED'}, {seconds:.1f} s", flush=True)
            if code != 0:
                print(output, flush=True)
                failed.append(name)
    return failed


def run_marked(marks: str, workers: int, extra: list[str], limit: float | None = None) -> bool:
    """Run the tests that carry these marks; whether all passed. TimeoutExpired after `limit` seconds."""
    spread = ["-n", str(workers), "--dist", "worksteal"] if workers > 1 else []
    command = [sys.executable, "-m", "pytest", "-q", "-m", marks, *spread, *extra]
    return subprocess.run(command, cwd=ROOT, env=environment(), check=False, timeout=limit).returncode == 0


def browser_tests(extra: list[str]) -> bool:
    """Run the browser's tests; those that failed once more on their own, saying so. Whether all passed in the end.

    A browser, its server and its kernel wait for each other on clocks, and a busy machine can make one miss the other.
    What is broken fails again. A call to a browser that does not answer any more has no limit of its own in Playwright:
    then all begin again.
    """
    try:
        if run_marked("browser", 1, extra, BROWSER_LIMIT):
            return True
        some = ["--last-failed", "--last-failed-no-failures", "none"]
    except subprocess.TimeoutExpired:
        print(f"\nended after {BROWSER_LIMIT} s without a result", flush=True)
        some = []
    print("\n== browser tests that failed, once more", flush=True)
    again = run_marked("browser", 1, [*extra, *some])
    if again:
        print("UNSTEADY: the browser tests named above failed once and passed the second time", flush=True)
    return again


def main(arguments: list[str]) -> int:
    """Run `check` or `test`; the exit code."""
    command, extra = arguments[0], arguments[1:]
    began = time.perf_counter()
    # Torch in every worker takes about 1 GB, which a machine with many cores has not always got for all of them.
    workers = min(cores(), 8)
    stages = {"fast tests": lambda: run_marked(FAST, workers, extra)}
    if command == "test":
        stages["slow tests and lessons"] = lambda: run_marked(REST, workers, extra)
        # A browser, its server and its kernel are busy enough for two cores, and their waits are on a clock.
        stages["browser tests"] = lambda: browser_tests(extra)

    failed = static_checks()
    for name, stage in stages.items():
        print(f"\n== {name}", flush=True)
        start = time.perf_counter()
        if not stage():
            failed.append(name)
        print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)

    verdict = f"FAILED: {', '.join(failed)}" if failed else "all passed"
    print(f"\nmake {command}: {verdict}, {time.perf_counter() - began:.0f} s", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
