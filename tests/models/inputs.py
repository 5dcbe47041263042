"""What a small relative of a family is, and the inputs that models take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Small:
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
