"""A set of labelled images: arrays, split, source and licence in one object."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32, Int64, Integer, UInt8

if TYPE_CHECKING:
    from torch.utils.data import TensorDataset

PARTS = ("train", "val", "test")


@dataclasses.dataclass(frozen=True, eq=False)
class DataSet:
    """Labelled images of one size.

    images: (N, H, W) or (N, H, W, 3), uint8, from 0 to `maximum`: as the source package gives them.
    labels: (N,), int64, an index into `class_names`.
    parts:  (N,), uint8, an index into `PARTS`: which of train, val and test an image belongs to.
    """

    name: str
    title: str
    images: np.ndarray
    labels: np.ndarray
    parts: np.ndarray
    maximum: int
    class_names: tuple[str, ...]
    source: str
    licence: str
    citation: str
    part: str = "all"

    @property
    def x(self) -> Float32[np.ndarray, "N C H W"]:
        """The images as network input: (N, C, H, W), float32, from 0 to 1; a new array at each call."""
        pixels = self.images.astype(np.float32) / np.float32(self.maximum)
        return pixels[:, None] if pixels.ndim == 3 else np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))

    def arrays(self, *, flat: bool = False) -> tuple[Float32[np.ndarray, " N *sizes"], Int64[np.ndarray, " N"]]:
        """Return `(x, labels)`: float32 (N, C, H, W), or (N, C*H*W) when `flat`, and int64 (N,)."""
        x = self.x
        return (x.reshape(len(x), -1) if flat else x), self.labels.copy()

    def as_torch(self, *, flat: bool = False) -> TensorDataset:
        """Return a torch `TensorDataset` of the same values as `arrays`, which shares no memory with them."""
        import torch
        from torch.utils.data import TensorDataset

        x, labels = self.arrays(flat=flat)
        return TensorDataset(torch.from_numpy(x), torch.from_numpy(labels))

    def split(self, part: str) -> DataSet:
        """Return the "train", "val" or "test" part; the same images on every machine and in every process.

        Raises ValueError for another word, or when this set is already one part.
        """
        if part not in PARTS:
            raise ValueError(f"expected one of {', '.join(PARTS)}; got {part!r}")
        if self.part != "all":
            raise ValueError(f"expected the whole data set; got its {self.part} part, which has no parts of its own")
        return dataclasses.replace(self.take(np.flatnonzero(self.parts == PARTS.index(part))), part=part)

    def take(self, indices: np.ndarray | list[int]) -> DataSet:
        """Return the data set of these examples, in this order; copies."""
        chosen = np.asarray(indices, dtype=np.intp)
        return dataclasses.replace(
            self, images=self.images[chosen], labels=self.labels[chosen], parts=self.parts[chosen]
        )

    def __len__(self) -> int:
        """Return the number of images, N."""
        return len(self.labels)

    def __repr__(self) -> str:
        part = "" if self.part == "all" else f", {self.part} part"
        return (
            f"{self.title}{part}: {len(self):,} images {self.images.shape[1:]} {self.images.dtype} "
            f"from 0 to {self.maximum}, {len(self.class_names)} classes; {self.licence}"
        )


def stratified_parts(
    labels: Integer[np.ndarray, " N"], *, val: float, test: float, seed: int = 0
) -> UInt8[np.ndarray, " N"]:
    """Assign each example to a part so that every class is divided alike; returns (N,) uint8 indices into `PARTS`.

    `val` and `test` are fractions of each class, rounded to whole examples; the rest is train. The order comes from
    NumPy's legacy generator, whose stream is frozen: a newer NumPy gives the same split.
    """
    random = np.random.RandomState(seed)
    parts = np.zeros(len(labels), np.uint8)
    for label in np.unique(labels):
        members = random.permutation(np.flatnonzero(labels == label))
        n_val, n_test = round(val * len(members)), round(test * len(members))
        parts[members[:n_val]] = PARTS.index("val")
        parts[members[n_val : n_val + n_test]] = PARTS.index("test")
    return parts
