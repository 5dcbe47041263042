"""The large sets, read from files that the tests write in the official formats and serve from this machine."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import pickle
import struct
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from dlstudy import data, words
from dlstudy.data import cache, download, full, sources
from dlstudy.data.download import Damaged, Network, RemoteFile
from tests.data.server import Server, running


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DLSTUDY_LEARNER", str(tmp_path / "learner"))
    monkeypatch.setattr(cache, "_memory", {})
    monkeypatch.setattr(download, "DEFAULT", Network(attempts=2, timeout=20, pause=0.01, loopback=True))
    for name in ("http_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "learner" / ".dlstudy" / "cache" / "data"


@pytest.fixture
def server() -> Iterator[Server]:
    with running() as server:
        yield server


class Python2Pickler(pickle._Pickler):
    """Writes texts and bytes as Python 2 did, and arrays as its NumPy did: the format of CIFAR-10's files."""

    dispatch: ClassVar[dict[type, Any]] = dict(pickle._Pickler.dispatch)

    def save_text(self, value: str | bytes) -> None:
        content = value.encode("latin1") if isinstance(value, str) else value
        short = len(content) < 256
        self.write((b"U" + bytes([len(content)]) if short else b"T" + struct.pack("<i", len(content))) + content)
        self.memoize(value)

    def save_global(self, value: Any, name: str | None = None) -> None:
        module = "numpy.core.multiarray" if value.__name__ == "_reconstruct" else value.__module__
        self.write(f"c{module}\n{value.__name__}\n".encode())
        self.memoize(value)

    dispatch[str] = dispatch[bytes] = save_text
    dispatch[type] = dispatch[type(len)] = dispatch[type(hashlib.file_digest)] = save_global


def python2_pickle(value: object) -> bytes:
    file = io.BytesIO()
    Python2Pickler(file, protocol=2).dump(value)
    return file.getvalue()


def archive(batches: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for name, content in batches.items():
            info = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return file.getvalue()


def published(file: RemoteFile, url: str, content: bytes) -> RemoteFile:
    return replace(file, urls=(url,), size=len(content), sha256=hashlib.sha256(content).hexdigest())


NAMES = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]


