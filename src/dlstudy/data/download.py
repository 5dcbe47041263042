"""One downloader for data and weights: says the size first, checks what came, and goes on where it was cut off.

Nothing here runs unless a caller asks for a file. The file appears under its name in one step and only after its
SHA-256 was found right; until then it grows as `NAME.part`, which a broken connection, Ctrl-C or a full disk leaves
where it is, for the next try.

Why no library: pooch checks hashes but begins again after a break; `torch.hub` has no timeout, no retry, no resume and
checks eight digits; `huggingface_hub` resumes and locks but speaks to its own site only. So this is `urllib`, the small
part of HTTP that a download needs, and `filelock`, which torch brings along: the system gives a lock back when its
process ends, so that a crash leaves no stale one.
"""

import json
import os
import re
import shutil
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from dlstudy import __version__, words
from dlstudy.data.cache import cache_folder
from dlstudy.data.https import HttpsOnly, NextServer, TryAgain, network_errors, opener, refuse_odd
from dlstudy.data.remote import (
    Damaged,
    DownloadError,
    Network,
    NoSpace,
    RemoteFile,
    Unreachable,
    by_hand,
    check,
    compare,
    folder_errors,
    sha256,
)

__all__ = [
    "Damaged",
    "DownloadError",
    "Network",
    "NoSpace",
    "RemoteFile",
    "Unreachable",
    "check",
    "download_folder",
    "fetch",
    "offline_reason",
    "sha256",
]

OFFLINE_VARIABLE = "DLSTUDY_OFFLINE"
"""When this environment variable is 1, no download is tried."""

_CHUNK = 1 << 18
_PROGRESS_THAT_COUNTS = 1 << 20  # bytes after which an interrupted transfer has all its attempts again
_SLOWEST = 1024  # bytes a second: a transfer that is slower for a whole timeout counts as stalled
Progress = Callable[[int, int | None], None]


DEFAULT = Network()


def download_folder() -> Path:
    """Return where downloaded data sets lie."""
    return cache_folder() / "downloads"


def offline_reason(*variables: str) -> str:
    """Return "X is set" for the first of these environment variables that says yes; "" when none does."""
    yes = (name for name in variables if os.environ.get(name, "").strip().lower() in ("1", "true", "yes", "on"))
    name = next(yes, "")
    return f"{name} is set" if name else ""


