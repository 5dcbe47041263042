"""Every model by name. Importing this imports no torch, so that a list of models is there at once.

A new model is one `Entry` more, and for a new file one small relative in `tests/models/small.py`. With that come the
tests of `tests/models/test_every_model.py`: no NaN, every parameter gets a gradient, saved and loaded it is the same, a
batch of one, odd sizes, examples that do not influence each other, export with a dynamic batch, half precision.
"""

import difflib
import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Entry:
    """A model that can be built by its name."""

    name: str
    builder: str
    """Where its builder is: "module:function" in `dlstudy.models`."""
    title: str
    paper: str
    """arXiv number of the paper; empty where it is not on arXiv, as with GPT-2."""
    lesson: int
    """The lesson that teaches it."""
    parameters: int
    """Of the model as its builder makes it without options; the tests count them."""
    image_size: int | None = None
    """Side in pixels of the images that the official weights were trained on; None where the input is no image."""
    vocab_size: int | None = None
    """Number of different tokens; None where the input is no text."""
    context_length: int | None = None
    """The longest text that it takes; None where the input is no text, or where no text is too long."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """What the builder is called with for this name."""

    @property
    def family(self) -> str:
        """The file of `dlstudy.models` that holds it."""
        return self.builder.partition(":")[0]


def _resnet(depth: int, parameters: int) -> Entry:
    return Entry(f"resnet{depth}", f"resnet:resnet{depth}", f"ResNet-{depth}", "1512.03385", 6, parameters, 224)


def _vgg(depth: int, parameters: int, parameters_bn: int) -> tuple[Entry, Entry]:
    made = f"vgg{depth}", f"vgg:vgg{depth}", f"VGG-{depth}", "1409.1556", 6
    with_bn = f"vgg{depth}_bn", f"vgg:vgg{depth}", f"VGG-{depth} with BatchNorm", "1409.1556", 6
    return Entry(*made, parameters, 224), Entry(*with_bn, parameters_bn, 224, options={"batch_norm": True})


def _efficientnet(variant: str, parameters: int, size: int) -> Entry:
    name, title = f"efficientnet_{variant}", f"EfficientNet-{variant.upper()}"
    options = {"variant": variant}
    return Entry(name, "efficientnet:efficientnet", title, "1905.11946", 6, parameters, size, options=options)


def _gpt2(size: str, parameters: int) -> Entry:
    title = f"GPT-2 {size}".strip()
    made = f"gpt2-{size}".strip("-"), f"gpt:gpt2_{size}".strip("_"), title, "", 10, parameters
    return Entry(*made, vocab_size=50257, context_length=1024)


def _bert(size: str, parameters: int) -> Entry:
    made = f"bert-{size}", f"bert:bert_{size}", f"BERT-{size}", "1810.04805", 10, parameters
    return Entry(*made, vocab_size=30522, context_length=512)


def _transformer(size: str, parameters: int) -> Entry:
    made = (
        f"transformer-{size}",
        f"transformer:transformer_{size}",
        f"Transformer ({size})",
        "1706.03762",
        10,
        parameters,
    )
    return Entry(*made, vocab_size=37000)


ENTRIES = (
    *_vgg(11, 132863336, 132868840),
    *_vgg(13, 133047848, 133053736),
    *_vgg(16, 138357544, 138365992),
    *_vgg(19, 143667240, 143678248),
    _resnet(18, 11689512),
    _resnet(34, 21797672),
    _resnet(50, 25557032),
    _resnet(101, 44549160),
    _resnet(152, 60192808),
    _efficientnet("b0", 5288548, 224),
    _efficientnet("b1", 7794184, 240),
    _efficientnet("b2", 9109994, 260),
    _efficientnet("b3", 12233232, 300),
    _efficientnet("b4", 19341616, 380),
    _efficientnet("b5", 30389784, 456),
    _efficientnet("b6", 43040704, 528),
    _efficientnet("b7", 66347960, 600),
    Entry("efficientnet_lite0", "efficientnet:efficientnet_lite0", "EfficientNet-Lite0", "1905.11946", 7, 4652008, 224),
    Entry("rnnsearch", "seq2seq:rnnsearch", "RNNsearch", "1409.0473", 9, 80451000, vocab_size=30000),
    _transformer("base", 63082496),
    _transformer("big", 214245376),
    _gpt2("", 124439808),
    _gpt2("medium", 354823168),
    _gpt2("large", 774030080),
    _gpt2("xl", 1557611200),
    _bert("base", 109482240),
    _bert("large", 335141888),
)

REGISTRY: dict[str, Entry] = {entry.name: entry for entry in ENTRIES}
"""Every entry by its name."""


def find(name: str) -> Entry:
    """Return the entry called `name`; ValueError names the nearest ones for any other."""
    if name not in REGISTRY:
        near = difflib.get_close_matches(name, REGISTRY, n=3, cutoff=0.5)
        known = f"nearest are {', '.join(near)}" if near else f"there are {', '.join(REGISTRY)}"
        raise ValueError(f"there is no model {name!r}; {known}")
    return REGISTRY[name]


def build(name: str, **options: Any) -> "nn.Module":
    """Build the model called `name` with random weights; `options`, such as num_classes=10, go to its builder.

    Raises ValueError for an unknown name, and TypeError for an option that the builder does not take.
    """
    entry = find(name)
    module, _, function = entry.builder.partition(":")
    return getattr(importlib.import_module(f"dlstudy.models.{module}"), function)(**{**entry.options, **options})
