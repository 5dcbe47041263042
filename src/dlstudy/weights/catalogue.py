"""The official checkpoints: where each lies, how to know it, what it was trained on and what its source says it can do.

They stand in the files that register the models (`dlstudy/models/resnet.toml`; see `dlstudy.models.families`), so that
`dlstudy models` lists them without torch. The tests hold them against `torchvision.models.get_model_weights` and
against what the models cost by our own count.

On checksums: a file of torchvision has the first eight digits of its SHA-256 in its name. Where more than one
independent public catalogue holds the same full SHA-256 that begins with them, it stands there; else the eight digits
do. For files of Hugging Face the same holds; where nothing was found, `sha256` is None, and whoever fetches the file is
told that it is not checked: the site sends the SHA-256 of large files along, which finds a broken transfer and nothing
else. A size that no source states to the byte is rounded; what is more than a tenth off is refused.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from dlstudy.models import families, registry

if TYPE_CHECKING:
    from dlstudy.data.download import RemoteFile

Source = Literal["torchvision", "huggingface", "package"]
_NEEDED = {"torchvision": (), "huggingface": ("repo", "revision"), "package": ("repo",)}
"""The fields without which a source's files cannot be found."""


class NoWeights(LookupError):
    """There are no official weights under that name; the sentence says for which there are."""


@dataclass(frozen=True)
class File:
    """One file of a checkpoint."""

    name: str = ""
    """Where it is not written, the end of the address."""
    url: str = ""
    """Where it is not written, the address of `name` at Hugging Face, in the checkpoint's revision."""
    size: int | None = None
    """Bytes; None where no source states them."""
    sha256: str | None = None
    """Its SHA-256, or its first eight digits; None where none is published."""
    exact: bool = True
    """Whether `size` is to the byte."""

    def remote(self, title: str) -> "RemoteFile":
        """Return it as what the downloader takes."""
        from dlstudy.data.download import RemoteFile

        return RemoteFile(self.name, (self.url,) if self.url else (), title, self.size, self.sha256, self.exact)


@dataclass(frozen=True)
class Images:
    """What a picture goes through before such a network sees it, as its source prescribes."""

    resize: int
    """Pixels of the shorter side after resizing."""
    crop: int
    """Side of the square that is cut out of the middle."""
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    """Subtracted from red, green and blue, which run from 0 to 1."""
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    """What they are divided by then."""
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"


@dataclass(frozen=True)
class Checkpoint:
    """The official weights of one model."""

    model: str
    """Its name in `dlstudy.models.registry`; in the file it stands below its model and need not say it."""
    source: Source
    files: tuple[File, ...]
    """The weights first, then what else belongs to them."""
    licence: str
    trained_on: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    """What `metrics_source` says that it reaches."""
    metrics_source: str = ""
    images: Images | None = None
    multiply_adds: int | None = None
    """For one image of `images.crop` pixels; None for texts, where it depends on their length."""
    repo: str = ""
    """For Hugging Face: "owner/name"; for a package: its name."""
    revision: str = ""
    """For Hugging Face: the commit that the files are of."""
    names: str = ""
    """The module of `dlstudy.models` that translates the names of its weights; empty where they are ours."""
    tokenizer: tuple[File, ...] = ()
    """What texts are cut into tokens with, as it was done for the training."""

    @property
    def size(self) -> int | None:
        """Bytes of the weights."""
        return self.files[0].size

    @property
    def checked(self) -> str:
        """Return what it means that the weights are here: how far they are known to be those of their source."""
        digits = self.files[0].sha256
        if digits is None:
            return "not checked: no checksum is published for it"
        if len(digits) < 64:
            return f"as published (the first {len(digits)} digits of its SHA-256, all that is published)"
        return "as published (SHA-256)"

    @property
    def origin(self) -> str:
        """Where it comes from, for a reader."""
        return {
            "torchvision": "download.pytorch.org",
            "huggingface": f"huggingface.co/{self.repo}",
            "package": "installed with the course",
        }[self.source]


def load(folder: Path = families.FOLDER) -> dict[str, Checkpoint]:
    """Return every checkpoint that a file in `folder` registers, by the name of its model and in the models' order.

    Raises `families.Misregistered` for a file that is not as it should be.
    """
    made = {model.entry["name"]: _checkpoint(model) for model in families.read(folder) if model.checkpoint is not None}
    return {entry.name: made[entry.name] for entry in registry.load(folder) if entry.name in made}


def _checkpoint(model: families.Model) -> Checkpoint:
    name = model.entry["name"]
    checkpoint = families.checked({"model": name, **(model.checkpoint or {})}, Checkpoint, f"{model.where}.checkpoint")
    if checkpoint.model != name:
        raise families.Misregistered(f"{model.where}: its weights say that they are of {checkpoint.model!r}")
    if not checkpoint.files:
        raise families.Misregistered(f"{model.where}: its weights have no file")
    for needed in _NEEDED[checkpoint.source]:
        if not getattr(checkpoint, needed):
            raise families.Misregistered(f"{model.where}.checkpoint: the field `{needed}` is missing")
    files, tokenizer = (
        tuple(_whole(file, checkpoint, model.where) for file in files)
        for files in (checkpoint.files, checkpoint.tokenizer)
    )
    return replace(checkpoint, files=files, tokenizer=tokenizer)


def _whole(file: File, checkpoint: Checkpoint, where: str) -> File:
    """Return a file with what follows from the rest: its name from the address, its address from the repository."""
    name, url = file.name or file.url.rpartition("/")[2], file.url
    if not name:
        raise families.Misregistered(f"{where}: a file of its weights has neither a name nor an address")
    if not url and checkpoint.source == "huggingface":
        url = f"https://huggingface.co/{checkpoint.repo}/resolve/{checkpoint.revision}/{name}"
    return replace(file, name=name, url=url)


CHECKPOINTS: dict[str, Checkpoint] = load()
"""Every checkpoint by the name of its model."""


def find(name: str) -> Checkpoint:
    """Return the official weights of the model called `name`; Hugging Face's own names are understood too.

    Raises ValueError with the nearest names for a model that does not exist, and `NoWeights` for one without weights.
    """
    for checkpoint in CHECKPOINTS.values():
        if name and name in (checkpoint.model, checkpoint.repo, checkpoint.repo.rpartition("/")[2]):
            return checkpoint
    entry = registry.find(name)
    near = difflib.get_close_matches(name, CHECKPOINTS, n=3, cutoff=0.5)
    hint = f"nearest with weights: {', '.join(near)}" if near else "`dlstudy models` lists the models with weights"
    raise NoWeights(
        f"there are no official weights for {entry.name} ({entry.title}); {hint}. "
        f"With random weights: dlstudy.models.registry.build({entry.name!r})"
    )
