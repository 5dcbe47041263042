"""No answer hangs or ends the page: endless, crashing, greedy, chatty ones are reported, and the next check works."""

import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from dlstudy.course.checking import worker as worker_module
from dlstudy.course.checking.worker import Worker
from dlstudy.course.content.exercises import Exercise, load_exercise

EXERCISE = load_exercise("01/flat-index")
HEAD = "def flat_index(index, strides, offset=0):\n"
RIGHT = "return offset + sum(i * s for i, s in zip(index, strides, strict=True))"


def body(text: str) -> str:
    return HEAD + textwrap.indent(text, "    ")


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Worker() as made:
        yield made


def still_works(worker: Worker) -> None:
    verdict = worker.check(EXERCISE, EXERCISE.solution)
    assert verdict.passed, verdict


ENDLESS = {
    "a loop": "while True:\n    pass",
    "a stubborn loop": "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
    "a huge product": "import numpy as np\na = np.ones((9000, 9000))\nwhile True: a @ a",
    "sleeping": "import time\ntime.sleep(1000)",
    "printing": "while True: print('again')",
}


@pytest.mark.parametrize("what", ENDLESS)
def test_an_endless_answer_is_ended(what: str, worker: Worker) -> None:
    verdict = worker.check(EXERCISE, body(ENDLESS[what]))
    assert verdict.status == "timeout"
    assert (
        "Your answer was still running after 1 s and was stopped. It was busy with: A 3 by 4 array" in verdict.message
    )
    assert verdict.hint_id is None  # this exercise knows no endless mistake
    assert worker.pid is not None  # the next process is warming up already
    still_works(worker)


def test_an_endless_cell_is_ended_before_its_function_is_called(worker: Worker) -> None:
    assert worker.check(EXERCISE, "while True: pass\n" + body(RIGHT)).status == "timeout"
    still_works(worker)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import os\nos._exit(3)", "with exit code 3"),
        ("import os\nos._exit(0)", "with exit code 0"),
        pytest.param(
            "import ctypes\nctypes.string_at(0)", "a memory fault (SIGSEGV)",
            marks=pytest.mark.skipif(os.name == "nt", reason="Windows tells of a fault by its exit code"),
        ),
        pytest.param(
            "import os\nos.abort()", "an abort (SIGABRT)",
            marks=pytest.mark.skipif(os.name == "nt", reason="Windows tells of an abort by its exit code"),
        ),
    ],
)  # fmt: skip
def test_a_crash_is_reported(text: str, reason: str, worker: Worker) -> None:
    verdict = worker.check(EXERCISE, body("print('so far')\n" + text))
    assert verdict.status == "crashed"
    assert reason in verdict.message
    assert verdict.output == "so far\n"
    still_works(worker)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("import sys\nsys.exit(1)", "SystemExit"),
        ("return flat_index(index, strides, offset)", "RecursionError"),
        ("return [0] * 10**13", "MemoryError"),
        ("return input()", "EOFError"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    ],
)
def test_what_python_can_catch_needs_no_new_process(text: str, sentence: str, worker: Worker) -> None:
    still_works(worker)
    before = worker.pid
    verdict = worker.check(EXERCISE, body(text))
    assert verdict.status == "error"
    assert sentence in verdict.message
    still_works(worker)
    assert worker.pid == before


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="RLIMIT_DATA holds on Linux only")
def test_a_large_array_is_refused_where_limits_exist(worker: Worker) -> None:
    verdict = worker.check(EXERCISE, body("import numpy as np\nreturn np.ones((40_000, 40_000))"))
    assert (verdict.status, "MemoryError" in verdict.message) == ("error", True)
    still_works(worker)


def test_growing_memory_is_seen_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    # As on a system without limits: the page watches, with a small allowance so that the test itself stays small.
    monkeypatch.setattr(worker_module, "_MEMORY", 100 << 20)
    hold = "x = []\nimport time\nfor _ in range(30):\n    x.append(b'1' * (10 << 20))\ntime.sleep(60)"
    with Worker(limit=20) as worker:
        verdict = worker.check(EXERCISE, body(hold))
    assert verdict.status == "crashed"
    assert "memory and was stopped" in verdict.message


def test_output_survives_a_timeout(worker: Worker) -> None:
    verdict = worker.check(EXERCISE, body("print('offset', offset)\nwhile True: pass"))
    assert (verdict.status, verdict.output) == ("timeout", "offset 0\n")


def test_writing_to_the_pipe_itself_does_no_harm(worker: Worker) -> None:
    text = "import os, sys\nos.write(1, b'x' * 100)\nprint('x', file=sys.__stdout__)\n" + RIGHT
    assert worker.check(EXERCISE, body(text)).passed


def test_an_answer_cannot_leave_the_next_one_a_worse_place(worker: Worker) -> None:
    worker.check(EXERCISE, body("import sys\nsys.setrecursionlimit(200)\nreturn 1"))
    deep = "def down(n):\n    return 0 if n == 0 else down(n - 1)\ndown(500)\n" + RIGHT
    assert worker.check(EXERCISE, body(deep)).passed


# ---- functions from a page -------------------------------------------------------------------------------------------

scale = 1


def walk(index: tuple[int, ...], strides: tuple[int, ...]) -> int:
    return scale * int(np.dot(index, strides)) if index else 0


def test_a_function_travels_with_its_helpers_and_values(worker: Worker) -> None:
    def flat_index(index: tuple[int, ...], strides: tuple[int, ...], offset: int = 0) -> int:
        if len(index) != len(strides):
            raise ValueError(f"{len(index)} indices, {len(strides)} strides")
        return offset + walk(index, strides)

    assert worker.check(EXERCISE, flat_index).passed
    wrong = worker.check(EXERCISE, lambda index, strides, offset=0: walk(index, strides))
    assert wrong.status == "failed"


