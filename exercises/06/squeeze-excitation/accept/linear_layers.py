import torch
from torch import nn


class SqueezeExcitation(nn.Module):
    def __init__(self, channels, squeeze_channels):
        super().__init__()
        self.squeeze = nn.Linear(channels, squeeze_channels)
        self.excite = nn.Linear(squeeze_channels, channels)

    def forward(self, x):
        z = x.mean((2, 3))
        s = torch.sigmoid(self.excite(nn.functional.silu(self.squeeze(z))))
        return s[:, :, None, None] * x
