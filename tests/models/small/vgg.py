from __future__ import annotations

from torch import nn

from dlstudy.models.vgg import VGG
from tests.models.inputs import Small, image


def small(batch_norm: bool) -> nn.Module:
    return VGG((8, "pool", 8, 16, "pool"), 5, batch_norm=batch_norm, hidden_dim=12, grid=2)


SMALL = {
    "vgg": Small(lambda: small(False), image, (8, 13, 33)),
    "vgg_bn": Small(lambda: small(True), image, (8, 13, 33)),
}