def test_functions_of_a_notebook_go_by_value(worker: Worker) -> None:
    # As a page's kernel does it: names live in __main__, defined cell by cell.
    names: dict[str, object] = {"__name__": "__main__", "np": np}
    exec("factor = 1\ndef helper(i, s):\n    return factor * i * s\n", names)
    exec(HEAD + "    total = offset\n    for i, s in zip(index, strides, strict=True):\n"
         "        total += helper(i, s)\n    return total\n", names)  # fmt: skip
    verdict = worker.check(EXERCISE, names["flat_index"], source="")  # type: ignore[arg-type]
    assert verdict.passed, verdict.message


def test_a_stub_needs_no_process() -> None:
    with Worker() as worker:
        assert worker.check(EXERCISE, EXERCISE.stub).status == "not-yet"
        assert worker.pid is None


def test_what_cannot_travel_is_told(worker: Worker) -> None:
    lock = threading.Lock()

    def flat_index(index: tuple[int, ...], strides: tuple[int, ...], offset: int = 0) -> int:
        with lock:
            return 0

    verdict = worker.check(EXERCISE, flat_index)
    assert verdict.status == "error"
    assert "something from another cell that cannot be handed to the check" in verdict.message
    still_works(worker)


def test_what_is_no_function_is_told(worker: Worker) -> None:
    verdict = worker.check(EXERCISE, 3)  # type: ignore[arg-type]
    assert verdict.message == "flat_index should be a function, and is 3."


# ---- the process -----------------------------------------------------------------------------------------------------


def test_warming_returns_at_once_and_the_check_waits_for_it() -> None:
    with Worker() as worker:
        worker.warm("01/flat-index")
        assert worker.pid is not None
        still_works(worker)


def test_a_killed_process_is_replaced(worker: Worker) -> None:
    still_works(worker)
    process = psutil.Process(worker.pid)
    process.kill()
    process.wait(10)
    still_works(worker)


def test_close_leaves_no_process() -> None:
    worker = Worker()
    still_works(worker)
    pid = worker.pid
    assert pid is not None
    worker.close()
    assert worker.pid is None
    assert not psutil.pid_exists(pid)


def test_the_process_ends_when_the_page_is_killed(tmp_path: Path) -> None:
    code = (
        "from dlstudy.course.content.exercises import load_exercise\n"
        "from dlstudy.course.checking.worker import Worker\n"
        "worker = Worker(limit=600)\n"
        "worker.warm()\n"
        "print(worker.pid, flush=True)\n"
        f"worker.check(load_exercise('01/flat-index'), {body('while True: pass')!r})\n"
    )
    page = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert page.stdout is not None
    with page.stdout:
        process = psutil.Process(int(page.stdout.readline()))
    while process.cpu_times().user < 1.0 and page.poll() is None:
        time.sleep(0.05)
    page.kill()
    page.wait()
    process.wait(timeout=60)  # raises if the orphan lives on


def test_checks_from_several_threads_wait_for_each_other(worker: Worker) -> None:
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda text=text: found.append(worker.check(EXERCISE, text).status))
        for text in (EXERCISE.solution, body("return 0"), EXERCISE.solution, body("return 1 / 0"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == ["error", "failed", "passed", "passed"]


def test_a_changed_exercise_is_read_again(make, tmp_path: Path) -> None:
    exercise: Exercise = make()
    with Worker(root=tmp_path) as worker:
        assert worker.check(exercise, exercise.solution).passed
        changed = make(check=("expected=np.array([2.0, 3, 5.5])", "expected=np.array([2.0, 3, 6.5])"))
        os.utime(exercise.check_file, (time.time() + 10, time.time() + 10))
        assert worker.check(changed, exercise.solution).status == "failed"


def test_a_broken_exercise_is_not_blamed_on_the_answer(make, tmp_path: Path) -> None:
    exercise: Exercise = make(check=("def oracle(x):", "def oracle(y, x):"))
    with Worker(root=tmp_path) as worker:
        verdict = worker.check(exercise, exercise.solution)
    assert verdict.status == "error"
    assert "This exercise is broken, not your answer" in verdict.message


def test_a_learners_own_files_are_no_danger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A file called random.py beside the lesson must not be taken for Python's own; one called helpers.py must be found.
    (tmp_path / "random.py").write_text("raise RuntimeError('not me')\n", encoding="utf-8")
    (tmp_path / "helpers.py").write_text("def times(i, s):\n    return i * s\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    text = "from helpers import times\n" + body(
        "return offset + sum(times(i, s) for i, s in zip(index, strides, strict=True))"
    )
    with Worker() as worker:
        verdict = worker.check(EXERCISE, text)
    assert verdict.passed, verdict.message


def test_a_busy_machine_gets_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    # The process ran all the while and got hardly any time: that is not the answer's fault.
    process = worker_module._Process([], None)
    try:
        monkeypatch.setattr(psutil.Process, "status", lambda self: psutil.STATUS_RUNNING)
        now = time.monotonic()
        monkeypatch.setattr(process, "_cpu", lambda: 0.1)
        assert process._starved(now - 1.2, 0.0, 1.0)
        assert not process._starved(now - 5.5, 0.0, 1.0)  # but not for ever
        monkeypatch.setattr(process, "_cpu", lambda: 0.9)
        assert not process._starved(now - 1.2, 0.0, 1.0)
        monkeypatch.setattr(process, "_cpu", lambda: 0.1)
        monkeypatch.setattr(psutil.Process, "status", lambda self: psutil.STATUS_SLEEPING)
        assert not process._starved(now - 1.2, 0.0, 1.0)  # it waits for something, and not for the machine
    finally:
        process.end()
