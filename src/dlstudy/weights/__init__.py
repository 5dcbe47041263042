"""Official checkpoints: `from_pretrained("resnet50")` finds, downloads, checks and loads them.

Importing this module imports no torch; the list of what there is (`catalogue`) needs none.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dlstudy.weights.load import class_names, from_pretrained, gpt2_tokenizer, preprocess

__all__ = ["class_names", "from_pretrained", "gpt2_tokenizer", "preprocess"]


def __getattr__(name: str) -> Any:
    """Import torch and what loads weights when it is asked for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("dlstudy.weights.load"), name)
