"""A download ends with the right file under its name, or with nothing there and a sentence that helps."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlstudy.data import download
from dlstudy.data import remote as remote_files
from dlstudy.data.download import Damaged, Network, NoSpace, RemoteFile, Unreachable, fetch
from tests.data.server import Server, running

CONTENT = np.random.default_rng(0).bytes(300_000)
OTHER = np.random.default_rng(1).bytes(300_000)
QUICK = Network(attempts=3, timeout=20, pause=0.01, loopback=True)
IMPATIENT = Network(attempts=3, timeout=0.5, pause=0.01, loopback=True)


@pytest.fixture(scope="module")
def one_server() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.fixture
def server(one_server: Server) -> Server:
    one_server.requests.clear()
    one_server.files.clear()
    return one_server


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (download.OFFLINE_VARIABLE, *(f"{kind}_proxy" for kind in ("http", "https", "all"))):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def remote(*urls: str, content: bytes | None = CONTENT, **facts: Any) -> RemoteFile:
    known = {} if content is None else {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return RemoteFile("numbers.bin", urls, "The numbers", **{**known, **facts})


class Listener:
    """Takes what is said and how far it is, as a learner would see it."""

    def __init__(self) -> None:
        self.sentences: list[str] = []
        self.steps: list[tuple[int, int | None]] = []

    def get(self, file: RemoteFile, path: Path, network: Network = QUICK, **options: Any) -> Path:
        return fetch(
            file, path, network=network, say=self.sentences.append, progress=lambda *step: self.steps.append(step),
            **options,
        )  # fmt: skip

    @property
    def text(self) -> str:
        return "\n".join(self.sentences)


def only(path: Path) -> bool:
    """Whether the folder holds the finished file and no part of it (the lock file may stay)."""
    return [item.name for item in path.parent.iterdir() if item.suffix != ".lock"] == [path.name]


def test_the_file_its_size_first_and_how_far_it_is(server: Server, tmp_path: Path) -> None:
    url, told = server.serve("a", CONTENT), Listener()
    path = told.get(remote(url), tmp_path / "deep" / "numbers.bin")
    assert path.read_bytes() == CONTENT
    assert only(path)
    assert told.sentences == [f"Downloading The numbers: 300 kB from 127.0.0.1 to {path}"]
    assert told.steps[0] == (0, len(CONTENT))
    assert told.steps[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in told.steps] == sorted(done for done, _ in told.steps)


def test_nothing_is_under_the_name_before_all_of_it_is_there(server: Server, tmp_path: Path) -> None:
    path, seen = tmp_path / "numbers.bin", []
    file = remote(server.serve("a", CONTENT))
    fetch(file, path, network=QUICK, say=str, progress=lambda done, total: seen.append((done, path.exists())))
    assert seen[-1][0] == len(CONTENT)
    assert not any(there for _, there in seen)


def test_what_is_here_is_checked_and_not_fetched_again(server: Server, tmp_path: Path) -> None:
    url = server.serve("a", CONTENT)
    told = Listener()
    path = tmp_path / "numbers.bin"
    path.write_bytes(CONTENT)
    assert told.get(remote(url), path) == path
    assert not server.requests
    assert not told.sentences
    path.write_bytes(CONTENT[:-1] + b"?")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(Damaged, match=rf"expected the SHA-256 {remote().sha256}, came {digest}"):
        told.get(remote(url), path)
    path.write_bytes(CONTENT[:-5])
    with pytest.raises(Damaged, match="expected 300,000 bytes, came 299,995"):
        told.get(remote(url), path)
    assert path.read_bytes() == CONTENT[:-5], "a file that is there must not vanish without being asked for"
    assert told.get(remote(url), path, mend=True).read_bytes() == CONTENT


@pytest.mark.parametrize("size", [None, len(CONTENT)])
def test_a_wrong_checksum_leaves_nothing_under_the_name(server: Server, tmp_path: Path, size: int | None) -> None:
    url, path = server.serve("a", OTHER), tmp_path / "numbers.bin"
    with pytest.raises(Damaged) as raised:
        Listener().get(remote(url, size=size), path)
    assert f"expected the SHA-256 {remote().sha256}, came {hashlib.sha256(OTHER).hexdigest()}" in str(raised.value)
    assert not [item for item in tmp_path.iterdir() if item.suffix != ".lock"]
    assert len(server.requests) == 1, "another try would bring the same"


def test_a_damaged_file_stays_until_the_right_one_is_there(server: Server, tmp_path: Path) -> None:
    url, path = server.serve("a", OTHER), tmp_path / "numbers.bin"
    path.write_bytes(b"old")
    with pytest.raises(Damaged):
        Listener().get(remote(url), path, mend=True)
    assert path.read_bytes() == b"old"


def test_digits_of_a_checksum_are_held_too(server: Server, tmp_path: Path) -> None:
    digits = hashlib.sha256(CONTENT).hexdigest()[:8]
    url = server.serve("a", CONTENT)
    Listener().get(remote(url, sha256=digits), tmp_path / "right")
    url = server.serve("a", OTHER)
    with pytest.raises(Damaged, match=rf"{digits}\.\.\., came"):
        Listener().get(remote(url, sha256=digits), tmp_path / "wrong")
    assert not (tmp_path / "wrong").exists()


def test_another_size_is_refused_before_it_comes(server: Server, tmp_path: Path) -> None:
    url = server.serve("a", CONTENT + b"more")
    with pytest.raises(Unreachable, match="offers a file of 300,004 bytes; expected 300,000"):
        Listener().get(remote(url), tmp_path / "numbers.bin")


def test_the_size_is_said_before_the_server_is_asked(server: Server, tmp_path: Path) -> None:
    told = Listener()
    url = server.serve("a", CONTENT, before=lambda: told.sentences.append("the server is asked"))
    told.get(remote(url), tmp_path / "numbers.bin")
    assert [sentence.partition(":")[0] for sentence in told.sentences] == [
        "Downloading The numbers",
        "the server is asked",
    ]


def test_a_broken_transfer_goes_on_where_it_was(server: Server, tmp_path: Path) -> None:
    url, told = server.serve("a", CONTENT, cuts=[100_000, 120_000, None]), Listener()
    path = told.get(remote(url), tmp_path / "numbers.bin")
    assert path.read_bytes() == CONTENT
    assert only(path)
    assert [request.range for request in server.requests] == [None, "bytes=100000-", "bytes=220000-"]
    assert [request.if_range for request in server.requests] == [None, '"one"', '"one"']
    assert server.sent == len(CONTENT), "nothing was sent twice"
    assert "broke off after 100 kB of 300 kB; trying again" in told.text


def test_the_next_call_goes_on_too(server: Server, tmp_path: Path) -> None:
    url, told, path = server.serve("a", CONTENT, cuts=[100_000, 0]), Listener(), tmp_path / "numbers.bin"
    with pytest.raises(Unreachable) as raised:
        told.get(remote(url), path)
    assert "100 kB of it are here and will be used by the next try" in str(raised.value)
    assert not path.exists()
    server.serve("a", CONTENT)
    server.requests.clear()
    again = Listener()
    assert again.get(remote(url), path).read_bytes() == CONTENT
    assert server.sent == len(CONTENT) - 100_000
    assert "100 kB are here already; going on from there." in again.text
    assert again.steps[0] == (100_000, len(CONTENT))


def test_a_server_without_range_sends_all_of_it_again(server: Server, tmp_path: Path) -> None:
    url = server.serve("a", CONTENT, cuts=[100_000, None], ranges=False)
    path = Listener().get(remote(url), tmp_path / "numbers.bin")
    assert path.read_bytes() == CONTENT
    assert server.requests[1].range == "bytes=100000-"
    assert server.sent == len(CONTENT) + 100_000


@pytest.mark.parametrize("understands", [True, False], ids=["If-Range understood", "If-Range ignored"])
@pytest.mark.parametrize("checksum", [True, False], ids=["checksum", "no checksum"])
def test_another_version_on_the_server_begins_again(
    server: Server, tmp_path: Path, understands: bool, checksum: bool
) -> None:
    """Half of the old and half of the new would have the right size; without a checksum only the ETag can tell."""
    url, path = server.serve("a", OTHER, cuts=[100_000, 0]), tmp_path / "numbers.bin"
    file = remote(url) if checksum else remote(url, content=None)
    with pytest.raises(Unreachable):
        Listener().get(file, path)
    server.serve("a", CONTENT, etag='"two"', if_range=understands)
    assert Listener().get(file, path).read_bytes() == CONTENT
    assert only(path)


def test_without_a_mark_of_the_version_the_checksum_decides(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "numbers.bin"
    for there, content, sent in ((CONTENT, CONTENT, 200_000), (OTHER, CONTENT, 500_000)):
        path.unlink(missing_ok=True)
        url = server.serve("a", there, etag=None, cuts=[100_000, 0])
        with pytest.raises(Unreachable):
            Listener().get(remote(url), path)
        server.serve("a", content, etag=None)
        server.requests.clear()
        told = Listener()
        assert told.get(remote(url), path).read_bytes() == content
        assert server.sent == sent
        assert ("does not belong to it; beginning again" in told.text) == (there == OTHER)


def test_without_mark_and_checksum_nothing_is_put_together(server: Server, tmp_path: Path) -> None:
    url, path = server.serve("a", OTHER, etag=None, cuts=[100_000, 0]), tmp_path / "numbers.bin"
    file = remote(url, content=None)
    with pytest.raises(Unreachable):
        Listener().get(file, path)
    server.serve("a", CONTENT, etag=None)
    assert Listener().get(file, path).read_bytes() == CONTENT


@pytest.mark.parametrize("part", [CONTENT, CONTENT + b"x", OTHER], ids=["whole", "too long", "another"])
def test_a_part_of_full_length_is_judged(server: Server, tmp_path: Path, part: bytes) -> None:
    url, path = server.serve("a", CONTENT), tmp_path / "numbers.bin"
    (tmp_path / "numbers.bin.part").write_bytes(part)
    assert Listener().get(remote(url), path).read_bytes() == CONTENT
    assert server.sent == (0 if part == CONTENT else len(CONTENT))


def test_a_part_that_is_longer_than_the_file_now_is(server: Server, tmp_path: Path) -> None:
    """Without a size in the catalogue the server says that there is no such rest (416)."""
    url, path = server.serve("a", CONTENT), tmp_path / "numbers.bin"
    (tmp_path / "numbers.bin.part").write_bytes(CONTENT + b"x")
    assert Listener().get(remote(url, size=None), path).read_bytes() == CONTENT


def test_the_size_comes_from_the_server_where_no_catalogue_states_it(server: Server, tmp_path: Path) -> None:
    told = Listener()
    told.get(remote(server.serve("a", CONTENT), size=None), tmp_path / "a")
    assert "The numbers: 300 kB from" in told.sentences[0]
    told = Listener()
    url = server.serve("a", CONTENT, length=False)
    assert told.get(remote(url, size=None), tmp_path / "b").read_bytes() == CONTENT
    assert "of unknown size" in told.sentences[0]


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_server_in_trouble_is_asked_again_with_a_bound(server: Server, tmp_path: Path, status: int) -> None:
    url, told = server.serve("a", CONTENT, statuses=[status, status, 200]), Listener()
    assert told.get(remote(url), tmp_path / "a").read_bytes() == CONTENT
    assert f"answers {status}" in told.text
    url = server.serve("a", CONTENT, statuses=[status])
    server.requests.clear()
    with pytest.raises(Unreachable, match=rf"answers {status} .*, 3 times in a row"):
        Listener().get(remote(url), tmp_path / "b")
    assert len(server.requests) == 3


def test_retry_after_is_heeded(server: Server, tmp_path: Path) -> None:
    url = server.serve("a", CONTENT, statuses=[503, 200], headers={"Retry-After": "1"})
    started = time.monotonic()
    Listener().get(remote(url), tmp_path / "a")
    assert time.monotonic() - started >= 1


@pytest.mark.parametrize("status", [404, 403, 410])
def test_what_is_not_there_is_asked_for_once(server: Server, tmp_path: Path, status: int) -> None:
    url = server.serve("a", CONTENT, statuses=[status])
    with pytest.raises(Unreachable, match=f"answers {status}"):
        Listener().get(remote(url), tmp_path / "a")
    assert len(server.requests) == 1


def test_a_silent_server_is_given_up(server: Server, tmp_path: Path) -> None:
    url, started = server.serve("a", CONTENT, stall=2), time.monotonic()
    with pytest.raises(Unreachable, match="does not answer, 3 times in a row"):
        Listener().get(remote(url), tmp_path / "a", IMPATIENT)
    assert time.monotonic() - started < 25


def test_a_server_that_sends_byte_by_byte_is_given_up(server: Server, tmp_path: Path) -> None:
    """No single read takes long, and yet nothing would ever come of it."""
    url, started = server.serve("a", CONTENT, trickle=0.05), time.monotonic()
    with pytest.raises(Unreachable, match=r"stalled: \d+ bytes in \d s, 3 times in a row"):
        Listener().get(remote(url), tmp_path / "a", IMPATIENT)
    assert time.monotonic() - started < 25


def test_a_transfer_that_gets_on_is_not_given_up(server: Server, tmp_path: Path) -> None:
    content = np.random.default_rng(2).bytes(6_000_000)
    url = server.serve("a", content, cuts=[1_100_000])  # five breaks, each after a megabyte
    assert Listener().get(remote(url, content=content), tmp_path / "a").read_bytes() == content
    assert len(server.requests) == 6
    assert server.sent == len(content)


@pytest.mark.parametrize("trouble", [{"statuses": [404]}, {"statuses": [500]}, {"stall": 2}, {"cuts": [50_000, 0]}])
def test_the_mirror_gives_what_the_first_server_does_not(server: Server, tmp_path: Path, trouble: Any) -> None:
    patience = IMPATIENT if "stall" in trouble else QUICK
    first, second = server.serve("a", CONTENT, **trouble), server.serve("b", CONTENT)
    assert Listener().get(remote(first, second), tmp_path / "numbers.bin", patience).read_bytes() == CONTENT
    assert only(tmp_path / "numbers.bin")


def test_the_mirror_comes_in_for_wrong_content_too(server: Server, tmp_path: Path) -> None:
    first, second = server.serve("a", OTHER), server.serve("b", CONTENT)
    assert Listener().get(remote(first, second), tmp_path / "numbers.bin").read_bytes() == CONTENT


def test_redirections_go_to_https_only(server: Server, tmp_path: Path) -> None:
    server.serve("a", CONTENT)
    url = server.serve("moved", b"", redirect="/a")
    assert Listener().get(remote(url), tmp_path / "numbers.bin").read_bytes() == CONTENT
    secret = tmp_path / "secret"
    secret.write_bytes(CONTENT)
    for odd in (secret.as_uri(), "ftp://127.0.0.1/a", "http://example.org/a", "data:text/plain,a", "//example.org/a"):
        url = server.serve("odd", b"", redirect=odd)
        with pytest.raises(Unreachable, match=r"which is not https|to no https address"):
            Listener().get(remote(url), tmp_path / "odd.bin")
    url = server.serve("round", b"", redirect="/round")
    with pytest.raises(Unreachable):
        Listener().get(remote(url), tmp_path / "odd.bin")
    assert not (tmp_path / "odd.bin").exists()


@pytest.mark.parametrize(
    "url", ["http://example.org/a", "file:///etc/passwd", "ftp://example.org/a", "a", "https:///a"]
)
def test_addresses_are_https_only(url: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected an https address; got"):
        fetch(remote(url), tmp_path / "a", network=QUICK)
    with pytest.raises(ValueError, match="expected an https address"):
        fetch(remote("http://127.0.0.1:1/a"), tmp_path / "a")


def test_the_sites_own_statement_is_the_checksum_where_none_is_known(server: Server, tmp_path: Path) -> None:
    stated = hashlib.sha256(CONTENT).hexdigest()
    server.serve("cdn", CONTENT)
    url = server.serve("model", b"", redirect="/cdn", headers={"X-Linked-Etag": f'"{stated}"'})
    assert Listener().get(remote(url, content=None), tmp_path / "a").read_bytes() == CONTENT
    server.serve("cdn", OTHER)
    with pytest.raises(Damaged, match=f"expected the SHA-256 {stated}"):
        Listener().get(remote(url, content=None), tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_offline_says_what_is_missing_and_how_to_put_it_there(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, path = server.serve("a", CONTENT), tmp_path / "numbers.bin"
    for options, reason in (({"offline": "HF_HUB_OFFLINE is set"}, "HF_HUB_OFFLINE is set"), ({}, "DLSTUDY_OFFLINE")):
        if not options:
            monkeypatch.setenv(download.OFFLINE_VARIABLE, "1")
        with pytest.raises(Unreachable) as raised:
            Listener().get(remote(url), path, **options)
        sentence = str(raised.value)
        for wanted in (
            "Missing on this machine: The numbers, 300 kB from 127.0.0.1.\n",
            f"Not fetched: {reason}",
            reason,
            url,
            str(path),
        ):
            assert wanted in sentence
        assert remote().sha256 in sentence
    assert not server.requests
    assert not path.parent.joinpath(".numbers.bin.lock").exists()
    path.write_bytes(CONTENT)  # put there by hand
    assert Listener().get(remote(url), path) == path


def test_no_network_is_said_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    asked = []

    def nobody(*_: Any, **__: Any) -> Any:
        asked.append(1)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    with pytest.raises(Unreachable, match=r"example\.org is not known here: there seems to be no network"):
        Listener().get(remote("https://example.org/a"), tmp_path / "a")
    assert len(asked) == 1


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="refuses the connection, 3 times in a row"):
        Listener().get(remote("http://127.0.0.1:9/a"), tmp_path / "a")


def test_a_full_disk_is_said_before_and_during(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url, path = server.serve("a", CONTENT), tmp_path / "numbers.bin"
    usage = type(download.shutil.disk_usage(tmp_path))
    with monkeypatch.context() as patch:
        patch.setattr(download.shutil, "disk_usage", lambda _: usage(10**9, 10**9 - 1000, 1000))
        with pytest.raises(NoSpace, match=r"does not fit: 300 kB are needed in .* and 1 kB are free"):
            Listener().get(remote(url), path)
    opened = Path.open

    def full_after_a_while(self: Path, mode: str = "r", *rest: Any, **more: Any) -> Any:
        file = opened(self, mode, *rest, **more)
        if mode != "ab":
            return file
        return FullDisk(file, 100_000)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full_after_a_while)
        with pytest.raises(NoSpace, match=r"the disk of .* is full\. What has come is kept"):
            Listener().get(remote(url), path)
    assert not path.exists()
    kept = (tmp_path / "numbers.bin.part").stat().st_size
    assert 0 < kept <= 100_000
    server.requests.clear()
    assert Listener().get(remote(url), path).read_bytes() == CONTENT
    assert server.sent == len(CONTENT) - kept


class FullDisk:
    """A file on a disk that takes so many bytes more."""

    def __init__(self, file: Any, room: int) -> None:
        self.file, self.room = file, room

    def write(self, block: bytes) -> None:
        self.file.write(block[: self.room])
        self.room -= len(block)
        if self.room < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def __enter__(self) -> FullDisk:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()


def test_a_folder_that_cannot_be_written(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(NoSpace, match="The numbers cannot be saved in"):
        Listener().get(remote(server.serve("a", CONTENT)), tmp_path / "file" / "numbers.bin")


def test_ctrl_c_keeps_the_part(server: Server, tmp_path: Path) -> None:
    url, path, told = server.serve("a", CONTENT, cuts=[100_000, None]), tmp_path / "numbers.bin", Listener()

    def stop(done: int, total: int | None) -> None:
        if done >= 150_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(remote(url), path, network=QUICK, say=told.sentences.append, progress=stop)
    kept = (tmp_path / "numbers.bin.part").stat().st_size
    assert kept >= 150_000
    assert "kB of The numbers are kept; the next try goes on from there." in told.sentences[-1]
    server.requests.clear()
    assert Listener().get(remote(url), path).read_bytes() == CONTENT
    assert server.sent == len(CONTENT) - kept


FETCH = """
import sys
from pathlib import Path
from dlstudy.data.download import Network, RemoteFile, fetch
url, path, size, sha256 = sys.argv[1:]
print(fetch(RemoteFile("numbers.bin", (url,), "The numbers", int(size), sha256), Path(path),
            network=Network(timeout=20, loopback=True)))
