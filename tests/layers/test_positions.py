"""Positions: section 3.5 of 1706.03762 by hand, and what follows from it."""

from __future__ import annotations

import math

import pytest
import torch

from dlstudy.layers.positions import LearnedPositions, SinusoidalPositions, sinusoidal_positions


def test_every_number_by_hand() -> None:
    table = sinusoidal_positions(50, 6)
    for position in range(50):
        for i in range(3):
            angle = position / 10000 ** (2 * i / 6)
            assert table[position, 2 * i].item() == pytest.approx(math.sin(angle), abs=1e-7)
            assert table[position, 2 * i + 1].item() == pytest.approx(math.cos(angle), abs=1e-7)
    with pytest.raises(ValueError, match=r"even dim.*; got 7"):
        sinusoidal_positions(5, 7)


def test_far_positions_are_exact_as_well() -> None:
    """In float32 the angle itself would be off by more than this."""
    table = sinusoidal_positions(100_001, 4)
    assert table[100_000, 0].item() == pytest.approx(math.sin(100_000), abs=1e-7)
    assert table[100_000, 3].item() == pytest.approx(math.cos(1000.0), abs=1e-7)


def test_a_shift_is_a_rotation_that_does_not_depend_on_the_position() -> None:
    """What the paper hopes for: PE(t + k) is a linear function of PE(t)."""
    table, shift = sinusoidal_positions(60, 8).double(), 7
    turn = torch.zeros(8, 8, dtype=torch.float64)
    for i in range(4):
        angle = shift / 10000 ** (2 * i / 8)
        turn[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = torch.tensor(
            [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
        )
    torch.testing.assert_close(table[:-shift] @ turn, table[shift:], rtol=0, atol=1e-6)


def test_they_are_added_and_the_table_grows() -> None:
    layer, x = SinusoidalPositions(6, length=4), torch.randn(2, 9, 6)
    torch.testing.assert_close(layer(x), x + sinusoidal_positions(9, 6))
    torch.testing.assert_close(layer(x[:, :2]), x[:, :2] + sinusoidal_positions(2, 6))
    places = torch.tensor([[5, 100], [0, 7]])
    torch.testing.assert_close(layer(x[:, :2], places), x[:, :2] + sinusoidal_positions(101, 6)[places])
    assert not layer.state_dict(), "nothing to learn, nothing to save"
    assert layer.double()(x.double()).dtype == torch.float64
    assert SinusoidalPositions(6, length=2).bfloat16()(x.bfloat16()).dtype == torch.bfloat16


def test_learned_positions() -> None:
    layer, x = LearnedPositions(7, 6), torch.randn(2, 5, 6)
    torch.testing.assert_close(layer(x), x + layer.weight[:5])
    places = torch.tensor([[6, 0, 1, 2, 3], [3, 3, 3, 3, 3]])
    torch.testing.assert_close(layer(x, places), x + layer.weight[places])
    layer(x, places).sum().backward()
    assert layer.weight.grad is not None
    assert layer.weight.grad[:, 0].tolist() == [1, 1, 1, 6, 0, 0, 1]
    with pytest.raises(ValueError, match="there are 7 positions; got a sequence of 8"):
        layer(torch.randn(2, 8, 6))
    assert LearnedPositions(200, 100).weight.std().item() == pytest.approx(0.02, rel=0.03)