def fetch(
    file: RemoteFile,
    path: Path | None = None,
    *,
    mend: bool = False,
    offline: str = "",
    lock: Path | None = None,
    network: Network | None = None,
    say: Callable[[str], None] | None = None,
    progress: Progress | None = None,
) -> Path:
    """Return the path of `file`, downloaded if it is not there yet and checked in any case.

    path: where it lies or shall lie; by default its name in `download_folder()`.
    mend: replace a file that is there and damaged, instead of raising `Damaged`.
    offline: a reason not to use the network, such as "HF_HUB_OFFLINE is set"; then only what is here counts.
    lock: the lock file, by default beside the file: whoever comes second waits and uses what the first one fetched.
    say, progress: take the sentences and (bytes done, bytes in all); by default standard error, with a bar on a
        terminal.

    Raises `Unreachable`, `Damaged` or `NoSpace` with a sentence that says what is missing, its size, where it comes
    from and how to put it there by hand; ValueError for an address that is not https.
    """
    network, say = network or DEFAULT, say or to_standard_error
    path = path or download_folder() / file.name
    if _is_here(file, path, mend):
        return path
    if offline := offline or offline_reason(OFFLINE_VARIABLE):
        raise Unreachable(by_hand(file, path, offline))
    for url in file.urls:
        refuse_odd(url, network)
    with folder_errors(file, path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        (lock or path).parent.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(lock or path.with_name(f".{path.name}.lock"), file, path, say):
        if not _is_here(file, path, mend):
            _Download(file, path, network, say, progress).run()
    return path


def _is_here(file: RemoteFile, path: Path, mend: bool) -> bool:
    if not path.is_file():
        return False
    try:
        check(file, path)
    except Damaged:
        if not mend:
            raise
        return False
    return True


def to_standard_error(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


@contextmanager
def _one_at_a_time(lock: Path, file: RemoteFile, path: Path, say: Callable[[str], None]) -> Iterator[None]:
    from filelock import FileLock, Timeout

    holder = FileLock(lock)
    with folder_errors(file, path.parent):
        try:
            holder.acquire(timeout=0)
        except Timeout:
            say(f"Another process is downloading {file.title}; waiting for it.")
            holder.acquire()
    try:
        yield
    finally:
        holder.release()


# ---- the transfer -------------------------------------------------------------------------------------------------


class _Download:
    """One file on its way: where it is in the list of servers and what has come so far."""

    def __init__(
        self, file: RemoteFile, path: Path, network: Network, say: Callable[[str], None], progress: Progress | None
    ) -> None:
        self.file, self.path, self.network, self.say = file, path, network, say
        self.part = path.with_name(path.name + ".part")
        self.note = path.with_name(path.name + ".part.json")
        """Which server's which version the part is of: {"url", "etag"}."""
        self.progress = progress or _bar_or_lines(say)
        self.announced = self.continued = False
        self.resumed = False

    def run(self) -> None:
        """Go through the servers until one has given the right file; raise with every server's reason otherwise."""
        reasons: list[str] = []
        wrong = False
        try:
            for url in self.file.urls:
                host = urlsplit(url).hostname
                try:
                    self._from(url)
                    return
                except Damaged as error:
                    wrong = True
                    reasons.append(f"{host} sent something else: {error}")
                except NextServer as error:
                    reasons.append(f"{host} {error}")
        except KeyboardInterrupt:
            self.say(
                f"Stopped. {words.size(self._have())} of {self.file.title} are kept; the next try goes on from there."
            )
            raise
        finally:
            getattr(self.progress, "close", lambda: None)()
        kept = f"; {words.size(self._have())} of it are here and will be used by the next try" if self._have() else ""
        message = by_hand(self.file, self.path, "; ".join(reasons) + kept)
        raise Damaged(message) if wrong else Unreachable(message)

    def _from(self, url: str) -> None:
        """Get the whole file from one server, check it and put it under its name."""
        failures, begun_anew = 0, False
        while True:
            before = self._have()
            try:
                expected = self._request(url)
            except TryAgain as error:
                failures = 1 if self._have() - before >= _PROGRESS_THAT_COUNTS else failures + 1
                if failures >= self.network.attempts:
                    raise NextServer(f"{error}, {failures} times in a row") from error
                self.say(f"{urlsplit(url).hostname} {error}; {'beginning' if error.anew else 'trying'} again.")
                if error.anew:
                    self._discard()
                time.sleep(self.network.pause * 2 ** (failures - 1) if error.wait is None else error.wait)
                continue
            try:
                self._arrived(url, expected)
                return
            except Damaged:
                self._discard()
                # A part that was begun earlier may be of another version; what came in one piece is the server's.
                if not self.resumed or begun_anew:
                    raise
                begun_anew = True
                self.say(f"{self.file.title}: the part that was here does not belong to it; beginning again.")

    def _arrived(self, url: str, expected: str | None) -> None:
        compare(self.file, self.part, expected)
        with folder_errors(self.file, self.path.parent):
            self.part.replace(self.path)
            self.note.unlink(missing_ok=True)
        if self.file.sha256 is None and self.file.size is not None:  # else one of the small ones that come along
            host = urlsplit(url).hostname
            stated = f"but {host} states one, and it agrees" if expected else f"and {host} states none: not checked"
            self.say(f"No checksum is published for {self.file.title}, {stated}.")

    def _request(self, url: str) -> str | None:
        """Ask once, for all or for the rest, and append what comes; return the checksum to hold it against."""
        have, headers = self._resume_from(url)
        if have and have == self.file.exact_size and self.file.sha256:
            return self.file.sha256
        if self.file.size is not None:
            self._announce(url, self.file.size)
        redirects = HttpsOnly(self.network)
        request = urllib.request.Request(url, headers=headers)
        with network_errors():
            response = opener(self.network, redirects).open(request, timeout=self.network.timeout)
        with response:
            start, total, etag = self._understand(response, url, have)
            self._announce(url, total)
            if start and not self.continued:
                self.continued = True
                self.say(f"{words.size(start)} are here already; going on from there.")
            with folder_errors(self.file, self.path.parent):
                self._room_for((total or 0) - start)
                if start == 0:
                    self._discard()
                    self.note.write_text(json.dumps({"url": url, "etag": etag}), encoding="utf-8")
                output = self.part.open("ab")
            with output:
                came = start + self._copy(response, output, start, total)
                with folder_errors(self.file, self.path.parent):
                    output.flush()
                    os.fsync(output.fileno())
        if came > self._most(total):
            self._discard()
            if total in (None, self.file.exact_size):
                raise NextServer(f"sends more and more; expected {self.file.expected}")
            raise NextServer(f"sends more than the {words.size(total)} that it announced")
        if total is not None and came < total:
            raise TryAgain(f"broke off after {words.size(came)} of {words.size(total)}")
        return self.file.sha256 or redirects.sha256

    def _resume_from(self, url: str) -> tuple[int, dict[str, str]]:
        """Return how much is here and can be used, and the headers that ask for the rest of that same version."""
        headers = {"User-Agent": f"dlstudy/{__version__}", "Accept-Encoding": "identity"}
        have, note = self._have(), self._noted()
        same = note.get("url") == url and bool(note.get("etag"))
        # Without the server's mark of the version only a checksum can tell that the rest belongs to the part.
        usable = 0 < have <= self.file.largest and (same or bool(self.file.sha256))
        self.resumed = usable
        if not usable:
            return 0, headers
        headers["Range"] = f"bytes={have}-"
        if same and not note["etag"].startswith("W/"):
            headers["If-Range"] = note["etag"]
        return have, headers

    def _understand(self, response: Any, url: str, have: int) -> tuple[int, int | None, str]:
        """Return where the answer begins, the size of the whole and the version's mark; raise where it will not do."""
        etag = response.headers.get("ETag") or response.headers.get("Last-Modified") or ""
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise NextServer("sends the file packed in a way that was not asked for")
        length = response.headers.get("Content-Length", "")
        start, total = 0, int(length) if length.isdecimal() else None
        if response.status == 206:
            match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", "").strip())
            note = self._noted()
            other = note.get("url") == url and note.get("etag") and etag and note["etag"] != etag
            if not match or int(match[1]) != have or other:
                raise TryAgain("has another version than the part that is here", anew=True)
            start, total = have, int(match[2]) if match[2].isdecimal() else None
        elif response.status != 200:
            raise NextServer(f"answers {response.status} {response.reason}")
        self.resumed, known = start > 0, self.file.exact_size
        if total is not None and not self.file.may_have(total):
            expected = f"{known:,}" if known is not None else self.file.expected
            raise NextServer(f"offers a file of {total:,} bytes; expected {expected}")
        return start, total if total is not None else known, etag

    def _announce(self, url: str, size: int | None) -> None:
        """Say what comes, how large it is, and where it goes: before the first byte, and once."""
        if not self.announced:
            self.announced = True
            self.say(f"Downloading {self.file.title}: {words.size(size)} from {urlsplit(url).hostname} to {self.path}")

    def _room_for(self, more: int) -> None:
        free = shutil.disk_usage(self.path.parent).free
        if free < more:
            raise NoSpace(
                f"{self.file.title} does not fit: {words.size(more)} are needed in {self.path.parent} and "
                f"{words.size(free)} are free."
            )

    def _copy(self, response: Any, output: IO[bytes], start: int, total: int | None) -> int:
        """Append the answer to the part; return the bytes that came."""
        came, window, since = 0, 0, time.monotonic()
        self.progress(start, total)
        while True:
            with network_errors():
                block = response.read1(_CHUNK)
            if not block:
                return came
            with folder_errors(self.file, self.path.parent):
                output.write(block)
                output.flush()
            came += len(block)
            window += len(block)
            if start + came > self._most(total):
                return came
            self.progress(start + came, total)
            elapsed = time.monotonic() - since
            if elapsed >= self.network.timeout:
                if window < _SLOWEST * elapsed:
                    raise TryAgain(f"stalled: {window} bytes in {elapsed:.0f} s")
                window, since = 0, time.monotonic()

    def _most(self, total: int | None) -> int:
        """Return the bytes after which no more is taken: those that the server announced, else all it can be."""
        return self.file.largest if total is None else total

    def _have(self) -> int:
        return self.part.stat().st_size if self.part.is_file() else 0

    def _noted(self) -> dict[str, str]:
        try:
            note = json.loads(self.note.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return note if isinstance(note, dict) and all(isinstance(value, str) for value in note.values()) else {}

    def _discard(self) -> None:
        self.part.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)


# ---- progress -----------------------------------------------------------------------------------------------------


def _bar_or_lines(say: Callable[[str], None]) -> Any:
    return _Bar() if say is to_standard_error and sys.stderr.isatty() else _Lines(say)


class _Bar:
    """A progress bar on a terminal, from the first bytes on."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

        columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        self.bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self.task = self.bar.add_task("", total=None)

    def __call__(self, done: int, total: int | None) -> None:
        self.bar.update(self.task, completed=done, total=total)
        self.bar.start()

    def close(self) -> None:
        self.bar.stop()


class _Lines:
    """A line of text for every fifth of a file, where there is no terminal; a small file is not worth one."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say, self.last = say, 0

    def __call__(self, done: int, total: int | None) -> None:
        if total is None or total < 10_000_000:
            return
        fifth = 5 * done // total
        if fifth > self.last:
            self.last = fifth
            self.say(f"{20 * fifth} % of {words.size(total)}")

    def close(self) -> None:
        pass
