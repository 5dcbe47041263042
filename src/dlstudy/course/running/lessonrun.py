"""Run one page in a process of its own, in a throwaway home, without network, and report what happens as it happens.

`run_page` is the parent's side; `python -m dlstudy.course.running.lessonrun PAGE MODE` is the child's, which writes one
JSON event per line to what was its standard output.
"""

import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dlstudy.course.content import paths
from dlstudy.course.running import sandbox

GRACE = 10.0  # seconds that a page's threads may still run after its last cell
Event = dict[str, Any]


@dataclass
class ChildEnd:
    """How a page's process ended; `too_much` is "cpu" or "wall" where it was ended for that, else "".

    `cpu_seconds` is what was last seen, children included; `peak_memory` in bytes is the most that the process and its
    children held together when looked at; `output` is the end of what the page printed.
    """

    code: int = 0
    too_much: str = ""
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    peak_memory: int = 0
    output: str = ""


def run_page(
    lesson: Path,
    mode: str,
    place: Path,
    *,
    cpu_limit: float,
    on_event: Callable[[Event], None],
    variables: Mapping[str, str] | None = None,
) -> ChildEnd:
    """Run the page that `set_up` put into `place` and hand on each event; end it beyond `cpu_limit` seconds.

    `variables` are added to the environment of the page.
    """
    end = ChildEnd()
    started = time.monotonic()
    with open(place / "output.txt", "w+", encoding="utf-8", errors="replace") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "dlstudy.course.running.lessonrun", str(lesson), mode],
            cwd=lesson.parent,
            env={**_environment(place, mode), **(variables or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
            encoding="utf-8",
        )
        events: queue.Queue[str | None] = queue.Queue()
        assert child.stdout is not None
        reader = threading.Thread(target=_pump, args=(child.stdout, events), daemon=True)
        reader.start()
        try:
            _follow(child, events, end, cpu_limit, on_event)
        finally:
            _end_tree(child)
            end.code = child.wait()
            reader.join(timeout=5)
            child.stdout.close()
        output.seek(0)
        end.output = output.read()[-4000:]
    end.wall_seconds = time.monotonic() - started
    return end


def _follow(
    child: "subprocess.Popen[str]",
    events: "queue.Queue[str | None]",
    end: ChildEnd,
    cpu_limit: float,
    on_event: Callable[[Event], None],
) -> None:
    wall_limit = 4 * cpu_limit + 60
    started = looked = time.monotonic()
    over = float("inf")
    while True:
        try:
            line = events.get(timeout=0.5)
        except queue.Empty:
            line = ""
        if line is None:
            return
        now = time.monotonic()
        if line:
            event = json.loads(line)
            if event["event"] == "end":
                over = now
            on_event(event)
        if now - looked < 0.5:
            continue
        looked = now
        end.cpu_seconds, memory = _cost_of(child.pid)
        end.peak_memory = max(end.peak_memory, memory)
        if now - over > GRACE:
            return
        if end.cpu_seconds > cpu_limit or now - started > wall_limit:
            end.too_much = "cpu" if end.cpu_seconds > cpu_limit else "wall"
            return


def set_up(place: Path, path: Path, text: str) -> Path:
    """Make the throwaway folders in `place`, put the lesson and its neighbours' files there; return its new path."""
    for name in ("home", "learner", "temp"):
        (place / name).mkdir()
    for item in path.parent.iterdir():
        if item.is_dir() and not item.name.startswith((".", "__")):
            shutil.copytree(item, place / "learner" / item.name)
        elif item.is_file() and item.suffix != ".md":
            shutil.copy2(item, place / "learner" / item.name)
    lesson = place / "learner" / path.name
    lesson.write_text(text, encoding="utf-8", newline="\n")
    return lesson


def _environment(place: Path, mode: str) -> dict[str, str]:
    home = str(place / "home")
    one_thread = dict.fromkeys(
        ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
    )
    # Fonts are listed once per machine, not once per run: that is no result of the lesson's.
    fonts = Path(tempfile.gettempdir()) / "dlstudy-fonts"
    kept = {
        key: value
        for key, value in os.environ.items()
        if key == paths.CONTENT_VARIABLE or not key.startswith(("XDG_", "DLSTUDY_", "MARIMO_"))
    }
    return {
        **kept,
        **one_thread,
        "HOME": home,
        "USERPROFILE": home,
        **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(place / "temp")),
        "MPLBACKEND": "agg",
        "MPLCONFIGDIR": os.environ.get("MPLCONFIGDIR", str(fonts)),
        "PYTHONUTF8": "1",
        paths.LEARNER_VARIABLE: str(place / "learner"),
        "DLSTUDY_RUN": mode,
        sandbox.LOG_VARIABLE: str(place / "log.jsonl"),
    }


def _pump(stream: Any, events: "queue.Queue[str | None]") -> None:
    for line in stream:
        events.put(line)
    events.put(None)


def _cost_of(pid: int) -> tuple[float, int]:
    """Return CPU seconds so far and bytes of resident memory now, of a process and its children."""
    import psutil

    seconds, memory = 0.0, 0
    try:
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:
            times = process.cpu_times()
            seconds += times.user + times.system
            seconds += getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
            memory += process.memory_info().rss
    except psutil.Error:
        pass
    return seconds, memory


def _end_tree(child: "subprocess.Popen[str]") -> None:
    import psutil

    try:
        processes = [*psutil.Process(child.pid).children(recursive=True), psutil.Process(child.pid)]
    except psutil.Error:
        return
    if child.poll() is not None:
        return
    for process in processes:
        try:
            process.kill()
        except psutil.Error:
            continue


def _child(lesson: Path, mode: str) -> int:
    """Run the page in this process; events go to what was standard output, everything the page prints to the error."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)

    def tell(kind: str, **facts: Any) -> None:
        channel.write(json.dumps({"event": kind, **facts}) + "\n")
        channel.flush()

    network = sandbox.block_network(lesson.parent.parent / "helpers")
    threading.excepthook = lambda facts: tell(
        "thread-error", message="".join(traceback.format_exception_only(facts.exc_type, facts.exc_value)).strip()
    )
    from dlstudy.course import engine

    tell("begin", network=network)
    try:
        engine.run(
            lesson,
            press=mode == "worked",
            before_cell=lambda index, name: tell("cell-begins", index=index, name=name),
            after_cell=lambda result: tell("cell", **asdict(result)),
        )
    except engine.PageError as error:
        tell("page-error", message=str(error))
        return 1
    finally:
        tell("end", cpu_seconds=sandbox.cpu_seconds(), peak_memory=sandbox.peak_memory())
    return 0


if __name__ == "__main__":
    sys.exit(_child(Path(sys.argv[1]), sys.argv[2]))
