"""Names of the official checkpoints and ours, and back, for every model that has one.

Most have the same ones. Where they differ, the checkpoint names the module of `dlstudy.models` that translates them.
"""

import importlib

from dlstudy.models.renaming import State
from dlstudy.weights import catalogue


def to_ours(model: str, state: State) -> State:
    """Return an official state dict of the model called `model` under our names."""
    return _translated(model, state, "to_ours")


def to_official(model: str, state: State) -> State:
    """Return our state dict of the model called `model` under the names of its official checkpoint."""
    return _translated(model, state, "to_official")


def _translated(model: str, state: State, direction: str) -> State:
    names = catalogue.find(model).names
    if not names:
        return dict(state)
    translated: State = getattr(importlib.import_module(f"dlstudy.models.{names}"), direction)(state)
    return translated
