"""How a checkpoint's files come to where they lie: found, or downloaded when asked for, and checked each time."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dlstudy.weights.caches import Cache, cache_of, is_full
from dlstudy.weights.catalogue import Checkpoint, File

if TYPE_CHECKING:
    from dlstudy.data.download import RemoteFile


def find(checkpoint: Checkpoint) -> Path | None:
    """Return where the weights are on this machine; None where they are not."""
    return cache_of(checkpoint).find(checkpoint.files[0])


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

    folder: look there, and nowhere else. download: False leaves the network alone and says what is missing.
    mend: replace a damaged file. Raises `dlstudy.data.download.DownloadError`.
    """
    from dlstudy.data.download import Unreachable, to_standard_error

    cache, say = cache_of(checkpoint, folder), say or to_standard_error
    transfer = _Transfer(checkpoint, cache, download, mend, say, progress)
    weights, *others = checkpoint.files
    was_here = cache.find(weights) is not None
    path = transfer.run(weights, title)
    if not was_here and folder is None:
        for file in others:  # for other libraries, which read more than the weights
            try:
                transfer.run(file, f"{title}, {file.name}")
            except Unreachable as error:
                say(f"{error}. The weights are here; only other libraries need this file.")
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
    return _Transfer(checkpoint, cache_of(checkpoint), download, say=say).run(file, title)


@dataclass(frozen=True)
class _Transfer:
    """The way of a checkpoint's files from their source to their cache, as one caller wants it."""

    checkpoint: Checkpoint
    cache: Cache
    download: bool = True
    mend: bool = False
    say: Callable[[str], None] | None = None
    progress: Callable[[int, int | None], None] | None = None

    def run(self, file: File, title: str) -> Path:
        """Return the path of a file, checked; downloaded where it is not here."""
        from dlstudy.data.download import fetch

        remote, offline = file.remote(title), "" if self.download else "downloading was not asked for"
        if self.checkpoint.source == "huggingface":
            remote, reason = _at_huggingface(remote)
            offline = offline or reason
        fetching = partial(fetch, offline=offline, say=self.say, progress=self.progress)
        here = self.cache.find(file)
        if here is None:
            return self.cache.put(remote, partial(fetching, remote))
        self._check(remote, here.resolve(), fetching)
        return here

    def _check(self, remote: "RemoteFile", path: Path, fetching: Callable[..., Path]) -> None:
        """Check a file that is here, and mend it where that is asked for."""
        from dlstudy.data.download import Damaged

        if remote.sha256 is None and is_full(path.name):
            remote = replace(remote, sha256=path.name)  # the cache names files by their SHA-256
        try:
            fetching(remote, path, mend=self.mend)
        except Damaged as error:
            if self.mend:
                raise
            sentence = str(error).replace("Delete it and fetch it again.", "")
            raise Damaged(f"{sentence}Fetch it again: dlstudy models {self.checkpoint.model} --download") from error


def _at_huggingface(file: "RemoteFile") -> tuple["RemoteFile", str]:
    """Return a file with its address at Hugging Face or its mirror, and a reason not to ask there, if there is one."""
    from dlstudy.data import download

    offline = download.offline_reason("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/")
    if not endpoint:
        return file, offline
    if not endpoint.startswith("https:") and not download.DEFAULT.loopback:
        offline = offline or f"HF_ENDPOINT is {endpoint}, which is no https address"
    return replace(file, urls=tuple(url.replace("https://huggingface.co", endpoint) for url in file.urls)), offline
