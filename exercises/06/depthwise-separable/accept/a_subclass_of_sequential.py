from torch import nn


class DepthwiseSeparable(nn.Sequential):
    def __init__(self, in_channels, out_channels, stride=1):
        depthwise = [nn.Conv2d(in_channels, in_channels, 3, stride, 1, groups=in_channels, bias=False)]
        pointwise = [nn.Conv2d(in_channels, out_channels, 1, bias=False)]
        layers = []
        for (conv,), channels in ((depthwise, in_channels), (pointwise, out_channels)):
            layers += [conv, nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]
        super().__init__(*layers)
