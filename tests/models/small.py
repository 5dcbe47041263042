"""A small relative of every family of models, with the input that it takes: what the generic tests try."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dlstudy.models import bert, efficientnet, gpt, resnet, seq2seq, transformer, vgg


@dataclass(frozen=True)
class Small:
    family: str
    build: Callable[[], nn.Module]
    example: Callable[[int, int], tuple[Tensor, ...]]
    """Inputs for a batch of so many and a size."""
    sizes: tuple[int, ...]
    """Sizes that it must take; odd ones among them."""


def image(batch: int, size: int) -> tuple[Tensor, ...]:
    return (torch.randn(batch, 3, size, size + 2),)  # height and width differ


def text(batch: int, size: int) -> tuple[Tensor, ...]:
    return (torch.randint(23, (batch, size)),)


def pair_of_segments(batch: int, size: int) -> tuple[Tensor, ...]:
    """Tokens, segments, and which of the tokens are no filling."""
    places = torch.arange(size)
    real = places < torch.tensor([[size], [max(size // 2, 1)]]).repeat(batch, 1)[:batch]
    return (*text(batch, size), (places >= size // 3).long().repeat(batch, 1), real)


def source_and_target(batch: int, size: int) -> tuple[Tensor, ...]:
    source, _, real = pair_of_segments(batch, size)
    return source, torch.randint(19, (batch, size // 2 + 1)), real


def source_and_target_unpadded(batch: int, size: int) -> tuple[Tensor, ...]:
    return torch.randint(23, (batch, size)), torch.randint(19, (batch, size // 2 + 1))


def small_transformer(norm_first: bool) -> nn.Module:
    return transformer.Transformer(
        23, 19, embed_dim=16, num_layers=2, num_heads=4, hidden_dim=24, norm_first=norm_first
    )


SMALL = {
    "vgg": Small("vgg", lambda: vgg.VGG((8, "pool", 8, 16, "pool"), 5, hidden_dim=12, grid=2), image, (8, 13, 33)),
    "vgg_bn": Small(
        "vgg",
        lambda: vgg.VGG((8, "pool", 8, 16, "pool"), 5, batch_norm=True, hidden_dim=12, grid=2),
        image,
        (8, 13, 33),
    ),
    "resnet_basic": Small(
        "resnet", lambda: resnet.ResNet(resnet.BasicBlock, (1, 1, 1, 1), 5, channels=8), image, (33, 47, 64)
    ),
    "resnet_bottleneck": Small(
        "resnet", lambda: resnet.ResNet(resnet.BottleneckBlock, (1, 2), 5, channels=8), image, (33, 47, 64)
    ),
    "resnet_small_images": Small(
        "resnet",
        lambda: resnet.ResNet(resnet.BasicBlock, (1, 1), 5, channels=8, small_images=True),
        image,
        (7, 16, 29),
    ),
    "efficientnet": Small("efficientnet", lambda: efficientnet.EfficientNet(0.25, 0.34, 5), image, (33, 47, 64)),
    "efficientnet_lite": Small(
        "efficientnet", lambda: efficientnet.EfficientNet(0.25, 0.34, 5, lite=True), image, (33, 47, 64)
    ),
    "gpt": Small("gpt", lambda: gpt.GPT(23, 12, 16, 2, 4, 0.1), text, (12, 1, 7)),
    "bert": Small("bert", lambda: bert.BERT(23, 12, 16, 2, 4), pair_of_segments, (12, 1, 7)),
    "bert_masked": Small(
        "bert",
        lambda: bert.MaskedLanguageModel(bert.BERT(23, 12, 16, 2, 4, pooler=False)),
        pair_of_segments,
        (12, 1, 7),
    ),
    "transformer": Small("transformer", lambda: small_transformer(False), source_and_target, (12, 1, 7)),
    "transformer_norm_first": Small("transformer", lambda: small_transformer(True), source_and_target, (12, 1, 7)),
    "seq2seq": Small("seq2seq", lambda: seq2seq.Seq2Seq(23, 19, 6, 8), source_and_target_unpadded, (6, 1, 7)),
}
