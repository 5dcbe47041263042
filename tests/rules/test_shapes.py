"""The tests' import hook holds signatures to the shapes they carry."""

from __future__ import annotations

import numpy as np
import pytest

from dlstudy.data.dataset import stratified_parts
from dlstudy.lessons.lesson01 import exact_slope
from tests.conftest import annotated_modules


def test_the_hook_covers_what_is_annotated() -> None:
    assert {"dlstudy.data.dataset", "dlstudy.lessons.lesson01"} <= set(annotated_modules())


def test_a_wrong_number_of_dimensions_is_refused() -> None:
    labels = np.arange(12) % 3
    assert stratified_parts(labels, val=0.25, test=0.25).shape == (12,)
    with pytest.raises(TypeError, match="labels"):
        stratified_parts(labels.reshape(3, 4), val=0.25, test=0.25)


def test_two_sizes_that_must_agree_are_held_together() -> None:
    rng = np.random.default_rng(0)
    pixels, labels, w = rng.random((7, 64)), rng.integers(0, 10, 7), rng.normal(size=650)
    assert np.abs(exact_slope(pixels, labels, w)).sum() > 0
    with pytest.raises(TypeError, match="labels"):
        exact_slope(pixels, labels[:6], w)
    with pytest.raises(TypeError, match="w"):
        exact_slope(pixels, labels, w.astype(np.float32))
