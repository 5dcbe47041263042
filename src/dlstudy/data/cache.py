"""Arrays that are slow to build, kept on disk and checked each time they are read."""

import hashlib
import os
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

Arrays = dict[str, np.ndarray]

_memory: dict[str, Arrays] = {}  # what could not be written to disk, so that a read-only folder costs one build


def cache_folder() -> Path:
    """Return where cached arrays lie: the learner folder's own cache if there is one, else the user's cache folder."""
    if learner := os.environ.get("DLSTUDY_LEARNER"):
        return Path(learner).expanduser() / ".dlstudy" / "cache" / "data"
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "dlstudy" / "data"


def cached(key: str, build: Callable[[], Arrays]) -> Arrays:
    """Return `build()`, from disk where it was built before under the same `key`.

    A file that is damaged, or whose content does not have the hash written in it, is built again and replaced. Where
    nothing can be written, the arrays stay in memory for this process. The caller owns what it gets.
    """
    path = cache_folder() / f"{key}.npz"
    if (arrays := _read(path)) is not None:
        return arrays
    if key not in _memory:
        arrays = build()
        if _write(path, arrays):
            return arrays
        _memory[key] = arrays
    return {name: array.copy() for name, array in _memory[key].items()}


def content_hash(arrays: Arrays) -> str:
    """Return the SHA-256 of names, dtypes, shapes and bytes of `arrays`, whatever their order."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape};".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _read(path: Path) -> Arrays | None:
    """Return the arrays in `path`, or None if it is absent, damaged or not what was written."""
    try:
        # Opened here because np.load leaves its own handle open when the archive is damaged.
        with path.open("rb") as handle, np.load(handle, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        written = str(arrays.pop("sha256"))
    except (OSError, ValueError, KeyError, EOFError, NotImplementedError, zipfile.BadZipFile):
        return None
    return arrays if written == content_hash(arrays) else None


def _write(path: Path, arrays: Arrays) -> bool:
    """Write `arrays` in one step, so that a reader sees the old file or the new one; False where it cannot."""
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.stem, suffix=".part", delete=False) as file:
            temporary = Path(file.name)
            np.savez(file, allow_pickle=False, sha256=np.array(content_hash(arrays)), **arrays)
        temporary.replace(path)
    except OSError:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        return False
    return True
