from torch import nn


class SqueezeExcitation(nn.Module):
    def __init__(self, channels, squeeze_channels):
        super().__init__()
        self.weigh = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(channels, squeeze_channels),
            nn.SiLU(),
            nn.Linear(squeeze_channels, channels),
            nn.Sigmoid(),
        )

    def forward(self, x):
        return x * self.weigh(x).unflatten(1, (-1, 1, 1))
