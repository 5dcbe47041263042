"""Run checks in a process of their own that is ended after one second, so that no answer can hang or end a page.

The page's process holds a `Worker`; the worker's process runs `python -m dlstudy.course.checking.worker`, imports NumPy
and torch once, and keeps what it prepared. Frames go over plain pipes and a thread reads them: no signals, no
alarms, no `select`, so it works the same on Windows. An endless answer, one that crashes Python, prints
without end or takes all memory is reported, and the next process is already warming up.
"""

import contextlib
import gc
import json
import os
import pickle
import queue
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import psutil

import dlstudy
from dlstudy.course.checking.verdict import Verdict
from dlstudy.course.content import exercises, paths
from dlstudy.course.content.exercises import Exercise

LIMIT = 1.0  # seconds that an answer may take
_WARM_LIMIT = 120.0  # seconds for starting, importing and preparing, which no answer is to blame for
_BUSY_FACTOR = 5.0  # on a machine that is busy with other things, wait up to this many times longer
_MEMORY = 2 << 30  # bytes that an answer may take beyond what NumPy and torch already have
_LOOK = 0.05  # seconds between two looks at the process
_HEAD = struct.Struct(">Q")


class Worker:
    """One warm process for checks, started when first needed and again whenever an answer ended it.

    `limit` is in seconds. Use it as a context manager, or call `close`. Safe to share between threads: checks queue up.
    """

    def __init__(self, limit: float = LIMIT, root: Path | None = None) -> None:
        self.limit = limit
        self.root = root
        self._lock = threading.RLock()
        self._process: _Process | None = None
        self._known: list[str] = []
        self._closed = False

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def warm(self, *names: str) -> None:
        """Start the process in the background and have it prepare these exercises; returns at once."""
        with self._lock:
            self._known += [name for name in names if name not in self._known]
            self._start()

    def check(self, exercise: Exercise, answer: str | Callable[..., Any], source: str | None = None) -> Verdict:
        """Check an answer, given as text or as a function, and return within about a second whatever it does.

        A function travels by value with the helpers and values that it uses from other cells of a page. `source` is its
        text, where Python cannot find that by itself.
        """
        begun = time.perf_counter()
        if isinstance(answer, str):
            answer = answer.removeprefix("\ufeff")  # as Python does with a file that begins with a byte-order mark
        text = answer if isinstance(answer, str) else (source if source is not None else _source_of(answer))
        if text and exercise.is_stub(text):
            from dlstudy.course.checking.check import not_yet

            return not_yet(exercise)
        try:
            packed = b"" if isinstance(answer, str) else _pack(answer)
        except Exception as error:
            return Verdict(
                "error",
                "Your answer uses something from another cell that cannot be handed to the check: "
                f"{type(error).__name__}: {error}. Give it to the function as an argument, or make it inside.",
            )
        with self._lock:
            verdict = self._check(exercise, packed, text)
        return replace(verdict, seconds=time.perf_counter() - begun)

    def close(self) -> None:
        """End the process; a later check starts another."""
        with self._lock:
            if self._process:
                self._process.end()
            self._process = None

    @property
    def pid(self) -> int | None:
        """The process id of the worker's process, where one is running."""
        process = self._process
        return process.pid if process and process.alive else None

    def _check(self, exercise: Exercise, packed: bytes, text: str) -> Verdict:
        if exercise.id not in self._known:
            self._known.append(exercise.id)
        process = self._start()
        verdict = self._ask(process, exercise, packed, text)
        if process.doubtful and process.answers > 1:
            # An earlier answer may have spoiled what the check stands on; in a new process it is felt no longer.
            process.end()
            process = self._start()
            verdict = self._ask(process, exercise, packed, text)
        if not process.alive or process.spent:
            process.end()
            self._start()
        return verdict

    def _ask(self, process: "_Process", exercise: Exercise, packed: bytes, text: str) -> Verdict:
        try:
            return process.ask(exercise, packed, text, self.limit)
        except BaseException:
            # An interrupt in the middle of a conversation: the process would answer the wrong question next.
            process.end()
            raise

    def _start(self) -> "_Process":
        if self._process is None or not self._process.alive:
            if self._process:
                self._process.end()
            self._process = _Process(self._known[-3:], self.root)
        return self._process


