"""Fine-tuning: start from weights that somebody else trained, and decide which of them may still move.

    head = replace_head(model, num_classes)      a new last layer for the new classes
    freeze(model); unfreeze(head)                a linear probe: only the head learns
    train_mode(model)                            instead of model.train(): what is frozen stays frozen
    layerwise_groups(parts, rate)                or all of it learns, the early layers more slowly
    unfreeze_gradually(parts, epoch)             or from the head down, part by part
    add_lora(model, rank)                        or only a low-rank correction of each weight

Papers: Howard, Ruder, "Universal Language Model Fine-tuning for Text Classification", 2018 (arXiv 1801.06146) for
rates by layer and gradual unfreezing; Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", 2021 (arXiv
2106.09685).
"""

import copy
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

# ---- what may move ---------------------------------------------------------------------------------------------------


def freeze(module: nn.Module) -> None:
    """Fix a module: none of its parameters gets a gradient, and it is in eval mode.

    The second half matters as much as the first. A BatchNorm in train mode normalises by the batch at hand and moves
    its running statistics at every forward pass; no gradient has a part in that. `model.train()` would wake it up
    again: call `train_mode` in its place.
    """
    module.requires_grad_(False)
    module.eval()


def unfreeze(module: nn.Module) -> None:
    """Let all parameters of a module learn again; the next `train_mode` puts it into train mode."""
    module.requires_grad_(True)


def is_frozen(module: nn.Module) -> bool:
    """Return whether a module has parameters and none of them may move."""
    parameters = list(module.parameters())
    return bool(parameters) and not any(parameter.requires_grad for parameter in parameters)


def train_mode(model: nn.Module) -> None:
    """Put a model into train mode except its frozen parts, which are in eval mode with all that they contain.

    Frozen is a part whose parameters all have `requires_grad` off; so BatchNorm keeps its statistics there and dropout
    and stochastic depth leave nothing out. What has no parameters follows the part that it stands in.
    """
    model.train()
    for module in model.modules():
        if is_frozen(module):
            module.eval()


# ---- the head --------------------------------------------------------------------------------------------------------


