import os
import subprocess
import sys

import numpy as np
import pytest

from dlstudy import data


def test_photos_are_those_of_their_packages():
    import skimage.data
    from sklearn.datasets import load_sample_image

    assert np.array_equal(data.photo("chelsea").image, skimage.data.chelsea())
    assert np.array_equal(data.photo("hubble").image, skimage.data.hubble_deep_field())
    left, right, _ = skimage.data.stereo_motorcycle()
    assert np.array_equal(data.photo("motorcycle").image, left)
    assert np.array_equal(data.photo("motorcycle_right").image, right)
    assert np.array_equal(data.photo("china").image, load_sample_image("china.jpg"))


@pytest.mark.parametrize("name", data.load("photos"))
def test_every_photo_is_real_documented_and_a_picture(name):
    photo = data.load("photos")[name]
    assert photo.image.dtype == np.uint8
    assert photo.image.ndim == 2 or photo.image.shape[2] == 3
    assert photo.image.std() > 5, "nearly one colour: not a photograph"
    assert photo.image.flags.writeable
    assert photo.licence
    assert photo.citation
    assert photo.source.startswith("scikit-")
    assert photo.as_torch().shape == photo.x.shape
    assert np.array_equal(photo.as_torch().numpy(), photo.x)
    row, column = photo.image.shape[0] // 3, photo.image.shape[1] // 2
    assert np.array_equal(photo.x[:, row, column], np.float32(photo.image[row, column]).reshape(-1) / np.float32(255))


def test_an_unknown_photo_is_answered_with_the_known_ones():
    with pytest.raises(KeyError, match=r"expected one of astronaut.*got 'lena'"):
        data.photo("lena")
    assert "lena" not in data.load("photos")
    assert "chelsea" in data.load("photos")


@pytest.mark.slow
def test_nothing_is_downloaded(tmp_path):
    """With every socket refused and empty cache folders, all the data still loads."""
    script = """
import socket
def refuse(*arguments, **options): raise OSError("no network in this test")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
from dlstudy import data
for name in data.load("photos"): assert data.photo(name).image.size
for name in ("digits", "mnist", "patches"): assert len(data.load(name))
print("all loaded")
"""
    places = ("HOME", "USERPROFILE", "XDG_CACHE_HOME", "LOCALAPPDATA", "SKIMAGE_DATADIR", "DLSTUDY_LEARNER")
    environment = {**os.environ, **{place: str(tmp_path / place) for place in places}}
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment)
    assert run.stdout.strip() == "all loaded", run.stderr
