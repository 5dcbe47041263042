"""Weights as text, so that a recorded result, which is JSON, can hold what was trained."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor, nn


def pack(numbers: Iterable[Any]) -> str:
    """Return arrays, or tensors of either library, as text (float32, base64), one after the other."""
    arrays = (a if isinstance(a, np.ndarray) else a.detach().numpy() for a in numbers)
    return base64.b64encode(b"".join(np.ascontiguousarray(a, "<f4").tobytes() for a in arrays)).decode()


def unpack(text: str, places: Iterable[Tensor]) -> None:
    """Copy what `pack` wrote into these torch tensors, in the same order.

    Raises ValueError where the text holds another number of numbers.
    """
    import torch

    places = list(places)
    flat = torch.from_numpy(np.frombuffer(base64.b64decode(text), "<f4").copy())
    sizes = [place.numel() for place in places]
    if len(flat) != sum(sizes):
        raise ValueError(f"expected {sum(sizes):,} numbers for these tensors, got {len(flat):,}")
    with torch.no_grad():
        for place, numbers in zip(places, flat.split(sizes)):
            place.copy_(numbers.reshape(place.shape))


def state(model: nn.Module) -> list[Tensor]:
    """Return all floating-point tensors of a model's state dict: its parameters and its running statistics."""
    return [value for value in model.state_dict().values() if value.is_floating_point()]