def replace_head(model: nn.Module, num_classes: int) -> nn.Linear:
    """Replace the last linear layer of a model by a new one with `num_classes` outputs, and return that.

    The new layer has the old one's inputs, dtype and device; its weights are 0, so that at first every class is equally
    likely whatever comes in, and the first step goes by the features alone. It learns even where the model is frozen.
    Raises ValueError for a model without a linear layer or fewer than one class.
    """
    if num_classes < 1:
        raise ValueError(f"expected at least one class, got {num_classes}")
    found = [(name, module) for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    if not found or not found[-1][0]:
        raise ValueError(f"expected a model that contains a linear layer, got {type(model).__name__}")
    name, old = found[-1]
    weight = old.weight
    new = nn.Linear(old.in_features, num_classes, old.bias is not None, weight.device, weight.dtype)
    nn.init.zeros_(new.weight)
    if new.bias is not None:
        nn.init.zeros_(new.bias)
    model.set_submodule(name, new)
    return new


# ---- rates and schedules ---------------------------------------------------------------------------------------------


def layerwise_groups(
    parts: Sequence[nn.Module], rate: float, decay: float = 0.5, weight_decay: float = 0.0
) -> list[dict[str, Any]]:
    """Return parameter groups for an optimizer: the last part gets `rate`, each part before it `decay` times the next.

    `parts` lists a model from input to output. Biases and the weights of normalisation layers (vectors) get no weight
    decay: a part with both kinds gives two groups. What is frozen is left out; a parameter that two parts share belongs
    to the later one. Source: discriminative fine-tuning, arXiv 1801.06146, section 3.2 (decay there 1 / 2.6). Proven
    equal to timm's `param_groups_layer_decay`. Raises ValueError for rates or decays that are not positive.
    """
    if rate <= 0 or decay <= 0:
        raise ValueError(f"expected a rate and a decay above 0, got {rate} and {decay}")
    groups: list[dict[str, Any]] = []
    seen: set[int] = set()
    for distance, part in enumerate(reversed(parts)):
        own = [p for p in part.parameters() if p.requires_grad and id(p) not in seen]
        seen.update(id(p) for p in own)
        for params, decays in (([p for p in own if p.ndim > 1], weight_decay), ([p for p in own if p.ndim <= 1], 0.0)):
            if params:
                groups.insert(0, {"params": params, "lr": rate * decay**distance, "weight_decay": decays})
    return groups


def unfreeze_gradually(parts: Sequence[nn.Module], epoch: int, every: int = 1) -> int:
    """Freeze all parts but the last 1 + epoch // every of them; return how many learn.

    `parts` lists a model from input to output, `epoch` counts from 0. Give the optimizer all parameters at the start:
    those without a gradient are left alone. Source: arXiv 1801.06146, section 3.3.
    """
    learning = min(len(parts), 1 + epoch // every)
    for part in parts[: len(parts) - learning]:
        freeze(part)
    for part in parts[len(parts) - learning :]:
        unfreeze(part)
    return learning


# ---- LoRA ------------------------------------------------------------------------------------------------------------


_GEOMETRY = ("kernel_size", "stride", "padding", "dilation", "padding_mode")


class LoRA(nn.Module):
    """A frozen layer plus a correction of low rank that learns: W + (alpha / rank) B A (arXiv 2106.09685, section 4.1).

    Args:
        base: nn.Linear, or nn.Conv2d (subclasses with the same arguments, too). It is frozen and stays as it is.
        rank: r, the number of rows of A and columns of B.
        alpha: the correction is scaled by alpha / rank; by default alpha is the rank, so that the scale is 1.

    A begins as normal numbers of variance 1 / inputs and B as zeros, so the layer begins as `base` does, exactly.

    A convolution's weight (out, in / groups, K, L) is read as one matrix for each group, of out / groups rows and
    in / groups * K * L columns, and each group has an A and a B of its own: `down` is a convolution like `base` to
    groups * rank channels, `up` a 1x1 convolution with as many groups. In a depthwise layer these matrices have a
    single row, so that even rank 1 costs more numbers than the row: ValueError, as for any rank that saves nothing.

    Proven equal to `torch.nn.functional.linear` and `conv2d` with the merged weight: values and gradients.
    """

    def __init__(self, base: nn.Linear | nn.Conv2d, rank: int, alpha: float | None = None) -> None:
        super().__init__()
        rows, columns, groups = _matrix(base)
        if not saves(base, rank):
            raise ValueError(
                f"expected a rank between 1 and {_largest_rank(base)} for {groups} matrices of {rows} x {columns}, "
                f"where a correction has fewer numbers than the weight; got {rank}"
            )
        where: dict[str, Any] = {"device": base.weight.device, "dtype": base.weight.dtype}
        self.base = base
        self.rank, self.scale = rank, (rank if alpha is None else alpha) / rank
        self.down: nn.Linear | nn.Conv2d
        self.up: nn.Linear | nn.Conv2d
        if isinstance(base, nn.Linear):
            self.down = nn.Linear(base.in_features, rank, bias=False, **where)
            self.up = nn.Linear(rank, base.out_features, bias=False, **where)
        else:
            where |= {"groups": groups, "bias": False}
            same: dict[str, Any] = {name: getattr(base, name) for name in _GEOMETRY}
            self.down = type(base)(base.in_channels, groups * rank, **same, **where)
            self.up = nn.Conv2d(groups * rank, base.out_channels, 1, **where)
        nn.init.normal_(self.down.weight, std=1 / math.sqrt(columns))
        nn.init.zeros_(self.up.weight)
        freeze(base)

    def forward(self, x: Tensor) -> Tensor:
        """Return W x + (alpha / rank) B A x, without working out the matrix B A."""
        return self.base(x) + self.scale * self.up(self.down(x))

    def correction(self) -> Tensor:
        """Return (alpha / rank) B A in the shape of the base's weight."""
        rows, columns, groups = _matrix(self.base)
        A = self.down.weight.reshape(groups, self.rank, columns)
        B = self.up.weight.reshape(groups, rows, self.rank)
        return self.scale * (B @ A).reshape(self.base.weight.shape)

    def merged(self) -> nn.Linear | nn.Conv2d:
        """Return one layer like `base` that computes the same: W + (alpha / rank) B A is worked out once and kept."""
        layer = copy.deepcopy(self.base)
        with torch.no_grad():
            layer.weight += self.correction()
        return layer

    def extra_repr(self) -> str:
        """Return the rank and the scale, for `print`."""
        return f"rank={self.rank}, scale={self.scale:g}"


def _matrix(layer: nn.Module) -> tuple[int, int, int]:
    """Return rows, columns and number of the matrices that a layer's weight consists of."""
    if isinstance(layer, nn.Linear):
        return layer.out_features, layer.in_features, 1
    if isinstance(layer, nn.Conv2d):
        columns = layer.in_channels // layer.groups * math.prod(layer.kernel_size)
        return layer.out_channels // layer.groups, columns, layer.groups
    raise TypeError(f"expected nn.Linear or nn.Conv2d, got {type(layer).__name__}")


def _largest_rank(layer: nn.Module) -> int:
    rows, columns, _ = _matrix(layer)
    return (rows * columns - 1) // (rows + columns)


def saves(layer: nn.Module, rank: int) -> bool:
    """Return whether a correction of this rank has fewer numbers than the layer's weight: r (rows + columns) < both."""
    return 1 <= rank <= _largest_rank(layer)


def add_lora(
    model: nn.Module, rank: int, alpha: float | None = None, where: Callable[[str, nn.Module], bool] | None = None
) -> list[str]:
    """Freeze a model and give its linear and convolution layers a correction that learns; return their names.

    Left alone are layers for which `where(name, layer)` is false and those where a correction of this rank would save
    nothing, such as depthwise convolutions and small heads. BatchNorm stays frozen, statistics included, as long as
    `train_mode` is used. Raises ValueError when no layer is left.
    """
    chosen = [
        (name, layer)
        for name, layer in model.named_modules()
        if name
        and isinstance(layer, nn.Linear | nn.Conv2d)
        and saves(layer, rank)
        and (where is None or where(name, layer))
    ]
    if not chosen:
        raise ValueError(f"expected a layer that a correction of rank {rank} fits, found none")
    freeze(model)
    for name, layer in chosen:
        model.set_submodule(name, LoRA(layer, rank, alpha))
    return [name for name, _ in chosen]


def merge_lora(model: nn.Module) -> int:
    """Replace every LoRA layer in a model by the one layer that computes the same; return how many there were."""
    found = [(name, module) for name, module in model.named_modules() if isinstance(module, LoRA)]
    for name, module in found:
        model.set_submodule(name, module.merged())
    return len(found)


def learning(model: nn.Module) -> int:
    """Return how many numbers of a model may move."""
    return _size(parameter for parameter in model.parameters() if parameter.requires_grad)


def _size(parameters: Iterable[Tensor]) -> int:
    return sum(parameter.numel() for parameter in parameters)
