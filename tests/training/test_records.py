"""Weights survive being written as text, of either library and of whole models."""

import pytest
import torch

from dlstudy import scratch
from dlstudy.models.resnet import BasicBlock, ResNet
from dlstudy.training import records


def test_parameters_survive_being_written_as_text() -> None:
    torch.manual_seed(3)
    one, other = (torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.Linear(4, 3)) for _ in range(2))
    text = records.pack(one.parameters())
    records.unpack(text, other.parameters())
    for mine, theirs in zip(one.parameters(), other.parameters()):
        assert torch.equal(mine, theirs)
        assert theirs.requires_grad
    with pytest.raises(ValueError, match="expected 20 numbers for these tensors, got 35"):
        records.unpack(text, other[0].parameters())


def test_numbers_of_the_other_library_and_of_numpy_are_the_same_text() -> None:
    numbers = torch.randn(3, 4)
    text = records.pack([numbers])
    assert records.pack([numbers.numpy()]) == text
    assert records.pack([scratch.tensor(numbers.numpy(), requires_grad=True)]) == text


def test_a_model_survives_with_its_running_statistics() -> None:
    torch.manual_seed(3)
    one, other = (ResNet(BasicBlock, (1, 1), 3, channels=4, small_images=True) for _ in range(2))
    one(torch.randn(4, 3, 8, 8))  # running statistics of its own
    records.unpack(records.pack(records.state(one)), records.state(other))
    x = torch.randn(2, 3, 8, 8)
    assert torch.equal(one.eval()(x), other.eval()(x))
