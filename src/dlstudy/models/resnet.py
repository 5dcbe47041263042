"""ResNet: networks whose blocks learn what to add to their input.

Paper: He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", 2015 (arXiv 1512.03385). A block computes

    y = relu(F(x) + x)                                                          (equation 1, with the ReLU of figure 2)

and where F changes the shape, y = relu(F(x) + W_s x) with a 1x1 convolution W_s (equation 2, "option B").

One thing differs from the paper, as it does in torchvision and in most weights that go round ("version 1.5"): in a
bottleneck the 3x3 convolution carries the stride and not the first 1x1. The 1x1 with stride 2 of the paper would look
at one position in four. It costs a few more operations: `ResNet(..., stride_first=True)` gives the paper's.
"""

from collections.abc import Sequence

from torch import Tensor, nn


def conv3x3(in_channels: int, out_channels: int, stride: int = 1) -> nn.Conv2d:
    """A 3x3 convolution that keeps the size (or halves it, with stride 2); no bias, because BatchNorm follows."""
    return nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)


def conv1x1(in_channels: int, out_channels: int, stride: int = 1) -> nn.Conv2d:
    """A 1x1 convolution: one linear layer on the channels, the same at every position."""
    return nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False)


def projection(in_channels: int, out_channels: int, stride: int) -> nn.Sequential | None:
    """What the shortcut needs where the shape changes (W_s of equation 2); None where x can be added as it is."""
    if stride == 1 and in_channels == out_channels:
        return None
    return nn.Sequential(conv1x1(in_channels, out_channels, stride), nn.BatchNorm2d(out_channels))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut: the block of ResNet-18 and 34 (figure 5, left).

    Input (B, in_channels, H, W), output (B, channels, H / stride, W / stride).
    """

    expansion = 1  # output channels / channels

    def __init__(self, in_channels: int, channels: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = conv3x3(in_channels, channels, stride)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = conv3x3(channels, channels)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample = projection(in_channels, channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        shortcut = x if self.downsample is None else self.downsample(x)
        return self.relu(out + shortcut)


class BottleneckBlock(nn.Module):
    """1x1 to fewer channels, 3x3, 1x1 to four times as many, and a shortcut: ResNet-50 and deeper (figure 5, right).

    Input (B, in_channels, H, W), output (B, 4 channels, H / stride, W / stride). `stride_first` puts the stride on the
    first 1x1, as the paper does; the default puts it on the 3x3.
    """

    expansion = 4

    def __init__(self, in_channels: int, channels: int, stride: int = 1, *, stride_first: bool = False) -> None:
        super().__init__()
        first, middle = (stride, 1) if stride_first else (1, stride)
        self.conv1 = conv1x1(in_channels, channels, first)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = conv3x3(channels, channels, middle)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = conv1x1(channels, channels * self.expansion)
        self.bn3 = nn.BatchNorm2d(channels * self.expansion)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = projection(in_channels, channels * self.expansion, stride)

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        shortcut = x if self.downsample is None else self.downsample(x)
        return self.relu(out + shortcut)


Block = type[BasicBlock] | type[BottleneckBlock]


class ResNet(nn.Module):
    """The whole network of table 1: a stem, four stages of blocks, the mean over all positions, one linear layer.

    Args:
        block: `BasicBlock` or `BottleneckBlock`.
        depths: number of blocks in each stage, such as (2, 2, 2, 2). Each stage but the first halves height and width.
        num_classes: length of the output.
        channels: channels of the first stage; each later stage has twice as many as the one before.
        in_channels: channels of the images.
        small_images: a stem for images of about 32x32 (one 3x3 convolution, no pooling, as in section 4.2 of the paper)
            in place of the 7x7 with stride 2 and the pooling that bring 224x224 to 56x56.
        zero_init_residual: start the last BatchNorm of every block at 0, so that every block begins as the identity.
        stride_first: the paper's place for the stride of a bottleneck; not for basic blocks, which have one place only.

    Input (B, in_channels, H, W) with H and W at least 32 (1 with `small_images`), output (B, num_classes), not yet
    softmax. Raises ValueError for depths that are empty or not positive.
    Proven equal to `torchvision.models.ResNet`, from resnet18 to resnet152: the names in the state dict, outputs,
    gradients, running statistics, initial weights.
    """

    def __init__(
        self,
        block: Block,
        depths: Sequence[int],
        num_classes: int = 1000,
        *,
        channels: int = 64,
        in_channels: int = 3,
        small_images: bool = False,
        zero_init_residual: bool = False,
        stride_first: bool = False,
    ) -> None:
        super().__init__()
        if not depths or min(depths) < 1:
            raise ValueError(f"expected at least one block in each stage; got depths {tuple(depths)}")
        if small_images:
            self.conv1 = conv3x3(in_channels, channels)
            self.maxpool: nn.Module = nn.Identity()
        else:
            self.conv1 = nn.Conv2d(in_channels, channels, 7, stride=2, padding=3, bias=False)
            self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        options = {"stride_first": True} if stride_first else {}
        width = channels
        for stage, depth in enumerate(depths):
            blocks = []
            for place in range(depth):
                stride = 2 if stage > 0 and place == 0 else 1
                blocks.append(block(width, channels * 2**stage, stride, **options))
                width = channels * 2**stage * block.expansion
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
        self.num_stages = len(depths)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(width, num_classes)
        self.reset_parameters(zero_init_residual)

    def reset_parameters(self, zero_init_residual: bool = False) -> None:
        """He initialisation by fan-out for the convolutions (arXiv 1502.01852, equation 14), 1 and 0 for BatchNorm."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, nn.BatchNorm2d):
                nn.init.ones_(module.weight)
                nn.init.zeros_(module.bias)
        if zero_init_residual:
            for module in self.modules():
                if isinstance(module, BasicBlock):
                    nn.init.zeros_(module.bn2.weight)
                elif isinstance(module, BottleneckBlock):
                    nn.init.zeros_(module.bn3.weight)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))  # (B, C, H/4, W/4)
        for stage in range(1, self.num_stages + 1):
            x = self.get_submodule(f"layer{stage}")(x)  # the last: (B, 8 C expansion, H/32, W/32)
        x = self.avgpool(x).flatten(1)  # (B, 8 C expansion)
        return self.fc(x)


def resnet18(num_classes: int = 1000) -> ResNet:
    """ResNet with 18 layers that have weights (table 1)."""
    return ResNet(BasicBlock, (2, 2, 2, 2), num_classes)


def resnet34(num_classes: int = 1000) -> ResNet:
    """ResNet with 34 layers that have weights (table 1)."""
    return ResNet(BasicBlock, (3, 4, 6, 3), num_classes)


def resnet50(num_classes: int = 1000) -> ResNet:
    """ResNet with 50 layers that have weights (table 1)."""
    return ResNet(BottleneckBlock, (3, 4, 6, 3), num_classes)


def resnet101(num_classes: int = 1000) -> ResNet:
    """ResNet with 101 layers that have weights (table 1)."""
    return ResNet(BottleneckBlock, (3, 4, 23, 3), num_classes)


def resnet152(num_classes: int = 1000) -> ResNet:
    """ResNet with 152 layers that have weights (table 1)."""
    return ResNet(BottleneckBlock, (3, 8, 36, 3), num_classes)
