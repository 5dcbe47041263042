"""The large sets that stand behind the small ones: MNIST and CIFAR-10, downloaded when they are asked for."""

from __future__ import annotations

import gzip
import io
import pickle
import tarfile
from pathlib import Path
from typing import Any

import numpy as np

from dlstudy.data import sources
from dlstudy.data.cache import Arrays, cached
from dlstudy.data.dataset import PARTS, DataSet, stratified_parts
from dlstudy.data.download import Damaged, fetch

CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def load_cifar10() -> DataSet:
    """Return CIFAR-10: 60,000 colour images of 32x32 pixels, values 0 to 255, 6,000 in each of 10 classes.

    Parts: 45,000 train and 5,000 val, each class divided alike, out of the official 50,000 for training; the official
    10,000 for test.
    """
    arrays = cached(f"cifar10-1-{str(sources.CIFAR10.sha256)[:8]}", lambda: _cifar10(fetch(sources.CIFAR10)))
    return DataSet(
        name="cifar10",
        title="CIFAR-10",
        images=arrays["images"],
        labels=arrays["labels"],
        parts=_parts(arrays),
        maximum=255,
        class_names=CIFAR10_CLASSES,
        source="https://www.cs.toronto.edu/~kriz/cifar.html, the version for Python",
        licence="not stated by its source; the page asks that the technical report be cited",
        citation="A. Krizhevsky. Learning Multiple Layers of Features from Tiny Images. Technical report, "
        "University of Toronto, 2009. https://www.cs.toronto.edu/~kriz/learning-features-2009-TR.pdf",
    )


def load_full_mnist() -> DataSet:
    """Return MNIST: 70,000 handwritten digits of 28x28 pixels, values 0 to 255.

    Parts: 54,000 train and 6,000 val, each class divided alike, out of the official 60,000 for training; the official
    10,000 for test, whose writers are others.
    """

    def build() -> Arrays:
        paths = {name: fetch(file) for name, file in sources.MNIST.items()}
        images = [_idx(paths[f"{part} images"], 3) for part in ("train", "test")]
        labels = [_idx(paths[f"{part} labels"], 1) for part in ("train", "test")]
        return _joined(images, labels)

    arrays = cached(f"mnist-full-1-{str(sources.MNIST['train images'].sha256)[:8]}", build)
    return DataSet(
        name="mnist",
        title="MNIST",
        images=arrays["images"],
        labels=arrays["labels"],
        parts=_parts(arrays),
        maximum=255,
        class_names=tuple("0123456789"),
        source="http://yann.lecun.com/exdb/mnist/, from the copy of the CVDF",
        licence="CC BY-SA 3.0 (Yann LeCun and Corinna Cortes, as the documentation of Keras states it)",
        citation="Y. LeCun, L. Bottou, Y. Bengio, P. Haffner. Gradient-based learning applied to document recognition. "
        "Proceedings of the IEEE 86(11), 1998. https://doi.org/10.1109/5.726791",
    )


def _joined(images: list[np.ndarray], labels: list[np.ndarray]) -> Arrays:
    """Put [training, test] together; "test" tells where the test images begin."""
    return {
        "images": np.concatenate(images),
        "labels": np.concatenate(labels).astype(np.int64),
        "test": np.array(len(labels[0])),
    }


def _parts(arrays: Arrays) -> np.ndarray:
    labels, first = arrays["labels"], int(arrays["test"])
    parts = np.full(len(labels), PARTS.index("test"), np.uint8)
    parts[:first] = stratified_parts(labels[:first], val=0.1, test=0.0)
    return parts


def _idx(path: Path, dimensions: int) -> np.ndarray:
    """Read an array of bytes in MNIST's own format: two zeros, 8 for bytes, the dimensions, their sizes, the data."""
    content = gzip.decompress(path.read_bytes())
    if content[:4] != bytes((0, 0, 8, dimensions)):
        raise Damaged(f"{path} is no file of bytes in {dimensions} dimensions as MNIST's are")
    sizes = np.frombuffer(content, ">u4", dimensions, 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(sizes)


def _cifar10(path: Path) -> Arrays:
    """Read CIFAR-10's archive: five files for training and one for test, each row 1024 red, green and blue values."""
    images: dict[bool, list[np.ndarray]] = {False: [], True: []}
    labels: dict[bool, list[np.ndarray]] = {False: [], True: []}
    names = [f"cifar-10-batches-py/data_batch_{number}" for number in range(1, 6)] + ["cifar-10-batches-py/test_batch"]
    with tarfile.open(path) as archive:
        for name in names:
            member = archive.extractfile(name)
            if member is None:
                raise Damaged(f"{path} does not hold the file {name}")
            batch = _OnlyArrays(io.BytesIO(member.read())).load()
            test = name.endswith("test_batch")
            images[test].append(batch["data"].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
            labels[test].append(np.array(batch["labels"]))
    return _joined([np.concatenate(images[test]) for test in images], [np.concatenate(labels[test]) for test in labels])


class _OnlyArrays(pickle.Unpickler):
    """Reads a pickle of arrays, lists and texts; refuses everything else.

    A pickle is a program, and CIFAR-10 comes as pickles. The checksum already says that these are the well-known ones;
    this says that no other could do harm.
    """

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, encoding="latin1")  # written by Python 2

    def find_class(self, module: str, name: str) -> Any:
        rebuild = np.zeros(0).__reduce__()[0]
        allowed = {"_reconstruct": rebuild, "ndarray": np.ndarray, "dtype": np.dtype}
        if not module.startswith("numpy") or name not in allowed:
            raise Damaged(f"CIFAR-10's archive wants to run {module}.{name}, which no file of that set does")
        return allowed[name]
