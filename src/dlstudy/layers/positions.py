"""Positions: attention does not see the order of its inputs, so what stands where must be added to them.

Paper: Vaswani et al., "Attention Is All You Need", 2017 (arXiv 1706.03762), section 3.5.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


def sinusoidal_positions(length: int, dim: int) -> Float[Tensor, "{length} {dim}"]:
    """Return a vector for each position from 0 on: waves that get longer from one pair of columns to the next.

    Column 2i is sin(position / 10000^(2i / dim)), column 2i + 1 the cosine of the same (section 3.5). Computed in
    float64, returned in torch's default type. ValueError for an odd `dim`.
    """
    if dim % 2:
        raise ValueError(f"expected an even dim, for sines and cosines come in pairs; got {dim}")
    position = torch.arange(length, dtype=torch.float64).view(-1, 1)  # (T, 1)
    frequency = torch.exp(torch.arange(0, dim, 2, dtype=torch.float64) * (-math.log(10000.0) / dim))  # (D / 2,)
    angle = position * frequency  # (T, D / 2)
    return torch.stack([angle.sin(), angle.cos()], dim=-1).view(length, dim).to(torch.get_default_dtype())


class SinusoidalPositions(nn.Module):
    """Add to each vector the sinusoidal vector of its position: nothing to learn, and so no last position.

    The table grows when a longer sequence comes. Input and output (B, T, D). `positions`, integers (T,) or (B, T), say
    where the vectors stand; without it they stand at 0, 1, 2, ...
    """

    def __init__(self, dim: int, length: int = 256) -> None:
        super().__init__()
        self.dim = dim
        self.register_buffer("table", sinusoidal_positions(length, dim), persistent=False)
        self.table: Tensor

    def forward(self, x: Tensor, positions: Tensor | None = None) -> Tensor:
        length = x.shape[1] if positions is None else int(positions.max()) + 1
        if length > self.table.shape[0]:
            grown = sinusoidal_positions(max(length, 2 * self.table.shape[0]), self.dim)
            self.table = grown.to(self.table)
        return x + (self.table[:length] if positions is None else self.table[positions])


class LearnedPositions(nn.Module):
    """Add to each vector a learned vector of its position, up to a fixed number of positions.

    Input and output (B, T, D). `positions`, integers (T,) or (B, T), say where the vectors stand; without it they stand
    at 0, 1, 2, ... ValueError where there are more vectors than positions.
    """

    def __init__(self, length: int, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(length, dim))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """A normal distribution with standard deviation 0.02, as GPT and BERT begin."""
        nn.init.normal_(self.weight, std=0.02)

    def forward(self, x: Tensor, positions: Tensor | None = None) -> Tensor:
        if x.shape[1] > self.weight.shape[0]:
            raise ValueError(f"there are {self.weight.shape[0]} positions; got a sequence of {x.shape[1]}")
        return x + (self.weight[: x.shape[1]] if positions is None else F.embedding(positions, self.weight))
