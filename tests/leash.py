"""What a test process started or made ends with it, however it ends.

Everything that a test process starts inherits `MARK` with the number of that process, and every folder that it makes
beside the temporary ones carries the number in its name: so both are found again, children of children included. A
small process of its own, the leash, waits until the test process is gone, killed or interrupted, and then ends what is
still there. After an orderly end nothing is: `left_behind` says so, and the fixture `leash` makes it a failure.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

MARK = "STARTED_BY_TESTS_OF"
PATIENCE = 20.0  # seconds that what was told to end may take


def cache_folder() -> Path:
    """Where this system keeps caches: the page engine saves nothing that lies in the folder for temporary files."""
    if os.name == "nt":
        return Path(os.environ["LOCALAPPDATA"])
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def new_folder(kind: str) -> Path:
    """Make a folder in the cache whose name says whose it is."""
    cache_folder().mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=f"dlstudy-{kind}-{os.getpid()}-", dir=cache_folder()))


def processes(owner: int) -> list[psutil.Process]:
    """The living processes that descend from the tests of `owner`, without the leash itself."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid in (owner, os.getpid()) or process.environ().get(MARK) != str(owner):
                continue
            words = process.cmdline()
            # A page's checker that is warm for the next check ends with its page's process: `test_worker` holds that.
            waiting = "dlstudy.course.checking.worker" in words and process.ppid() == owner
            if process.status() != psutil.STATUS_ZOMBIE and "tests.leash" not in words and not waiting:
                found.append(process)
        except psutil.Error:  # it has just ended, or is somebody else's
            continue
    return found


def until(fact: Callable[[], object], what: str, patience: float = 2 * PATIENCE) -> None:
    """Wait for a fact that no page can tell, such as what lies on the disk; an error that names it if it does not come.

    The one place in which a test of the browser sleeps: what a page shows is waited for by Playwright.
    """
    end = time.monotonic() + patience
    while not fact():
        assert time.monotonic() < end, f"{what}: not within {patience:.0f} s"
        time.sleep(0.05)


def folders(owner: int) -> list[Path]:
    """The folders that the tests of `owner` made."""
    places = {cache_folder(), Path(tempfile.gettempdir())}
    return [
        path
        for place in places
        for name in ("dlstudy-*-{}", "dlstudy-*-{}-*")
        for path in place.glob(name.format(owner))
    ]


def left_behind(owner: int, patience: float = PATIENCE) -> list[str]:
    """What the tests of `owner` have left, in words, once it had time to end."""
    end = time.monotonic() + patience
    while (alive := processes(owner)) and time.monotonic() < end:
        psutil.wait_procs(alive, timeout=0.2)
    return [_words(process) for process in alive] + [str(path) for path in folders(owner)]


def _words(process: psutil.Process) -> str:
    try:
        return f"process {process.pid}: {' '.join(process.cmdline())[:120]}"
    except psutil.Error:
        return f"process {process.pid}"


def clear(owner: int) -> None:
    """End the processes and remove the folders that the tests of `owner` have left."""
    while alive := processes(owner):
        for process in alive:
            try:
                process.kill()
            except psutil.Error:
                continue
        psutil.wait_procs(alive, timeout=5)
    for folder in folders(owner):
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def leashed(patience: float = PATIENCE) -> Iterator[None]:
    """Watch over this process; at an orderly end it is an error to have left anything."""
    owner = os.getpid()
    os.environ[MARK] = str(owner)
    command = [sys.executable, "-m", "tests.leash", str(owner)]
    root = Path(__file__).resolve().parent.parent
    leash = subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, start_new_session=os.name != "nt")
    try:
        yield
        left = left_behind(owner, patience)
    finally:
        leash.communicate()  # its input ends, and it sees to the rest
        del os.environ[MARK]
    assert left == [], f"the tests have left behind what they started or made: {left}"


def main(owner: int) -> None:
    """Wait until the process at the other end of the input is gone, then clear up after it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stdin.read()
    clear(owner)


if __name__ == "__main__":
    main(int(sys.argv[1]))
