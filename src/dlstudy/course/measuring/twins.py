"""Measure two implementations of one thing, NumPy and PyTorch, side by side in one run, and draw the result."""

from __future__ import annotations

import ast
import inspect
import json
import os
import textwrap
import time
import tracemalloc
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from dlstudy import words
from dlstudy.course.measuring.machine import machine, one_thread
from dlstudy.course.measuring.turns import Turn, median, rounds

MEGABYTE = 1e6


@dataclass(frozen=True)
class Twin:
    """What one side costs: median seconds of a call, peak bytes above what was there before, lines of code or None."""

    name: str
    seconds: float
    peak_bytes: int
    lines: int | None


@dataclass(frozen=True)
class Comparison:
    """The two measurements and how many times each side was called; a cell that ends with it shows the bars.

    `machine` says where and when a recorded comparison was made; None means here and now.
    """

    numpy: Twin
    torch: Twin
    rounds: int
    machine: Mapping[str, str] | None = None

    @property
    def ratio(self) -> float:
        """NumPy's time divided by PyTorch's: below 1, NumPy was faster."""
        return self.numpy.seconds / self.torch.seconds

    def _repr_html_(self) -> str:
        return draw(self)._repr_html_()


def compare(
    numpy_twin: Callable[[], Any],
    torch_twin: Callable[[], Any],
    *,
    code: tuple[Any, Any] | None = None,
    names: tuple[str, str] = ("NumPy", "PyTorch"),
    seconds: float = 2.5,
) -> Comparison:
    """Call both sides in turn, on one thread, for about `seconds` (3 rounds at least), and measure time and memory.

    Memory is measured in a call of its own: what Python and NumPy hold at most (tracemalloc) and what PyTorch's CPU
    allocator holds at most (its profiler), added. `code` names the two functions or classes whose lines are counted,
    without docstrings, comments and blank lines; by default the twins themselves, unless they are lambdas.
    """
    twins = (numpy_twin, torch_twin)
    with one_thread():
        peaks = [peak_bytes(twin) for twin in twins]  # the first call also warms caches and imports
        end = time.perf_counter() + seconds
        taken: list[list[Turn]] = []
        for turns in islice(rounds(twins), 1000):
            taken.append(turns)
            if len(taken) >= 3 and time.perf_counter() >= end:
                break
    times = [median(turns) for turns in zip(*taken, strict=True)]
    lines = [count_lines(item) for item in (code or twins)]
    sides = [Twin(names[n], times[n], peaks[n], lines[n]) for n in (0, 1)]
    return Comparison(sides[0], sides[1], len(taken))


def save(found: Comparison, file: Path) -> None:
    """Write a comparison down as JSON, with the processor, the versions and the date it must be read with."""
    file.parent.mkdir(parents=True, exist_ok=True)
    content = {**asdict(found), "machine": machine()}
    file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def load(file: Path) -> Comparison:
    """Return the comparison that `save` wrote."""
    content = json.loads(file.read_text(encoding="utf-8"))
    return Comparison(Twin(**content["numpy"]), Twin(**content["torch"]), content["rounds"], content["machine"])


def quiet_profiler() -> None:
    """Keep PyTorch's profiler, which counts memory, from writing notes to itself; best called before torch's import."""
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # its start and stop
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # memory freed that was allocated before it started


def peak_bytes(call: Callable[[], Any], *, on_gpu: bool = False) -> int:
    """Return the most bytes that `call` holds beyond what was held before it, on the GPU or in main memory.

    Main memory is what Python and NumPy hold at most (tracemalloc) and what PyTorch's CPU allocator holds at most (its
    profiler), added. `call` is run twice: what the first run caches is not its own.
    """
    if on_gpu:
        return _peak_bytes_on_gpu(call)
    from torch.autograd.profiler import profile

    quiet_profiler()
    tracing = tracemalloc.is_tracing()
    if not tracing:
        tracemalloc.start()
    try:
        call()  # imports and caches made on a first call are not the twin's own memory
        # Without Kineto, whose first use imports nine hundred modules.
        with profile(use_kineto=False, profile_memory=True) as found:
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            result = call()
            python = tracemalloc.get_traced_memory()[1] - before
        del result
    finally:
        if not tracing:
            tracemalloc.stop()
    held = highest = 0
    for event in sorted(found.function_events or [], key=lambda event: event.time_range.start):
        held += event.self_cpu_memory_usage  # what an operation keeps; what is freed outside one is an event of its own
        highest = max(highest, held)
    return max(0, python) + highest


def _peak_bytes_on_gpu(call: Callable[[], Any]) -> int:
    import torch

    call()
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    result = call()
    torch.cuda.synchronize()
    del result
    return max(0, torch.cuda.max_memory_allocated() - before)


def count_lines(item: Any) -> int | None:
    """Lines of code of a function or class, without docstrings, comments and blank lines; None for a lambda."""
    if getattr(item, "__name__", "") == "<lambda>":
        return None
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(item)))
    except (OSError, TypeError, SyntaxError):
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef) and ast.get_docstring(node):
            node.body = node.body[1:] or [ast.Pass()]
    return sum(bool(line.strip()) for line in ast.unparse(tree).splitlines())


def draw(found: Comparison) -> Any:
    """Bars of time, memory and lines of code, as a figure with caption and description."""
    from matplotlib.figure import Figure

    from dlstudy.figures import BLUE, ORANGE, figure

    sides = (found.numpy, found.torch)
    unit, one = words.unit_of_time(max(side.seconds for side in sides))
    panels = [(f"time of a call ({unit})", [side.seconds / one for side in sides])]
    panels.append(("most memory held (MB)", [side.peak_bytes / MEGABYTE for side in sides]))
    if all(side.lines is not None for side in sides):
        panels.append(("lines of code", [float(side.lines or 0) for side in sides]))
    fig = Figure(figsize=(7.2, 0.4 + 0.85 * len(panels)), layout="constrained")
    for axes, (label, values) in zip(fig.subplots(len(panels), 1, squeeze=False)[:, 0], panels):
        bars = axes.barh([side.name for side in sides], values, color=[ORANGE, BLUE], height=0.7)
        axes.bar_label(bars, labels=[words.rounded(value) for value in values], padding=4)
        axes.set_xlim(0, max(*values, 1e-12) * 1.15)
        axes.set_xlabel(label)
        axes.invert_yaxis()
        axes.set_xticks([])
        axes.spines[["top", "right", "bottom"]].set_visible(False)
    a, b = sides
    faster, slower = (a, b) if a.seconds <= b.seconds else (b, a)
    times = slower.seconds / faster.seconds
    quick, slow = words.rounded(faster.seconds / one), words.rounded(slower.seconds / one)
    said = f"{faster.name} takes {quick} {unit}, {slower.name} {slow}"
    where = "Measured here, now"
    if found.machine:
        where = "Recorded on {processor} with NumPy {numpy} and torch {torch}, {date}".format(**found.machine)
    caption = f"{where}, in turn, on one thread, median of {found.rounds} calls each: {said} " + (
        f"({times:.1f} times as long)." if times >= 1.15 else "(about the same)."
    )
    alt = "Bars. " + "; ".join(
        f"{label}: " + ", ".join(f"{side.name} {words.rounded(value)}" for side, value in zip(sides, values))
        for label, values in panels
    )
    return figure(fig, caption=caption, alt=alt)