"""


def start(url: str, path: Path, content: bytes = CONTENT) -> subprocess.Popen[str]:
    file = remote(url, content=content)
    command = [sys.executable, "-c", FETCH, url, str(path), str(file.size), str(file.sha256)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8")


def test_two_processes_at_once_make_one_download(server: Server, tmp_path: Path) -> None:
    both = threading.Event()
    url = server.serve("a", CONTENT, before=lambda: both.wait(20) and None)
    path = tmp_path / "numbers.bin"
    processes = [start(url, path), start(url, path)]
    waiting: list[str] = []
    readers = [threading.Thread(target=lambda p=process: waiting.extend(p.stderr)) for process in processes]
    for reader in readers:
        reader.start()
    deadline = time.monotonic() + 20
    while not any("Another process is downloading" in line for line in waiting) and time.monotonic() < deadline:
        time.sleep(0.02)
    both.set()
    assert [process.wait(20) for process in processes] == [0, 0]
    for reader, process in zip(readers, processes):
        reader.join()
        process.stdout.close()
        process.stderr.close()
    assert path.read_bytes() == CONTENT
    assert len(server.requests) == 1
    assert any("Another process is downloading The numbers; waiting for it." in line for line in waiting)


def test_a_killed_process_leaves_a_part_and_no_stale_lock(server: Server, tmp_path: Path) -> None:
    content = np.random.default_rng(3).bytes(2_000_000)
    stuck = threading.Event()
    url = server.serve("a", content[:1_000_000], length=False, before=stuck.clear)
    path = tmp_path / "numbers.bin"
    # The server announces all of it and falls silent in the middle.
    server.files["/a"].content, server.files["/a"].length, server.files["/a"].cuts = content, True, [1_000_000, None]
    server.files["/a"].stall = 0.0
    process = start(url, path, content)
    part = tmp_path / "numbers.bin.part"
    deadline = time.monotonic() + 20
    while not (part.exists() and part.stat().st_size >= 500_000) and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
    process.communicate()
    assert process.returncode != 0
    assert not path.exists()
    assert (tmp_path / ".numbers.bin.lock").exists()
    told, started = Listener(), time.monotonic()
    assert told.get(remote(url, content=content), path).read_bytes() == content
    assert time.monotonic() - started < 25
    assert "Another process" not in told.text
    assert "are here already; going on from there." in told.text


def test_plain_lines_where_there_is_no_terminal_and_a_bar_where_there_is(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = bytes(20_000_000)
    url = server.serve("a", content)
    fetch(remote(url, content=content), tmp_path / "a", network=QUICK)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == f"Downloading The numbers: 20 MB from 127.0.0.1 to {tmp_path / 'a'}"
    assert lines[1:] == [f"{percent} % of 20 MB" for percent in (20, 40, 60, 80, 100)]
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    fetch(remote(url, content=content), tmp_path / "b", network=QUICK)
    shown = capsys.readouterr().err
    assert "20.0/20.0 MB" in shown
    assert "40 %" not in shown


# ---- an end to every download ---------------------------------------------------------------------------------------

ROUNDED = {"size": 300_000, "exact": False, "sha256": None}


@pytest.mark.parametrize("length", [True, False], ids=["length stated", "no length"])
@pytest.mark.parametrize(
    ("facts", "sent", "expected"),
    [
        ({"size": 300_000, "sha256": None}, 300_001, "300,000"),
        ({"size": 300_000, "sha256": None}, 299_999, "300,000"),
        (ROUNDED, 330_001, "about 300 kB"),
        (ROUNDED, 269_999, "about 300 kB"),
        (ROUNDED, 90, "about 300 kB"),
        ({"size": None, "sha256": None}, 2_000_001, "at most 2 MB"),
    ],
    ids=["one more", "one less", "over a tenth more", "over a tenth less", "nearly nothing", "of unstated size"],
)  # fmt: skip
def test_what_cannot_be_the_file_is_refused(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, facts: dict[str, Any], sent: int, expected: str,
    length: bool,
) -> None:  # fmt: skip
    monkeypatch.setattr(remote_files, "UNSTATED", 2_000_000)
    url, told, path = server.serve("a", bytes(sent), length=length), Listener(), tmp_path / "numbers.bin"
    with pytest.raises((Unreachable, Damaged)) as refused:
        told.get(remote(url, content=None, **facts), path)
    if sent == 299_999 and not length:  # what is missing could still come: the connection may have broken
        assert "broke off after 300 kB of 300 kB" in str(refused.value)
        return
    assert expected in str(refused.value)
    assert not path.exists()
    assert [item.name for item in tmp_path.iterdir() if item.suffix != ".lock"] == [], "nothing of it is kept"


@pytest.mark.parametrize("size", [270_000, 300_000, 330_000])
def test_a_rounded_size_lets_in_what_is_a_tenth_off(server: Server, tmp_path: Path, size: int) -> None:
    for length in (True, False):
        url, path = server.serve("a", bytes(size), length=length), tmp_path / f"{length}.bin"
        told = Listener()
        told.get(remote(url, content=None, **ROUNDED), path)
        assert path.stat().st_size == size
        assert told.sentences[-1] == "No checksum is published for The numbers, and 127.0.0.1 states none: not checked."


@pytest.mark.parametrize("facts", [ROUNDED, {"size": None, "sha256": None}, {"size": 300_000}], ids=str)
def test_a_server_that_never_stops_is_left(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, facts: dict[str, Any]
) -> None:
    """It states no length, and sends a hundred times what was expected: what is taken ends soon after that."""
    monkeypatch.setattr(remote_files, "UNSTATED", 300_000)
    url, told = server.serve("a", bytes(30_000_000), length=False), Listener()
    with pytest.raises(Unreachable, match="sends more"):
        told.get(remote(url, content=None, **facts), tmp_path / "numbers.bin")
    assert max(done for done, _ in told.steps) <= 330_000
    assert [item.name for item in tmp_path.iterdir() if item.suffix != ".lock"] == []


def test_a_part_that_is_larger_than_the_file_can_be_is_begun_again(server: Server, tmp_path: Path) -> None:
    url, told, path = server.serve("a", CONTENT), Listener(), tmp_path / "numbers.bin"
    path.with_name("numbers.bin.part").write_bytes(bytes(330_001))
    told.get(remote(url, sha256=hashlib.sha256(CONTENT).hexdigest(), content=None, size=300_000, exact=False), path)
    assert path.read_bytes() == CONTENT
    assert server.requests[0].range is None
