"""Dropout as layers; they do nothing in evaluation mode."""

from dlstudy.scratch.tensor import Tensor

from . import functional as F
from .module import Module


class _Dropout(Module):
    """What the layers share: p, the probability to be set to 0, and whether to work in the input's memory."""

    def __init__(self, p: float = 0.5, inplace: bool = False):
        super().__init__()
        if p < 0 or p > 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p, self.inplace = p, inplace

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """Set each element to 0 with probability p and divide the others by 1 - p: (...) becomes (...).

    Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", 2014. As `torch.nn.Dropout`,
    with the same elements dropped after the same `manual_seed`.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with elements dropped in training mode."""
        return F.dropout(input, self.p, self.training, self.inplace)


class Dropout1d(_Dropout):
    """Set whole channels to 0 with probability p: (N, C, L) or (C, L)."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with channels dropped in training mode."""
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_Dropout):
    """Set whole channels to 0 with probability p: (N, C, H, W). Tompson et al., arXiv:1411.4280."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with channels dropped in training mode."""
        return F.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(_Dropout):
    """Set whole channels to 0 with probability p: (N, C, D, H, W) or (C, D, H, W)."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with channels dropped in training mode."""
        return F.dropout3d(input, self.p, self.training, self.inplace)


class AlphaDropout(_Dropout):
    """Dropout that keeps mean 0 and variance 1, for networks with SELU. Klambauer et al., arXiv:1706.02515."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with elements dropped in training mode."""
        return F.alpha_dropout(input, self.p, self.training)


class FeatureAlphaDropout(_Dropout):
    """AlphaDropout of whole channels: (N, C, ...)."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with channels dropped in training mode."""
        return F.feature_alpha_dropout(input, self.p, self.training)
