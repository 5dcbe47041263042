"""What can be drawn on: the canvas prepares digits as the data set does, the sliding kernel starts from real ones."""

import numpy as np
import pytest
import torch

from dlstudy import data
from dlstudy.lessons.lesson05.digit_canvas import BOX, SIDE, DigitCanvas, as_mnist
from dlstudy.lessons.lesson05.sliding_kernel import DIGITS, KERNELS, SlidingKernel


def centre_of_mass(image: np.ndarray) -> tuple[float, float]:
    rows, columns = np.indices(image.shape) + 0.5
    return float((image * rows).sum() / image.sum()), float((image * columns).sum() / image.sum())


@pytest.mark.parametrize("seed", range(6))
def test_a_drawing_is_scaled_to_twenty_pixels_and_its_mass_comes_to_the_middle(seed: int) -> None:
    rng = np.random.default_rng(seed)
    top, left = rng.integers(0, 12, 2)
    height, width = rng.integers(6, 17, 2)
    image = np.zeros((SIDE, SIDE), np.float32)
    image[top : top + height, left : left + width] = rng.uniform(0.5, 1, (height, width))
    made = as_mnist(image)
    inked = np.argwhere(made > 0)
    assert max(inked.max(0) - inked.min(0) + 1) == BOX
    assert made.dtype == np.float32
    assert 0 <= made.min() < made.max() <= 1
    for place in centre_of_mass(made):
        assert SIDE / 2 <= place < SIDE / 2 + 1


def test_a_digit_of_the_data_set_stays_what_it_is_wherever_it_was_drawn() -> None:
    digits = data.load("mnist").split("val").take(list(range(0, 500, 50)))
    for digit in digits.x[:, 0]:
        inked = np.argwhere(digit > 0)
        moved = np.roll(digit, -inked.min(0), (0, 1))  # into the upper left corner
        assert np.array_equal(as_mnist(moved), as_mnist(digit))
        np.testing.assert_allclose(as_mnist(moved), digit, atol=1e-6)


def test_an_empty_sheet_is_not_shown_to_the_network() -> None:
    assert not as_mnist(np.zeros((SIDE, SIDE))).any()

    def refuse(image: np.ndarray) -> np.ndarray:
        raise AssertionError("nobody drew anything")

    canvas = DigitCanvas(refuse)
    assert canvas.report["scores"] == []
    assert canvas.report["words"] == "The paper is empty."


def test_the_canvas_shows_the_softmax_of_what_the_network_says_of_what_it_sees() -> None:
    rng = np.random.default_rng(0)
    weight = rng.normal(size=(10, SIDE * SIDE))
    image = np.zeros((SIDE, SIDE), np.uint8)
    image[2:14, 3:9] = 200
    canvas = DigitCanvas(lambda seen: weight @ seen.ravel(), [("a block", image)], centred=False)
    expected = torch.softmax(torch.from_numpy(weight @ (image.ravel() / 255)), 0).numpy()
    np.testing.assert_allclose(canvas.report["scores"], expected, atol=1e-5)
    assert canvas.report["seen"] == image.ravel().tolist()
    canvas.centred = True
    assert canvas.report["seen"] != image.ravel().tolist()
    assert canvas.report["scores"] != pytest.approx(expected, abs=1e-3)
    assert f"says {int(np.argmax(canvas.report['scores']))} " in canvas.report["words"]
    canvas.pixels = [0] * SIDE**2
    assert canvas.report["scores"] == []


def test_the_digits_at_hand_are_those_of_the_data_set() -> None:
    digits = data.load("digits")
    for label, pixels in DIGITS:
        first = digits.images[int(np.flatnonzero(digits.labels == label)[0])]
        assert [int(figure) for figure in pixels] == np.round(first * 9 / 16).astype(int).ravel().tolist()


def test_kernels_on_offer_are_square_and_an_unknown_one_is_named() -> None:
    for title, side, weights in KERNELS:
        assert len(weights) == side**2, title
        assert SlidingKernel(title).kernel == list(weights)
    with pytest.raises(ValueError, match=r"expected one of Upright edges, .*; got 'Sobel'"):
        SlidingKernel("Sobel")
