"""A long measurement on a page: shown as it was recorded, run again by a button, with progress and a stop.

The work is a generator that yields how far it is. The browser asks for one slice of it after another, so the page's
kernel is free between two slices: checks and other figures answer meanwhile, and closing the page ends the work.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import sys
import time
from collections.abc import Callable, Generator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import traitlets

from dlstudy.course.page.cards import Card, script

Measure = Callable[[], Generator[float, None, Any]]
"""Yields the share that is done, from 0 to 1, and returns what JSON can hold."""
SLICE = 0.25  # seconds of work for one question of the browser


class Experiment(Card):
    """The card of one measurement; `result` is what there is to show, None before the first.

    Args:
        name: its name on the page.
        measure: the work, see `Measure`.
        recorded: the file that ships with the course; it need not exist.
        cache: where a result of this machine is kept for the next opening.
    """

    _esm = script("experiment.js")
    finished = traitlets.Int(0).tag(sync=True)  # counted up by the browser, so that the cells below run again

    def __init__(self, name: str, measure: Measure, *, recorded: Path, cache: Path) -> None:
        self.name, self._measure, self._cache, self._recorded = name, measure, cache, recorded
        self._work: Generator[float, None, Any] | None = None
        self._spent = 0.0
        kept = _read(cache) or _read(recorded) or {}
        self.result: Any = kept.get("result")
        super().__init__({"name": name, **_words(kept, here=cache.is_file())})
        self.on_msg(self._asked)

    def run(self) -> Any:
        """Measure to the end, here and now, and return the result."""
        begun = time.process_time()
        work = self._measure()
        while True:
            try:
                next(work)
            except StopIteration as end:
                self._keep(end.value, time.process_time() - begun)
                return end.value

    def _asked(self, widget: Any, content: Any, buffers: Any) -> None:
        """Do what the browser's message asks: start, go on for a slice, or stop."""
        wish = content.get("do")
        if wish == "start":
            self._work, self._spent = self._measure(), 0.0
            self.send({"is": "running", "done": 0.0})
        elif wish == "stop":
            self._work = None
        elif wish == "step" and self._work is not None:
            self._step(self._work)

    def _step(self, work: Generator[float, None, Any]) -> None:
        begun, done = time.perf_counter(), 0.0
        try:
            while time.perf_counter() < begun + SLICE:
                done = next(work)
        except StopIteration as end:
            self._work = None
            self._keep(end.value, self._spent + time.perf_counter() - begun)
            self.send({"is": "finished"})
        except Exception as error:
            self._work = None
            self.send({"is": "failed", "words": f"{type(error).__name__}: {error}"})
        else:
            self._spent += time.perf_counter() - begun
            self.send({"is": "running", "done": done})

    def _keep(self, result: Any, seconds: float) -> None:
        self.result = json.loads(json.dumps(result))  # what a second opening will see
        facts = {"result": self.result, "seconds": round(seconds, 1), "machine": _machine()}
        try:
            write(self._cache, facts)
        except OSError:
            pass  # a folder that cannot be written to costs the next opening its memory, no more
        self.show(**_words(facts, here=True))

    def record(self) -> None:
        """Write the result down as what ships with the course."""
        kept = _read(self._cache)
        if kept is None:
            raise RuntimeError(f"expected {self.name!r} to have been measured before it is recorded")
        write(self._recorded, kept)

    @property
    def shipped(self) -> Any:
        """The result that ships with the course, whatever was measured here since; None where there is none."""
        return (_read(self._recorded) or {}).get("result")


def cache_name(number: int, name: str, functions: Sequence[Any], versions: Sequence[str]) -> str:
    """Return a file name that changes when the code of one of `functions` or a library's version does."""
    text = "\n".join((*map(_code, functions), *versions))
    return f"{number:02d}-{name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"


def _code(function: Any) -> str:
    """The text of a page's function; of a function of the course the whole module, since it may use all of it."""
    if isinstance(function, partial):
        parts = [*function.args, *function.keywords.values()]
        return "\n".join(_code(part) if callable(part) else repr(part) for part in (function.func, *parts))
    module = sys.modules.get(getattr(function, "__module__", ""))
    inside = module is not None and module.__name__.startswith("dlstudy.")
    if inspect.isclass(function) and not inside:
        # A class of a page has no source that `inspect` could find; its methods have.
        return "\n".join(_code(part) for part in vars(function).values() if inspect.isfunction(part))
    try:
        return inspect.getsource(module if inside and module else function)
    except (OSError, TypeError):
        return repr(getattr(function, "__code__", function))


def write(file: Path, facts: Any) -> None:
    """Write facts as JSON, small numbers in few digits."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(facts) + "\n", encoding="utf-8")


def _read(file: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) and "result" in content else None


def _machine() -> dict[str, str]:
    from dlstudy.course.measuring.machine import machine

    return machine()


def _words(kept: dict[str, Any], *, here: bool) -> dict[str, Any]:
    """What the card says of a result: where it comes from, and how long another would take."""
    if not kept:
        return {"where": "Not measured yet.", "seconds": None, "here": False}
    facts = kept["machine"]
    if here:
        where = f"Measured on this machine, {facts['date']}."
    else:
        where = (
            f"Recorded on {facts['processor']} with NumPy {facts['numpy']} and torch {facts['torch']}, {facts['date']}."
        )
    return {"where": where, "seconds": kept["seconds"], "here": here}
