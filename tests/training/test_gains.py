"""What a gain is, and how sure, by hand."""

import numpy as np
import pytest
import torch

from dlstudy.training.gains import Gain, mean_of, paired


def test_a_paired_gain_by_hand() -> None:
    gain = paired([3.0, 5.0, 10.0], [1.0, 2.0, 3.0])  # differences 2, 3, 7: mean 4, deviation sqrt(7)
    assert gain.mean == 4
    assert gain.error == pytest.approx(np.sqrt(7 / 3))
    assert gain.clear
    assert not paired([1.0, 0.0, 2.0], [0.0, 1.0, 1.0]).clear
    assert paired([0.0, 0.1, 0.0], [1.0, 1.0, 1.2]).clear, "a clear loss is clear too"


def test_luck_that_both_share_cancels() -> None:
    luck = np.array([0.0, 10, 20, 30])
    assert paired(luck + np.array([1, 1, 2, 2]), luck).error == pytest.approx(np.sqrt(1 / 3) / 2)


def test_too_little_to_judge_by_is_refused() -> None:
    with pytest.raises(ValueError, match="a value before for every value after, got 3 and 2"):
        paired([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"two or more values in a row, got the shape \(1,\)"):
        paired([1.0], [2.0])
    with pytest.raises(ValueError, match=r"got the shape \(2, 2\)"):
        mean_of(np.zeros((2, 2)))


def test_the_mean_of_independent_values() -> None:
    found = mean_of(torch.tensor([1.0, 2, 3, 4]))
    assert found.mean == 2.5
    assert found.error == pytest.approx(np.std([1, 2, 3, 4], ddof=1) / 2)


def test_a_gain_is_written_with_its_error() -> None:
    gain = Gain(-0.0514, 0.0123)
    assert f"{gain:.3f}" == "-0.051 ± 0.012"
    assert f"{100 * gain:+6.1f} points" == "  -5.1 ± 1.2 points"
    assert f"{gain:.1%}" == "-5.1% ± 1.2%"
    assert -1 * gain == Gain(0.0514, 0.0123)
