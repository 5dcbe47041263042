"""A file on the network: its addresses, its size, how to know it, and what to say when it is not there."""

import errno
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from dlstudy import words


class DownloadError(Exception):
    """A file could not be had; the sentence says which, why, and what to do."""


class Unreachable(DownloadError):
    """No network, or no server gives the file."""


class Damaged(DownloadError):
    """A file is not what it should be: its size or checksum is another."""


class NoSpace(DownloadError):
    """The disk is full, or the folder cannot be written."""


UNSTATED = 16_000_000
"""Bytes of a file whose size no source states: such are small files beside large ones, such as a model's settings."""


@dataclass(frozen=True)
class RemoteFile:
    """A file that can be downloaded, and how to know that it is the right one."""

    name: str
    """The name it gets on the disk."""
    urls: tuple[str, ...]
    """Where it is, the first choice first; https only."""
    title: str
    """What a reader would call it."""
    size: int | None = None
    """Bytes; None where no source states them: then the server is asked."""
    sha256: str | None = None
    """Its SHA-256 in hex, or the first digits (at least 8) where no more is published; None: the server's statement."""
    exact: bool = True
    """Whether `size` is to the byte; a rounded one may be off by a tenth."""

    @property
    def exact_size(self) -> int | None:
        """Bytes that it must have; None where they are not known to the byte."""
        return self.size if self.exact else None

    @property
    def smallest(self) -> int:
        """Bytes that it has at least."""
        return (self.size or 0) if self.exact else 9 * (self.size or 0) // 10

    @property
    def largest(self) -> int:
        """Bytes that it has at most: no download goes on for ever."""
        if self.size is None:
            return UNSTATED
        return self.size if self.exact else 11 * self.size // 10

    @property
    def expected(self) -> str:
        """How large it is, in words."""
        if self.size is None:
            return f"at most {words.size(UNSTATED)}"
        return f"{self.size:,} bytes" if self.exact else f"about {words.size(self.size)}"

    def may_have(self, size: int) -> bool:
        """Tell whether it can have `size` bytes."""
        return self.smallest <= size <= self.largest

    @property
    def hosts(self) -> str:
        """The servers that have it, as a reader would name them."""
        return " or ".join(dict.fromkeys(urlsplit(url).hostname or url for url in self.urls))


@dataclass(frozen=True)
class Network:
    """How patient a download is. The tests shorten it; nobody else needs to."""

    attempts: int = 5
    """Tries in a row that bring less than a megabyte before a server is given up."""
    timeout: float = 30.0
    """Seconds without an answer, or with less than 1 kB a second, after which a connection is broken off."""
    pause: float = 1.0
    """Seconds before the second try; doubled before each further one."""
    loopback: bool = False
    """Whether http to this very machine is allowed (the tests' server); anything else must be https."""


def check(file: RemoteFile, path: Path) -> None:
    """Raise `Damaged` when the file at `path` has not the size and checksum of `file`."""
    try:
        compare(file, path, file.sha256)
    except Damaged as error:
        raise Damaged(f"{path} is not {file.title} as published: {error}. Delete it and fetch it again.") from None


def compare(file: RemoteFile, path: Path, checksum: str | None) -> None:
    """Raise `Damaged` where what lies at `path` has not the size of `file`, or not the `checksum` that is given."""
    if not file.may_have(came := path.stat().st_size):
        raise Damaged(f"expected {file.expected}, came {came:,}{'' if file.exact and file.size else ' bytes'}")
    if checksum and not (digest := sha256(path)).startswith(checksum):
        raise Damaged(f"expected the SHA-256 {digits(checksum)}, came {digest}")


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def digits(expected: str) -> str:
    """Return a checksum, or the digits of it that are known, as they are shown."""
    return expected if len(expected) == 64 else f"{expected}..."


def by_hand(file: RemoteFile, path: Path, reason: str) -> str:
    """Return what is missing, its size, where it would come from, why it does not, and how to put it there by hand."""
    checksum = f" (SHA-256 {digits(file.sha256)})" if file.sha256 else ""
    return (
        f"Missing on this machine: {file.title}, {words.size(file.size)} from {file.hosts}.\n"
        f"Not fetched: {reason}.\n"
        f"By hand: fetch {file.urls[0]}{checksum} and save it as {path}"
    )


@contextmanager
def folder_errors(file: RemoteFile, folder: Path) -> Iterator[None]:
    """Turn what the disk says into a sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", None)):
            raise NoSpace(
                f"{file.title} ({words.size(file.size)}) does not fit: the disk of {folder} is full. What has come "
                "is kept; free some space and try again, and it goes on from there."
            ) from error
        raise NoSpace(f"{file.title} cannot be saved in {folder}: {error.strerror or error}") from error
