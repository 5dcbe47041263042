import torch
from torch import nn


class SqueezeExcitation(nn.Module):
    def __init__(self, channels, squeeze_channels):
        super().__init__()
        self.fc1 = nn.Conv2d(channels, squeeze_channels, 1)
        self.fc2 = nn.Conv2d(squeeze_channels, channels, 1)

    def forward(self, x):
        scale = self.fc2(nn.functional.silu(self.fc1(x))).mean(1, keepdim=True)
        return x * torch.sigmoid(scale)
