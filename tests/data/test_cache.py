import numpy as np
import pytest

from dlstudy.data import cache


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("DLSTUDY_LEARNER", str(tmp_path / "learner"))
    monkeypatch.setattr(cache, "_memory", {})
    return tmp_path / "learner" / ".dlstudy" / "cache" / "data"


class Builder:
    def __init__(self):
        self.calls = 0

    def __call__(self):
        self.calls += 1
        random = np.random.default_rng(3)
        return {"a": random.integers(0, 255, (5, 4), dtype=np.uint8), "b": random.standard_normal(7)}


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[k], other[k]) for k in one)


def test_the_second_reading_builds_nothing(folder):
    build = Builder()
    assert same(cache.cached("k", build), Builder()())
    assert same(cache.cached("k", build), Builder()())
    assert build.calls == 1
    assert [path.name for path in folder.iterdir()] == ["k.npz"], "a temporary file was left behind"


def flip_a_byte(path):
    """Change one byte of array b's content: still a readable file, were it not for checksums."""
    content = bytearray(path.read_bytes())
    content[-200] ^= 0xFF
    path.write_bytes(content)


def other_content(path):
    """A well-formed file whose content is not what was built."""
    arrays = Builder()()
    digest = cache.content_hash(arrays)
    arrays["b"][3] += 1
    np.savez(path, sha256=np.array(digest), **arrays)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"not an archive"),
        lambda path: path.write_bytes(path.read_bytes()[:-300]),
        flip_a_byte,
        other_content,
        lambda path: np.savez(path, **Builder()()),
        lambda path: np.savez(path, sha256=np.array([None], dtype=object)),
    ],
    ids=["empty", "no archive", "cut short", "flipped byte", "other content", "no hash", "pickled"],
)
def test_a_damaged_file_is_built_again_and_mended(folder, damage):
    build = Builder()
    cache.cached("k", build)
    damage(folder / "k.npz")
    assert same(cache.cached("k", build), Builder()())
    assert build.calls == 2
    assert same(cache.cached("k", build), Builder()())
    assert build.calls == 2, "the damaged file was not replaced"


def test_a_folder_that_cannot_be_written_costs_one_build(folder):
    folder.parent.parent.parent.mkdir()
    folder.parent.parent.write_text("a file where the folder should be")
    build = Builder()
    first = cache.cached("k", build)
    first["a"][:] = 0
    assert same(cache.cached("k", build), Builder()()), "a caller's change reached the copy in memory"
    assert build.calls == 1


def test_what_a_caller_changes_does_not_reach_the_next():
    build = Builder()
    cache.cached("k", build)["a"][:] = 0
    cache.cached("k", build)["a"][:] = 0
    assert same(cache.cached("k", build), Builder()())


def test_the_hash_sees_names_shapes_and_dtypes():
    a = np.arange(6, dtype=np.int32)
    hashes = {
        cache.content_hash(arrays)
        for arrays in ({"a": a}, {"b": a}, {"a": a.reshape(2, 3)}, {"a": a.view(np.uint32)}, {"a": a + 1})
    }
    assert len(hashes) == 5


def test_without_a_learner_folder_the_cache_is_the_users(monkeypatch, tmp_path):
    monkeypatch.delenv("DLSTUDY_LEARNER")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setattr(cache.sys, "platform", "linux")
    assert cache.cache_folder() == tmp_path / "xdg" / "dlstudy" / "data"
    monkeypatch.setattr(cache.sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert cache.cache_folder() == tmp_path / "local" / "dlstudy" / "data"