@dataclass
class _Talk:
    """What has been heard from the process during one check."""

    given: str = ""
    output: str = ""
    dropped: int = 0


class _Process:
    """The parent's side of one worker process."""

    def __init__(self, names: list[str], root: Path | None) -> None:
        self.root = (root or paths.exercises_folder()).resolve()
        self.spent = False  # whether it may not be used again
        self.answers = 0  # how many it has been asked about; each frame says which one it belongs to
        self.doubtful = False  # whether the check itself failed, and not the answer
        # What an answer writes or deletes by a short name is here, and not among the learner's pages.
        self._scratch = tempfile.mkdtemp(prefix="dlstudy-check-")
        self._frames: queue.Queue[dict[str, Any] | None] = queue.Queue()
        environment = dict(os.environ)
        # The package must be found, also where it is not installed; one thread leaves the other cores to the page.
        package = str(Path(dlstudy.__file__).resolve().parent.parent)
        environment["PYTHONPATH"] = os.pathsep.join([package, *filter(None, [environment.get("PYTHONPATH")])])
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
            environment[name] = "1"
        self._child = subprocess.Popen(
            # -P keeps a learner's own random.py or torch.py from being taken for the real one.
            [sys.executable, "-P", "-m", "dlstudy.course.checking.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self._scratch,
            env=environment,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        threading.Thread(target=self._read, name="dlstudy-worker-reader", daemon=True).start()
        self._send({"warm": names, "root": str(self.root), "folder": os.getcwd(), "scratch": self._scratch})

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def alive(self) -> bool:
        return self._child.poll() is None and not self.spent

    def ask(self, exercise: Exercise, packed: bytes, text: str, limit: float) -> Verdict:
        """Hand an answer over, wait for its verdict, and end the process if that takes longer than `limit` seconds."""
        self.answers += 1
        self.doubtful = False
        request = {"check": exercise.id, "answer": packed, "source": text, "root": str(self.root)}
        self._send({**request, "number": self.answers})
        talk = _Talk()
        deadline, first = time.monotonic() + _WARM_LIMIT, True
        begun = cpu = 0.0
        memory = 0
        while True:
            try:
                frame = self._frames.get(timeout=_LOOK)
            except queue.Empty:
                if not first and self._memory() > memory + _MEMORY:
                    return self._too_large(talk)
                if time.monotonic() < deadline:
                    continue
                if first:
                    self.end()
                    return Verdict("error", f"The check did not start within {_WARM_LIMIT:.0f} s. Run the cell again.")
                if self._starved(begun, cpu, limit):
                    continue
                return self._too_long(exercise, talk, limit)
            if frame is None:
                return self._ended(talk)
            if frame.get("number") != self.answers:
                continue  # a late word about an earlier answer
            if "ready" in frame:
                first = False
                begun, cpu, memory = time.monotonic(), self._cpu(), self._memory()
                deadline = begun + limit
            elif "given" in frame:
                talk.given = frame["given"]
            elif "output" in frame:
                talk.output += frame["output"]
            elif "verdict" in frame:
                self.spent, self.doubtful = bool(frame.get("spent")), bool(frame.get("doubtful"))
                return Verdict.from_json(frame["verdict"])

    def end(self) -> None:
        """Kill the process and wait until it is gone."""
        self.spent = True
        left = self._started()
        with contextlib.suppress(OSError):
            self._child.kill()
        self._child.wait()
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        with contextlib.suppress(OSError):
            assert self._child.stdin is not None
            self._child.stdin.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _started(self) -> list[psutil.Process]:
        """The processes that an answer started and left behind."""
        try:
            return list(psutil.Process(self.pid).children(recursive=True))
        except psutil.Error:
            return []

    def _too_long(self, exercise: Exercise, talk: _Talk, limit: float) -> Verdict:
        self.end()
        label = talk.given.partition(": ")[0].casefold()
        endless = (wrong for wrong in exercise.wrong if wrong.outcome == "timeout")
        hint = next((wrong for wrong in endless if wrong.on.casefold() == label), None)
        where = f" It was busy with: {talk.given}." if talk.given else ""
        return Verdict(
            "timeout",
            f"Your answer was still running after {limit:g} s and was stopped.{where} Does every loop come to its end?",
            given=talk.given,
            hint_id=hint.id if hint else None,
            hint=hint.hint if hint else "",
            output=talk.output,
        )

    def _too_large(self, talk: _Talk) -> Verdict:
        self.end()
        return Verdict(
            "crashed",
            f"Your answer took more than {_MEMORY >> 30} GB of memory and was stopped. How large is the largest array "
            "that it makes?",
            given=talk.given,
            output=talk.output,
        )

    def _ended(self, talk: _Talk) -> Verdict:
        code = self._child.wait()
        self.spent = True
        if code < 0:
            names = {-item.value: item.name for item in signal.Signals}
            how = {"SIGSEGV": "a memory fault (SIGSEGV)", "SIGABRT": "an abort (SIGABRT)"}.get(
                names.get(code, ""), f"the signal {names.get(code, -code)}"
            )
            reason = f"by {how}"
        else:
            reason = f"with exit code {code}"
        return Verdict(
            "crashed",
            f"Your answer ended the whole Python process, {reason}. Your text is safe, and the page goes on.",
            given=talk.given,
            output=talk.output,
        )

    def _starved(self, begun: float, cpu: float, limit: float) -> bool:
        """Whether the process wants to run but got less than half of its time from a busy machine."""
        passed = time.monotonic() - begun
        if passed > limit * _BUSY_FACTOR:
            return False
        try:
            process = psutil.Process(self.pid)
            return process.status() == psutil.STATUS_RUNNING and self._cpu() - cpu < limit / 2
        except psutil.Error:
            return False

    def _cpu(self) -> float:
        try:
            times = psutil.Process(self.pid).cpu_times()
        except psutil.Error:
            return 0.0
        return float(times.user + times.system)

    def _memory(self) -> int:
        try:
            return int(psutil.Process(self.pid).memory_info().rss)
        except psutil.Error:
            return 0

    def _send(self, request: dict[str, Any]) -> None:
        assert self._child.stdin is not None
        # If the process is gone, the reader says so.
        with contextlib.suppress(OSError):
            _write(self._child.stdin, pickle.dumps(request))

    def _read(self) -> None:
        assert self._child.stdout is not None
        with self._child.stdout as pipe:
            while (frame := _read(pipe)) is not None:
                self._frames.put(json.loads(frame))
        self._frames.put(None)


def _pack(answer: Callable[..., Any]) -> bytes:
    """Pickle a function by value, with whatever of its own module it uses; installed packages go by name."""
    import cloudpickle

    module = sys.modules.get(getattr(answer, "__module__", None) or "")
    file = Path(getattr(module, "__file__", None) or "-")
    own = module is not None and module.__name__ != "__main__" and not module.__name__.startswith("dlstudy.")
    if own and module is not None and not {"site-packages", "dist-packages"} & set(file.parts):
        already = module.__name__ in cloudpickle.list_registry_pickle_by_value()
        cloudpickle.register_pickle_by_value(module)
        try:
            return bytes(cloudpickle.dumps(answer))
        finally:
            if not already:
                cloudpickle.unregister_pickle_by_value(module)
    return bytes(cloudpickle.dumps(answer))


def _source_of(answer: Any) -> str:
    from dlstudy.course.checking.answers import source_of

    return source_of(answer)


def _write(pipe: BinaryIO | Any, data: bytes) -> None:
    pipe.write(_HEAD.pack(len(data)) + data)
    pipe.flush()


def _read(pipe: BinaryIO | Any) -> bytes | None:
    """Return the next frame, or None at the end of the pipe."""
    try:
        head = pipe.read(_HEAD.size)
        if len(head) < _HEAD.size:
            return None
        (length,) = _HEAD.unpack(head)
        data: bytes = pipe.read(length)
    except (OSError, ValueError):
        return None
    return data if len(data) == length else None


# ---- the worker's own process ----------------------------------------------------------------------------------------


class _Server:
    """The child's side: one request after the other, on the main thread."""

    def __init__(self, requests: BinaryIO, replies: BinaryIO) -> None:
        self._requests: queue.Queue[bytes] = queue.Queue()
        self._replies = replies
        self._lock = threading.Lock()
        self._number, self._home, self._forked, self._scratch = 0, os.getpid(), False, ""
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_parent=self._note_fork)
        self._prepared: dict[tuple[str, str], tuple[float, Any]] = {}
        threading.Thread(target=self._listen, args=(requests,), daemon=True).start()

    def _listen(self, pipe: BinaryIO) -> None:
        while (frame := _read(pipe)) is not None:
            self._requests.put(frame)
        # The page is gone, perhaps in the middle of an endless answer: nobody would ever end this process.
        shutil.rmtree(self._scratch, ignore_errors=True)
        os._exit(0)

    def _note_fork(self) -> None:
        self._forked = True

    def say(self, **frame: Any) -> None:
        """Send one frame to the page; a copy of this process, which an answer made, has nothing to say."""
        if os.getpid() != self._home:
            return
        with self._lock:
            _write(self._replies, json.dumps({**frame, "number": self._number}).encode())

    def serve(self) -> None:
        """Answer requests until the page is gone."""
        limited = False
        while True:
            request = pickle.loads(self._requests.get())
            root = Path(request["root"])
            if "warm" in request:
                self._scratch = request["scratch"]
                if request["folder"] not in sys.path:
                    sys.path.append(request["folder"])
                for name in request["warm"]:
                    with contextlib.suppress(Exception):
                        self._prepare(name, root)
                if self._requests.empty():  # nobody waits: have the slow import done before an answer needs it
                    import torch  # noqa: F401
                # What is here now stays; looking through it for garbage made checks with many objects 3 times slower.
                gc.freeze()
                continue
            if not limited:
                limited = True
                _limit_memory()
            self._check(request, root)

    def _check(self, request: dict[str, Any], root: Path) -> None:
        from dlstudy.course.checking import answers
        from dlstudy.course.checking import check as checking

        self._number = request["number"]
        try:
            prepared = self._prepare(request["check"], root)
        except exercises.ExerciseError as error:
            verdict = Verdict("error", f"This exercise is broken, not your answer: {error}")
            self.say(verdict=verdict.to_json(), doubtful=True)
            return
        try:
            answer = pickle.loads(request["answer"]) if request["answer"] else request["source"]
        except Exception as error:
            message = f"Your answer cannot be handed to the check: {answers.describe(error)}."
            self.say(verdict=Verdict("error", message).to_json())
            return
        if "torch" in request["source"]:
            import torch  # noqa: F401  (an answer's second is not for this)
        self.say(ready=True)
        verdict = checking.check(
            prepared.exercise,
            answer,
            request["source"],
            prepared=prepared,
            started=lambda given: self.say(given=given),
            output=answers.Capture(lambda text: self.say(output=text)),
        )
        if os.getpid() != self._home:
            os._exit(0)  # the answer forked, and this is the copy
        self.say(verdict=verdict.to_json(), spent=self._forked, doubtful=checking.is_unusable(verdict))

    def _prepare(self, name: str, root: Path) -> Any:
        """Return the prepared check, made anew when a file of the exercise has changed."""
        from dlstudy.course.checking import check as checking

        changed = max((file.stat().st_mtime for file in (root / name).glob("*.*")), default=0.0)
        known = self._prepared.get((name, str(root)))
        if known is None or known[0] != changed:
            known = (changed, checking.prepare(exercises.load_exercise(name, root)))
            self._prepared[name, str(root)] = known
        return known[1]


def _limit_memory() -> None:
    """Let a large allocation fail with MemoryError, where the system knows limits; the page watches in any case."""
    try:
        import resource
    except ImportError:  # Windows
        return
    if not hasattr(resource, "RLIMIT_DATA"):
        return
    taken = psutil.Process().memory_info()
    with contextlib.suppress(OSError, ValueError):
        limit = getattr(taken, "data", taken.rss) + _MEMORY
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def main() -> None:
    """Be the worker's process: frames come by standard input and leave by standard output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is for the program that asked
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    if sys.platform == "win32":
        import msvcrt

        for pipe in (requests, replies):
            msvcrt.setmode(pipe.fileno(), os.O_BINARY)
    # From here on, what an answer prints or reads, in Python or in C, cannot touch the conversation.
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    _Server(requests, replies).serve()


if __name__ == "__main__":
    main()
