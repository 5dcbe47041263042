"""The real data sets that are downloaded when a learner asks for them with `full=True`.

The checksums of the two texts were computed from the files of the commits that their addresses name. Those of CIFAR-10
and MNIST are what several independent catalogues hold, such as Keras' for CIFAR-10, where the set's own page and
torchvision state the MD5 c58f30108f718f92721af3b95e74349a of the same file.
"""

from dlstudy.data.remote import RemoteFile

_GITHUB, _COPY = "https://raw.githubusercontent.com", "https://storage.googleapis.com"
_CHAR_RNN = "karpathy/char-rnn/6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e"
_MAKEMORE = "karpathy/makemore/988aa59e4d8fefa526d06f3b453ad116258398d4"

SHAKESPEARE = RemoteFile(
    "tinyshakespeare.txt",
    (
        f"{_GITHUB}/{_CHAR_RNN}/data/tinyshakespeare/input.txt",
        f"{_COPY}/download.tensorflow.org/data/shakespeare.txt",
    ),
    "Tiny Shakespeare",
    1_115_394,
    "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
)
"""40,000 lines of Shakespeare's plays in one text file (A. Karpathy's char-rnn)."""

NAMES = RemoteFile(
    "names.txt",
    (f"{_GITHUB}/{_MAKEMORE}/names.txt",),
    "The list of first names",
    228_145,
    "0a30b5557f192f32ab962680889aac5f6fda0f4cecf40a6d0b5694f58ea8cc4d",
)
"""32,033 first names, one a line (A. Karpathy's makemore, from records of the US Social Security Administration)."""

CIFAR10 = RemoteFile(
    "cifar-10-python.tar.gz",
    (
        "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
        f"{_COPY}/tensorflow/tf-keras-datasets/cifar-10-python.tar.gz",
    ),
    "CIFAR-10",
    170_498_071,
    "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
)
"""60,000 colour images of 32x32 pixels in ten classes (A. Krizhevsky)."""


def _mnist(name: str, size: int, sha256: str) -> RemoteFile:
    urls = f"{_COPY}/cvdf-datasets/mnist/{name}", f"https://ossci-datasets.s3.amazonaws.com/mnist/{name}"
    return RemoteFile(name, urls, f"MNIST, {name.partition('-idx')[0]}", size, sha256)


MNIST = {
    "train images": _mnist(
        "train-images-idx3-ubyte.gz",
        9_912_422,
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    ),
    "train labels": _mnist(
        "train-labels-idx1-ubyte.gz",
        28_881,
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    ),
    "test images": _mnist(
        "t10k-images-idx3-ubyte.gz",
        1_648_877,
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    ),
    "test labels": _mnist(
        "t10k-labels-idx1-ubyte.gz",
        4_542,
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ),
}
"""70,000 handwritten digits of 28x28 pixels (Y. LeCun, C. Cortes, C. Burges)."""
