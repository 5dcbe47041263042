"""Write a learner's file whole or not at all: through a neighbour, which takes the file's name once the disk has it.

Whatever happens on the way (a crash, a kill, a full disk, no power), the file holds its old text or its new one.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

_MOVING_SECONDS = 60.0  # moving a damaged progress file aside takes far less
_LEFT = re.compile(r"\.(?P<name>.+)\.(?P<pid>\d+)(?:-[0-9a-f]+)?\.tmp")


def write(path: Path, text: str) -> None:
    """Replace the text of `path`, in UTF-8 with line feeds; a link is followed, and the file's mode stays.

    Where it cannot be written, the OSError of the system is raised, and the file is as it was.
    """
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, data: bytes) -> None:
    """Replace what `path` holds, as `write` does."""
    target = Path(os.path.realpath(path))
    neighbour = _neighbour(target)
    try:
        with neighbour.open("xb") as file:
            _same_mode(target, file.fileno())
            _fill(file, data)
        os.replace(neighbour, target)
    except BaseException:
        with suppress(OSError):
            neighbour.unlink()
        raise
    _sync_folder(target.parent)


def write_new(path: Path, data: bytes) -> bool:
    """Write a file that its owner alone can read; False, with nothing done, where there is one of that name.

    Of several who write the same name at once, one is told so. The file is whole or not there.
    """
    neighbour = _neighbour(path)
    try:
        with os.fdopen(os.open(neighbour, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            _fill(file, data)
        try:
            os.link(neighbour, path)
        except FileExistsError:
            return False
        except OSError:  # a disk that knows no second name for a file
            if path.exists():
                return False
            os.replace(neighbour, path)
    finally:
        with suppress(OSError):
            neighbour.unlink()
    _sync_folder(path.parent)
    return True


def _neighbour(target: Path) -> Path:
    """Return a name that is one thread's alone: two that write a file at once must not take each other's neighbour."""
    return target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")


def _fill(file: BinaryIO, data: bytes) -> None:
    file.write(data)
    file.flush()
    os.fsync(file.fileno())  # else a crash could leave the new name with nothing behind it


def _same_mode(target: Path, descriptor: int) -> None:
    with suppress(OSError, AttributeError):  # no file yet, or a system without it
        os.fchmod(descriptor, stat.S_IMODE(target.stat().st_mode))


def _sync_folder(folder: Path) -> None:
    """Have the disk keep the new name, too; where a folder cannot be opened, as on Windows, that is the system's."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sweep(folder: Path) -> None:
    """Remove what writers left in `folder` who are no more: their neighbours, and their mark that a file is moved."""
    with suppress(OSError):
        for path in folder.iterdir():
            found = _LEFT.fullmatch(path.name)
            dead = found and int(found["pid"]) != os.getpid() and not _alive(int(found["pid"]))
            if dead or (path.suffix == ".moving" and time.time() - path.stat().st_mtime > _MOVING_SECONDS):
                with suppress(OSError):
                    path.unlink()


def _alive(pid: int) -> bool:
    import psutil

    return bool(psutil.pid_exists(pid))
