"""What the course keeps of a learner is the learner's alone: no other user of the machine can read it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def make_folder(folder: Path) -> None:
    """Make a folder that only its owner can look into; one that is there already is closed to the others.

    Raises OSError where it cannot be made; where the disk knows no owners, it is a folder like any other.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _close(folder)


def make_file(file: Path) -> None:
    """Make an empty file that only its owner can read; one that is there already is closed to the others."""
    try:
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        _close(file)


def close_all(folder: Path) -> None:
    """Close a folder and all that lies in it to other users, as it was made before the course saw to that."""
    _close(folder)
    for inside, folders, files in os.walk(folder):
        for name in (*folders, *files):
            _close(Path(inside, name))


def _close(path: Path) -> None:
    """Take the rights of everybody but the owner away; a link is left alone, for what it leads to is not ours."""
    if os.name != "posix":
        return
    try:
        mode = path.lstat().st_mode
        if mode & _OTHERS and not stat.S_ISLNK(mode):
            path.chmod(stat.S_IMODE(mode) & ~_OTHERS)
    except OSError:  # somebody else's, just removed, or a disk that knows no rights: a start does not fail for that
        pass
