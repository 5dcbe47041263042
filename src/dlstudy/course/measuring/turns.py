"""Time several ways to one thing so that their times can be compared: in turns, by one clock, on one thread.

Every time on a page and in a benchmark is taken here. What is compared runs in alternation, so that a machine that
slows down slows all of it; a turn in which the system took the processor away is taken again; and the median of the
turns counts, which one odd turn cannot move.

The clock is the processor's time of this process, since what other programs do is then not counted; on one thread and
an idle machine it is the time that passes. Where work is done elsewhere (on a GPU, or by several threads, whose times
it would add up) and where the system tells it too coarsely, time that passes is measured instead.

This module imports neither NumPy nor torch: a benchmark sets the number of threads before it imports these.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from dlstudy.course.measuring.machine import one_thread

Clock = Callable[[], float]

RETRIES = 4
PATIENCE = 1.0  # seconds for the tries of one turn: what takes longer is not taken again
FINE = 1e-4  # seconds: a clock that ticks more slowly (Windows: 16 ms) says nothing about a turn

passing: Clock = time.perf_counter


def working() -> Clock:
    """Return the clock of the processor's time, or that of time that passes where the former is too coarse."""
    return time.process_time if time.get_clock_info("process_time").resolution < FINE else passing


def interruptions() -> int:
    """Return how often the system has taken the processor from this process; 0 always where it does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


@dataclass(frozen=True)
class Turn:
    """What one call took, and whether the system left it the processor for all of that time."""

    seconds: float
    undisturbed: bool


@dataclass(frozen=True)
class Rules:
    """How a turn is timed; `clock` None is `working`, `retries` says how often a disturbed turn is taken again."""

    clock: Clock | None = None
    retries: int = RETRIES
    interruptions: Callable[[], int] = interruptions

    def turn(self, run: Callable[[], Any], calls: int = 1) -> Turn:
        """Time `run`, as the mean of so many calls in a row; of disturbed tries, the quickest counts."""
        clock = self.clock or working()
        tries: list[float] = []
        for _ in range(1 + self.retries):
            before, start = self.interruptions(), clock()
            for _ in range(calls):
                run()
            tries.append((clock() - start) / calls)
            if self.interruptions() == before:
                return Turn(tries[-1], undisturbed=True)
            if sum(tries) * calls > PATIENCE:
                break
        return Turn(min(tries), undisturbed=False)


RULES = Rules()


def rounds(
    runs: Sequence[Callable[[], Any]], *, calls: Sequence[int] | None = None, rules: Rules = RULES
) -> Iterator[list[Turn]]:
    """Yield one turn of each of `runs`, in their order, round after round, for as long as it is asked.

    `calls` says how many calls make a turn of each. Every other round goes backwards, so that nobody always runs right
    after the same neighbour. Each should have been called before: what a first call loads is not its own.
    """
    order = list(enumerate(zip(runs, calls or [1] * len(runs), strict=True)))
    while True:
        taken = {place: rules.turn(run, count) for place, (run, count) in order}
        yield [taken[place] for place in range(len(runs))]
        order.reverse()


def seconds(runs: Mapping[str, Callable[[], Any]], turns: int, *, rules: Rules = RULES) -> dict[str, float]:
    """Return the median seconds of a call of each, over so many turns on one thread, after one call that warms up."""
    with one_thread():
        for run in runs.values():
            run()
        found = list(islice(rounds(list(runs.values()), rules=rules), turns))
    return {name: median(taken) for name, taken in zip(runs, zip(*found, strict=True))}


def median(turns: Sequence[Turn]) -> float:
    """Return the median seconds of turns."""
    return statistics.median(turn.seconds for turn in turns)


def ratio(ours: Callable[[], Any], theirs: Callable[[], Any], *, turns: int = 7, rules: Rules = RULES) -> float:
    """Return the time of `ours` as a multiple of that of `theirs`: the ratio of their medians, see `seconds`."""
    found = seconds({"ours": ours, "theirs": theirs}, turns, rules=rules)
    return found["ours"] / found["theirs"]
