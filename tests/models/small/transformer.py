from __future__ import annotations

from torch import nn

from dlstudy.models.transformer import Transformer
from tests.models.inputs import Small, source_and_target


def small(norm_first: bool) -> nn.Module:
    return Transformer(23, 19, embed_dim=16, num_layers=2, num_heads=4, hidden_dim=24, norm_first=norm_first)


SMALL = {
    "transformer": Small(lambda: small(False), source_and_target, (12, 1, 7)),
    "transformer_norm_first": Small(lambda: small(True), source_and_target, (12, 1, 7)),
}