def test_cifar10_in_the_same_form_as_the_patches(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    pixels = {name: rng.integers(0, 256, (60, 3072), dtype=np.uint8) for name in NAMES}
    labels = {name: rng.permutation(np.repeat(np.arange(10), 6)).tolist() for name in NAMES}
    more = {"batch_label": "one of six", "filenames": ["a.png"]}
    content = archive({name: python2_pickle({"data": pixels[name], "labels": labels[name], **more}) for name in NAMES})
    file = published(sources.CIFAR10, server.serve("cifar", content), content)
    monkeypatch.setattr(sources, "CIFAR10", file)
    loaded = data.load("patches", full=True)
    assert f"Downloading CIFAR-10: {words.size(len(content))} from 127.0.0.1" in capsys.readouterr().err
    assert loaded.images.shape == (360, 32, 32, 3)
    assert loaded.images.dtype == np.uint8
    assert loaded.labels.tolist() == [label for name in NAMES for label in labels[name]]
    for number, name, row in ((0, "data_batch_1", 0), (61, "data_batch_2", 1), (359, "test_batch", 59)):
        for y, x, channel in ((0, 0, 0), (3, 29, 1), (31, 0, 2)):
            assert loaded.images[number, y, x, channel] == pixels[name][row, 1024 * channel + 32 * y + x]
    train, val, test = (loaded.split(part) for part in ("train", "val", "test"))
    assert (len(train), len(val), len(test)) == (270, 30, 60)
    assert np.array_equal(test.images, loaded.images[300:])
    assert np.bincount(val.labels).tolist() == [3] * 10
    assert loaded.class_names[5] == "dog"
    small = data.load("patches")
    assert {type(getattr(small, name)) for name in vars(small)} == {type(getattr(loaded, name)) for name in vars(small)}
    assert loaded.as_torch()[7][0].shape == small.as_torch()[7][0].shape

    again = data.load("patches", full=True)
    assert np.array_equal(again.images, loaded.images)
    assert np.array_equal(again.parts, loaded.parts)
    assert len(server.requests) == 1, "the second time it comes from the disk"
    assert not capsys.readouterr().err
    assert (folder / "downloads" / "cifar-10-python.tar.gz").read_bytes() == content


class Harm:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("harm",)


def test_a_pickle_that_would_run_something_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for content in (pickle.dumps({"data": Harm()}), b"cnumpy\nload\n(S'x'\ntR.", b"cbuiltins\neval\n(S'1'\ntR."):
        (tmp_path / "bad.tar.gz").write_bytes(archive({"data_batch_1": content}))
        with pytest.raises(Damaged, match="wants to run"):
            full._cifar10(tmp_path / "bad.tar.gz")
    assert not (tmp_path / "harm").exists()


def idx(array: np.ndarray) -> bytes:
    header = bytes((0, 0, 8, array.ndim)) + b"".join(struct.pack(">I", size) for size in array.shape)
    return gzip.compress(header + array.tobytes())


def test_the_whole_of_mnist(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    images = {
        part: rng.integers(0, 256, (count, 28, 28), dtype=np.uint8) for part, count in (("train", 50), ("test", 20))
    }
    labels = {part: rng.permutation(np.arange(len(images[part])) % 10).astype(np.uint8) for part in images}
    files = {}
    for part in images:
        for what, array in (("images", images[part]), ("labels", labels[part])):
            content, key = idx(array), f"{part} {what}"
            files[key] = published(sources.MNIST[key], server.serve(f"{part}-{what}", content), content)
    monkeypatch.setattr(sources, "MNIST", files)
    loaded = data.load("mnist", full=True)
    assert np.array_equal(loaded.images, np.concatenate([images["train"], images["test"]]))
    assert np.array_equal(loaded.labels, np.concatenate([labels["train"], labels["test"]]))
    assert np.array_equal(loaded.split("test").images, images["test"])
    assert len(loaded.split("val")) == 10 * round(0.1 * 5)


def test_a_file_of_another_kind_is_named(tmp_path: Path) -> None:
    (tmp_path / "labels.gz").write_bytes(idx(np.zeros(3, np.uint8)))
    with pytest.raises(Damaged, match="in 3 dimensions"):
        full._idx(tmp_path / "labels.gz", 3)


def test_nothing_is_downloaded_unless_asked(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "fetch", lambda *_, **__: pytest.fail("a download was tried"))
    monkeypatch.setattr(full, "fetch", lambda *_, **__: pytest.fail("a download was tried"))
    for name in data.NAMES:
        data.load(name)


def test_what_has_no_larger_set_says_so() -> None:
    with pytest.raises(
        ValueError, match="expected full=False for digits; a larger set stands behind mnist and patches"
    ):
        data.load("digits", full=True)
    with pytest.raises(ValueError, match=r"load\(\"patches\", full=True\)"):
        data.load("CIFAR10")


def test_the_catalogue_speaks_https_and_knows_every_checksum() -> None:
    files = [sources.SHAKESPEARE, sources.NAMES, sources.CIFAR10, *sources.MNIST.values()]
    for file in files:
        assert all(url.startswith("https://") for url in file.urls)
        assert file.size
        assert len(str(file.sha256)) == 64
        assert int(str(file.sha256), 16)


@pytest.mark.parametrize(
    ("file", "name"), [(sources.SHAKESPEARE, "tinyshakespeare.txt"), (sources.NAMES, "names_ssa.txt")]
)
def test_the_texts_have_the_checksums_of_the_files_that_the_commits_hold(file: RemoteFile, name: str) -> None:
    place = Path(os.environ.get("DLSTUDY_TEST_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
    if not (place / name).is_file():
        pytest.skip(f"{name} is not in {place}; DLSTUDY_TEST_DATA can name the folder of the test data")
    download.check(file, place / name)
