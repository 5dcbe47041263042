from __future__ import annotations

from dlstudy.models.efficientnet import EfficientNet
from tests.models.inputs import Small, image

SMALL = {
    "efficientnet": Small(lambda: EfficientNet(0.25, 0.34, 5), image, (33, 47, 64)),
    "efficientnet_lite": Small(lambda: EfficientNet(0.25, 0.34, 5, lite=True), image, (33, 47, 64)),
}
