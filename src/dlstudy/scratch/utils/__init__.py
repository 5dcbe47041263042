"""Tools around training, laid out as `torch.utils`: `data` loads batches."""

from . import data

__all__ = ["data"]
