"""Colour patches: 32x32 crops of ten photographs, in the shape of CIFAR-10."""

from collections.abc import Iterator
from importlib.metadata import version

import numpy as np

from dlstudy.data.cache import Arrays, cached
from dlstudy.data.dataset import PARTS, DataSet
from dlstudy.data.photos import Photos

CLASSES = ("astronaut", "chelsea", "coffee", "rocket", "hubble", "retina", "tissue", "motorcycle", "china", "flower")
SIZE = 32
PER_CLASS = {"train": 500, "val": 100, "test": 100}
BANDS = {"train": (0.0, 0.6), "val": (0.6, 0.75), "test": (0.75, 1.0)}
"""The fraction of a photograph's width that each part is cut from: no pixel serves two parts."""


def load_patches() -> DataSet:
    """Return 7,000 colour crops of 32x32 pixels, values 0 to 255, 700 from each of ten photographs.

    This is photo identification, not object classes: the label says which photograph a crop was cut from, and a crop of
    the cat may show nothing but carpet. The images have the size of CIFAR-10's, so the same network and code run on
    both; an accuracy here says nothing about CIFAR-10.

    Parts: 5,000 train, 1,000 val, 1,000 test, cut from three vertical bands of each photograph (the test crops from its
    right-hand quarter), so that no pixel appears in two parts. Crops of one part overlap; none is there twice.
    """
    packages = f"scikit-image-{version('scikit-image')}-scikit-learn-{version('scikit-learn')}"
    arrays = cached(f"patches-1-{packages}", _build)
    return DataSet(
        name="patches",
        title="Colour patches of ten photographs",
        images=arrays["images"],
        labels=arrays["labels"],
        parts=arrays["parts"],
        maximum=255,
        class_names=CLASSES,
        source="crops of photographs in scikit-image and scikit-learn: " + ", ".join(CLASSES),
        licence="as each photograph's own: see dlstudy.data.photo(name).licence",
        citation="see dlstudy.data.photo(name).citation",
    )


def _build() -> Arrays:
    """Cut the crops; NumPy's legacy generator, whose stream is frozen, chooses where."""
    photos = Photos()
    images, labels, parts = [], [], []
    for label, name in enumerate(CLASSES):
        for part, crop in _crops(photos[name].image, np.random.RandomState(label)):
            images.append(crop)
            labels.append(label)
            parts.append(PARTS.index(part))
    return {"images": np.stack(images), "labels": np.array(labels, np.int64), "parts": np.array(parts, np.uint8)}


def _crops(image: np.ndarray, random: np.random.RandomState) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (part, crop) of one photograph, PER_CLASS[part] for each part.

    A crop that equals an earlier one is drawn again: the black around the retina would else appear dozens of times, and
    in more than one part.
    """
    height, width = image.shape[:2]
    seen: set[bytes] = set()
    for part in PARTS:
        low, high = (int(fraction * width) for fraction in BANDS[part])
        wanted = len(seen) + PER_CLASS[part]
        while len(seen) < wanted:
            row, column = random.randint(0, height - SIZE + 1), random.randint(low, high - SIZE + 1)
            crop = image[row : row + SIZE, column : column + SIZE]
            if (content := crop.tobytes()) not in seen:
                seen.add(content)
                yield part, crop
