from __future__ import annotations

from dlstudy.models.resnet import BasicBlock, BottleneckBlock, ResNet
from tests.models.inputs import Small, image

SMALL = {
    "resnet_basic": Small(lambda: ResNet(BasicBlock, (1, 1, 1, 1), 5, channels=8), image, (33, 47, 64)),
    "resnet_bottleneck": Small(lambda: ResNet(BottleneckBlock, (1, 2), 5, channels=8), image, (33, 47, 64)),
    "resnet_small_images": Small(
        lambda: ResNet(BasicBlock, (1, 1), 5, channels=8, small_images=True), image, (7, 16, 29)
    ),
}
