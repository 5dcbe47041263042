"""VGG: nothing but 3x3 convolutions and pooling, stacked deep.

Paper: Simonyan, Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", 2014 (arXiv
1409.1556). Two 3x3 convolutions on top of each other see 5x5 pixels, three see 7x7,
with fewer weights than one large filter and a ReLU between them (section 2.3). The letters below are the columns of
table 1.
"""

from collections.abc import Sequence

from torch import Tensor, nn

POOL = "pool"
CONFIGURATIONS: dict[str, tuple[int | str, ...]] = {
    "A": (64, POOL, 128, POOL, 256, 256, POOL, 512, 512, POOL, 512, 512, POOL),
    "B": (64, 64, POOL, 128, 128, POOL, 256, 256, POOL, 512, 512, POOL, 512, 512, POOL),
    "D": (64, 64, POOL, 128, 128, POOL, 256, 256, 256, POOL, 512, 512, 512, POOL, 512, 512, 512, POOL),
    "E": (64, 64, POOL, 128, 128, POOL, *[256] * 4, POOL, *[512] * 4, POOL, *[512] * 4, POOL),
}
"""Table 1: the channels of each 3x3 convolution in order, and where the 2x2 pooling stands."""


def stack(configuration: Sequence[int | str], batch_norm: bool, in_channels: int = 3) -> nn.Sequential:
    """The convolutional part: for a number a 3x3 convolution to so many channels and a ReLU, for `POOL` a pooling."""
    layers: list[nn.Module] = []
    for entry in configuration:
        if entry == POOL:
            layers.append(nn.MaxPool2d(2))
            continue
        channels = int(entry)
        layers.append(nn.Conv2d(in_channels, channels, 3, padding=1))
        if batch_norm:
            layers.append(nn.BatchNorm2d(channels))
        layers.append(nn.ReLU(inplace=True))
        in_channels = channels
    return nn.Sequential(*layers)


class VGG(nn.Module):
    """Convolutions and pooling, then three large linear layers that hold most of the parameters.

    Args:
        configuration: one of `CONFIGURATIONS`, or any such list.
        num_classes: length of the output.
        batch_norm: a BatchNorm after every convolution; the paper is older than BatchNorm.
        hidden_dim: units of the two hidden linear layers.
        dropout: part of the hidden units that is left out in training.
        grid: height and width to which the last feature map is pooled before the linear layers.

    Input (B, 3, H, W), H and W at least 2 to the number of poolings (32 for the paper's), output (B, num_classes), not
    yet softmax. Proven equal to `torchvision.models.VGG`, from vgg11 to vgg19_bn: the names in the state dict, outputs,
    gradients, running statistics.
    """

    def __init__(
        self,
        configuration: Sequence[int | str],
        num_classes: int = 1000,
        *,
        batch_norm: bool = False,
        hidden_dim: int = 4096,
        dropout: float = 0.5,
        grid: int = 7,
    ) -> None:
        super().__init__()
        self.features = stack(configuration, batch_norm)
        self.avgpool = nn.AdaptiveAvgPool2d(grid)  # changes nothing for images of 224x224
        channels = [int(entry) for entry in configuration if entry != POOL][-1]
        self.classifier = nn.Sequential(
            nn.Linear(channels * grid * grid, hidden_dim),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(hidden_dim, hidden_dim),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(hidden_dim, num_classes),
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """He initialisation for convolutions, which the paper did not have yet: it started 11 layers first."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, 0, 0.01)
            if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)  # (B, 512, H/32, W/32)
        x = self.avgpool(x).flatten(1)  # (B, 512 * 7 * 7)
        return self.classifier(x)


def vgg11(num_classes: int = 1000, *, batch_norm: bool = False) -> VGG:
    """Configuration A of table 1."""
    return VGG(CONFIGURATIONS["A"], num_classes, batch_norm=batch_norm)


def vgg13(num_classes: int = 1000, *, batch_norm: bool = False) -> VGG:
    """Configuration B of table 1."""
    return VGG(CONFIGURATIONS["B"], num_classes, batch_norm=batch_norm)


def vgg16(num_classes: int = 1000, *, batch_norm: bool = False) -> VGG:
    """Configuration D of table 1."""
    return VGG(CONFIGURATIONS["D"], num_classes, batch_norm=batch_norm)


def vgg19(num_classes: int = 1000, *, batch_norm: bool = False) -> VGG:
    """Configuration E of table 1."""
    return VGG(CONFIGURATIONS["E"], num_classes, batch_norm=batch_norm)
