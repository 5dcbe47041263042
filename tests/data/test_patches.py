import numpy as np

from dlstudy import data
from dlstudy.data import patches as module


def test_no_pixel_serves_two_parts(monkeypatch):
    """Each photograph is replaced by one whose pixels say which column they came from."""

    class Numbered(dict):
        def __missing__(self, name):
            real = data.photo(name).image
            columns = np.arange(real.shape[1])
            image = np.zeros_like(real)
            image[..., 0], image[..., 1] = columns // 256, columns % 256
            image[..., 2] = np.random.default_rng(0).integers(0, 256, real.shape[:2])
            return data.Photo(name, "", image, "", "", "")

    monkeypatch.setattr(module, "Photos", Numbered)
    arrays = module._build()
    columns = arrays["images"][..., 0].astype(int) * 256 + arrays["images"][..., 1]
    for label, name in enumerate(module.CLASSES):
        of_photo = arrays["labels"] == label
        width = data.photo(name).image.shape[1]
        used = [set(np.unique(columns[of_photo & (arrays["parts"] == part)])) for part in range(3)]
        assert not used[0] & used[1]
        assert not used[0] & used[2]
        assert not used[1] & used[2]
        assert min(used[2]) >= int(0.75 * width), "a test crop left the right-hand quarter"
        assert max(used[2]) <= width - 1
        assert max(used[0]) < int(0.6 * width)


def test_each_patch_is_a_crop_of_the_photograph_it_is_named_after():
    patches = data.load("patches")
    for k in [0, 699, 700, 3333, 6999]:
        image = data.photo(patches.class_names[patches.labels[k]]).image
        windows = np.lib.stride_tricks.sliding_window_view(image, (32, 32), axis=(0, 1)).transpose(0, 1, 3, 4, 2)
        corner = (windows[:, :, 0, 0] == patches.images[k, 0, 0]).all(-1)
        assert any(np.array_equal(windows[r, c], patches.images[k]) for r, c in np.argwhere(corner))


def test_parts_have_equal_classes():
    patches = data.load("patches")
    for part, each in module.PER_CLASS.items():
        assert np.bincount(patches.split(part).labels).tolist() == [each] * 10
