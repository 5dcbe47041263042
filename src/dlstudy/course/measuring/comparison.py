"""The NumPy-vs-PyTorch comparison guide, measured on this machine.

Every contender of a task computes the same thing and is checked to do so before it is timed. The contenders take turns
on one thread, and the median of their turns is reported, so that a machine that slows down slows all of them.
`dlstudy compare [topic]` prints the table; `python -m dlstudy.course.measuring.comparison --record FILE` writes what
the overview shows before its button is pressed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from dlstudy.course.measuring.comparison_table import note_of, table
from dlstudy.course.measuring.machine import machine, one_thread
from dlstudy.course.measuring.task import TURNS, Disagreement, Task, Timing, write
from dlstudy.course.measuring.turns import Rules, median, passing, rounds, working
from dlstudy.course.measuring.twins import count_lines, peak_bytes, quiet_profiler

TURN_SECONDS = 0.003  # long against the clock's resolution, short against the time slices of a busy machine
EXPECTED_SECONDS = 6


def compare(
    progress: Callable[[int, int], None] | None = None, *, topics: Sequence[str] | None = None, turns: int = TURNS
) -> list[Timing]:
    """Measure every task, or those of the rows named in `topics`; `progress(done, total)` is called after each.

    Raises Disagreement: two contenders computed different results; nothing is reported then.
    """
    from dlstudy.course.measuring.comparison_tasks import tasks  # late, since it imports torch

    results: list[Timing] = []
    with one_thread():
        every = [task for task in tasks() if topics is None or task.topic in topics]
        for done, task in enumerate(every, start=1):
            results += measure(task, turns=turns)
            if progress:
                progress(done, len(every))
    return results


def measure(task: Task, *, turns: int = TURNS, rules: Rules | None = None) -> list[Timing]:
    """Check that the contenders of `task` agree, then time them in turns; one `Timing` each, in their order.

    Where one of them works on a GPU, time that passes is measured for all.
    """
    differences = _differences(task)
    peaks = [peak_bytes(contender.run, on_gpu=contender.on_gpu) for contender in task.contenders]
    rules = rules or Rules(passing if any(contender.on_gpu for contender in task.contenders) else working())
    runs = [contender.run for contender in task.contenders]
    calls = [_calls_per_turn(run, rules) for run in runs]
    taken = zip(*islice(rounds(runs, calls=calls, rules=rules), turns), strict=True)
    return [
        Timing(task.topic, task.what, entry.name, median(times), count_lines(entry.program), difference, peak)
        for entry, times, difference, peak in zip(task.contenders, taken, differences, peaks)
    ]


def _differences(task: Task) -> list[float]:
    import numpy as np

    results = [
        [np.asarray(value, dtype=np.float64) for value in contender.values(contender.run())]
        for contender in task.contenders
    ]
    differences = []
    for contender, values in zip(task.contenders, results):
        if [value.shape for value in values] != [value.shape for value in results[0]]:
            raise Disagreement(f"{task.what}: {contender.name} has other shapes than {task.contenders[0].name}")
        largest = max(float(np.max(np.abs(mine - first))) for mine, first in zip(values, results[0]))
        allowed = task.tolerance if contender.tolerance is None else contender.tolerance
        if not largest <= allowed:
            raise Disagreement(
                f"{task.what}: {contender.name} differs from {task.contenders[0].name} by {largest:.3g}; "
                f"expected at most {allowed:.3g}"
            )
        differences.append(largest)
    return differences


def _calls_per_turn(run: Callable[[], Any], rules: Rules) -> int:
    clock, calls = rules.clock or working(), 1
    while True:
        start = clock()
        for _ in range(calls):
            run()
        spent = clock() - start
        if spent >= TURN_SECONDS or calls >= 100_000:
            return calls
        calls *= 2


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and with `--record FILE` write the measurement down."""
    parser = argparse.ArgumentParser(description="Time NumPy beside PyTorch on this machine, row by row.")
    parser.add_argument("--record", type=Path, metavar="FILE", help="write the measurement to FILE as JSON")
    options = parser.parse_args(arguments)
    quiet_profiler()
    timings, facts = compare(), machine()
    print(table(timings, note_of(facts)))
    if options.record:
        write(options.record, timings, facts)


if __name__ == "__main__":
    main()
