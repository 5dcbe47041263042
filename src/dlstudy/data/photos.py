"""Photographs by name, out of scikit-image and scikit-learn: only those that lie in the installed packages."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

_MIDDLEBURY = (
    "D. Scharstein et al. High-resolution stereo datasets with subpixel-accurate ground truth. GCPR 2014. "
    "http://vision.middlebury.edu/stereo/data/scenes2014/"
)
_NOT_STATED = "not stated by scikit-image, which distributes it"
_CC_BY = "CC BY 2.0"

# name: (package, what to ask it for, title, licence, citation)
_TABLE: dict[str, tuple[str, str, str, str, str]] = {
    "astronaut": (
        "skimage",
        "astronaut",
        "Eileen Collins, astronaut",
        "public domain",
        "NASA, https://flic.kr/p/r9qvLn",
    ),
    "chelsea": ("skimage", "chelsea", "Chelsea, a cat", "CC0", "Stefan van der Walt"),
    "coffee": ("skimage", "coffee", "A cup of coffee", "CC0", "Rachel Michetti, Pikolo Espresso Bar"),
    "rocket": (
        "skimage",
        "rocket",
        "Launch of a Falcon 9",
        "public domain",
        "SpaceX, https://www.flickr.com/photos/spacexphotos/16511594820/",
    ),
    "hubble": (
        "skimage",
        "hubble_deep_field",
        "Hubble eXtreme Deep Field",
        "public domain",
        "NASA, HubbleSite release 2012-37",
    ),
    "retina": (
        "skimage",
        "retina",
        "A human retina",
        "CC0",
        "Mikael Häggström, 2014, https://doi.org/10.15347/wjm/2014.008",
    ),
    "tissue": (
        "skimage",
        "immunohistochemistry",
        "Colonic glands, stained",
        "no known copyright restrictions",
        "Center for Microscopy and Molecular Imaging (CMMI)",
    ),
    "motorcycle": ("skimage", "stereo_motorcycle 0", "A motorcycle, left eye", _NOT_STATED, _MIDDLEBURY),
    "motorcycle_right": ("skimage", "stereo_motorcycle 1", "A motorcycle, right eye", _NOT_STATED, _MIDDLEBURY),
    "china": (
        "sklearn",
        "china.jpg",
        "A temple in China",
        _CC_BY,
        "danielbuechele, https://www.flickr.com/photos/danielbuechele/6061409035/",
    ),
    "flower": (
        "sklearn",
        "flower.jpg",
        "A flower",
        _CC_BY,
        "vultilion, https://www.flickr.com/photos/vultilion/6056698931/",
    ),
    "brick": ("skimage", "brick", "A brick wall", "CC0", "https://cc0textures.com/view.php?tex=Bricks25"),
    "camera": ("skimage", "camera", "A man with a camera", "CC0", "Lav Varshney"),
    "cell": (
        "skimage",
        "cell",
        "A cell in saline, phase image",
        "CC0",
        "P. Müller et al. Optics Express 26(8), 2018. https://doi.org/10.1364/OE.26.010729",
    ),
    "clock": ("skimage", "clock", "A clock, blurred by motion", "public domain", "Stefan van der Walt"),
    "coins": (
        "skimage",
        "coins",
        "Greek coins from Pompeii",
        "no known copyright restrictions",
        "Brooklyn Museum, archives image 51611",
    ),
    "grass": ("skimage", "grass", "Grass", "CC0", "https://www.deviantart.com/linolafett/art/Grass-01-434853879"),
    "gravel": ("skimage", "gravel", "Gravel", "CC0", "https://cc0textures.com/view.php?tex=Gravel04"),
    "microaneurysms": (
        "skimage",
        "microaneurysms",
        "A retina with lesions, detail",
        "CC0",
        "A. Budai et al. 2013. https://doi.org/10.1155/2013/154860",
    ),
    "moon": ("skimage", "moon", "The surface of the moon", _NOT_STATED, "scikit-image, skimage.data.moon"),
    "page": ("skimage", "page", "A scanned page", _NOT_STATED, "scikit-image, skimage.data.page"),
    "text": (
        "skimage",
        "text",
        "Printed words on a textured ground",
        "public domain",
        "https://en.wikipedia.org/wiki/File:Corner.png",
    ),
}


@dataclasses.dataclass(frozen=True, eq=False)
class Photo:
    """One photograph: `image` is uint8 from 0 to 255, (H, W, 3) in colour or (H, W) in grey."""

    name: str
    title: str
    image: np.ndarray
    source: str
    licence: str
    citation: str

    @property
    def x(self) -> np.ndarray:
        """The photograph as network input: (C, H, W), float32, from 0 to 1; a new array at each call."""
        pixels = self.image.astype(np.float32) / np.float32(255)
        return pixels[None] if pixels.ndim == 2 else np.ascontiguousarray(pixels.transpose(2, 0, 1))

    def as_torch(self) -> torch.Tensor:
        """Return `x` as a torch tensor that shares no memory with the photograph."""
        import torch

        return torch.from_numpy(self.x)

    def __repr__(self) -> str:
        return f"{self.title}: {self.image.shape} uint8 from 0 to 255; {self.licence}; {self.citation}"


class Photos(Mapping[str, Photo]):
    """All photographs by name; each is read from its package when it is asked for."""

    def __getitem__(self, name: str) -> Photo:
        """Return the photograph called `name`; raises KeyError with the known names."""
        if name not in _TABLE:
            raise KeyError(f"expected one of {', '.join(_TABLE)}; got {name!r}")
        package, item, title, licence, citation = _TABLE[name]
        image = _from_skimage(item) if package == "skimage" else _from_sklearn(item)
        library = {"skimage": "scikit-image, skimage.data", "sklearn": "scikit-learn, sklearn.datasets"}[package]
        return Photo(name, title, image, f"{library}: {item.split()[0]}", licence, citation)

    def __contains__(self, name: object) -> bool:
        """Tell whether there is a photograph of that name, without reading it."""
        return name in _TABLE

    def __iter__(self) -> Iterator[str]:
        """Go through the names: colour first, then grey."""
        return iter(_TABLE)

    def __len__(self) -> int:
        """Return the number of photographs."""
        return len(_TABLE)

    def __repr__(self) -> str:
        return f"Photos: {', '.join(_TABLE)}"


def photo(name: str) -> Photo:
    """Return one photograph, `Photos()[name]`: for instance `photo("chelsea").image`, (300, 451, 3) uint8."""
    return Photos()[name]


def _from_skimage(item: str) -> np.ndarray:
    """Return `skimage.data.<item>()`; "name k" takes element k of what it returns."""
    function, _, index = item.partition(" ")
    loaded = getattr(importlib.import_module("skimage.data"), function)()
    return np.array(loaded[int(index)] if index else loaded)


def _from_sklearn(item: str) -> np.ndarray:
    """Return `sklearn.datasets.load_sample_image(item)`."""
    return np.array(importlib.import_module("sklearn.datasets").load_sample_image(item))
