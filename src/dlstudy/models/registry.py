"""Every model by name. Importing this imports no torch, so that a list of models is there at once.

A new model is registered in the file beside its own: `resnet.toml` beside `resnet.py` (see `families`). A new file of
models also has a small relative in `tests/models/small/`. With that come the tests of `test_every_model.py` there: no
NaN, every parameter gets a gradient, saved and loaded it is the same, a batch of one, odd sizes, examples that do not
influence each other, export with a dynamic batch, half precision.
"""

import difflib
import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlstudy.models import families

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Entry:
    """A model that can be built by its name."""

    name: str
    builder: str
    """Where its builder is: "module:function" in `dlstudy.models`; its file says the function only."""
    title: str
    paper: str
    """arXiv number of the paper; empty where it is not on arXiv, as with GPT-2."""
    published: date
    """The day on which the paper came out; the models of one lesson are listed in this order."""
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
    reads_and_writes: bool = False
    """Whether it takes two texts, one to read and one to write, as a translator does."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """What the builder is called with for this name."""

    @property
    def family(self) -> str:
        """The file of `dlstudy.models` that holds it."""
        return self.builder.partition(":")[0]


def load(folder: Path = families.FOLDER) -> tuple[Entry, ...]:
    """Return every model that a file in `folder` registers: lesson by lesson, and in each as the papers came out.

    Raises `families.Misregistered` for a file that is not as it should be.
    """
    entries = (_entry(model) for model in families.read(folder))
    return tuple(sorted(entries, key=lambda entry: (entry.lesson, entry.published)))


def _entry(model: families.Model) -> Entry:
    entry = families.checked(model.entry, Entry, model.where)
    return replace(entry, builder=f"{model.family}:{entry.builder}")


ENTRIES = load()
"""Every entry."""

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
