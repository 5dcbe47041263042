"""Names of the official checkpoints and ours, and back, for every model that has one.

Most have the same ones. Where they differ, the checkpoint names the module of `dlstudy.models` that translates them.
"""

import importlib

from dlstudy.models.renaming import State
from dlstudy.weights.catalogue import Checkpoint


def to_ours(checkpoint: Checkpoint, state: State) -> State:
    """Return an official state dict under our names."""
    return _translated(checkpoint, state, "to_ours")


def to_official(checkpoint: Checkpoint, state: State) -> State:
    """Return our state dict under the names of the official checkpoint."""
    return _translated(checkpoint, state, "to_official")


def _translated(checkpoint: Checkpoint, state: State, direction: str) -> State:
    if not checkpoint.names:
        return dict(state)
    translated: State = getattr(importlib.import_module(f"dlstudy.models.{checkpoint.names}"), direction)(state)
    return translated
