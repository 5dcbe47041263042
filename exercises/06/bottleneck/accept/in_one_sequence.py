from torch import nn

from dlstudy.models.resnet import conv1x1, conv3x3, projection


class BottleneckBlock(nn.Module):
    expansion = 4

    def __init__(self, in_channels, channels, stride=1, *, stride_first=False):
        super().__init__()
        self.conv1 = conv1x1(in_channels, channels, stride if stride_first else 1)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = conv3x3(channels, channels, 1 if stride_first else stride)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = conv1x1(channels, 4 * channels)
        self.bn3 = nn.BatchNorm2d(4 * channels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = projection(in_channels, 4 * channels, stride)

    def forward(self, x):
        way = nn.Sequential(self.conv1, self.bn1, self.relu, self.conv2, self.bn2, self.relu, self.conv3, self.bn3)
        around = self.downsample or nn.Identity()
        return (way(x) + around(x)).clamp(min=0)
