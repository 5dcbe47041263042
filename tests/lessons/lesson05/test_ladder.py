"""The ladder of convolutions: all rungs are timed on the same numbers, and what computes something else is refused."""

import numpy as np
import pytest

from dlstudy import scratch
from dlstudy.lessons.lesson05 import ladder


def numbers() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x, w, b = rng.normal(size=(3, 2, 6, 5)), rng.normal(size=(4, 2, 3, 3)), rng.normal(size=4)
    return x.astype(np.float32), w.astype(np.float32), b.astype(np.float32)


def columns(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    return scratch.conv.conv2d_im2col(x, w, b, padding=1)


def fast(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> object:
    return scratch.nn.functional.conv2d(*(scratch.from_numpy(a) for a in (x, w, b)), padding=1)


def climbed(rungs: dict) -> tuple[list[float], list[dict]]:
    work, shares = ladder.measure(rungs, *numbers(), turns=2), []
    while True:
        try:
            shares.append(next(work))
        except StopIteration as end:
            return shares, end.value


def test_every_rung_is_measured_and_the_share_done_grows_to_one(monkeypatch: pytest.MonkeyPatch) -> None:
    shares, rungs = climbed({"columns": columns, "fast": fast})
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    assert [rung["name"] for rung in rungs[:5]] == ["columns", "fast", "conv2d", "channels_last", "channels_last, bf16"]
    for rung in rungs:
        assert rung["milliseconds"] > 0
        assert rung["images"] == 3
        assert rung["megabytes"] > 0
    assert rungs[0]["megabytes"] >= 3 * 2 * 9 * 30 * 4 / 1e6, "the columns alone"
    assert max(rung["difference"] for rung in rungs if "bf16" not in rung["name"]) < 1e-5
    picture = ladder.show(rungs)
    assert "torch: conv2d" in picture.svg
    assert "fold" in picture.caption


def test_a_rung_that_computes_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match="mirrored differs from torch by"):
        climbed({"mirrored": lambda x, w, b: columns(x, w[..., ::-1], b)})


def test_what_is_slow_is_timed_on_one_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ladder, "SLOW", -1.0)
    sizes: list[int] = []

    def watched(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
        sizes.append(len(x))
        return columns(x, w, b)

    _, rungs = climbed({"watched": watched})
    assert rungs[0]["images"] == 1
    assert sizes == [1, 1, 1], "once to see, once to compare, once to time"
