"""Class activation maps add up to the scores, and Grad-CAM is what the paper's equations give, computed another way."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from dlstudy.figures import activation_maps
from dlstudy.models.resnet import BasicBlock, ResNet


def network() -> ResNet:
    torch.manual_seed(0)
    model = ResNet(BasicBlock, (1, 1), 5, channels=4, small_images=True).double().eval()
    for part in model.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.normal_()
            part.running_var.uniform_(0.5, 2)
    return model


def features(model: ResNet, x: torch.Tensor) -> torch.Tensor:
    return model.layer2(model.layer1(model.relu(model.bn1(model.conv1(x)))))


@pytest.mark.parametrize("classes", [None, [3, 0]])
@pytest.mark.parametrize("bias", [True, False])
def test_the_mean_of_a_map_is_the_score(classes: list[int] | None, bias: bool) -> None:
    model = network()
    if not bias:
        model.fc.bias = None
    x = torch.randn(2, 3, 9, 12, dtype=torch.float64)
    maps = activation_maps.class_activation_maps(features(model, x), model.fc, classes)
    scores = model(x)
    wanted = scores if classes is None else scores[:, classes]
    assert maps.shape == (2, wanted.shape[1], 5, 6)
    torch.testing.assert_close(maps.mean((2, 3)), wanted, rtol=1e-12, atol=1e-12)
    assert maps.std((2, 3)).min() > 1e-3, "a map tells positions apart"


@pytest.mark.parametrize("frozen", [False, True])
def test_grad_cam_is_the_class_activation_map_where_both_are_there(frozen: bool) -> None:
    model = network().requires_grad_(not frozen)
    x = torch.randn(3, 3, 10, 8, dtype=torch.float64)
    classes = [4, 0, 2]
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with torch.no_grad():  # as a page may call it
        found = activation_maps.grad_cam(model, model.layer2, x, classes)
        maps = activation_maps.class_activation_maps(features(model, x), model.fc)
    chosen = torch.stack([maps[b, k] - model.fc.bias[k] for b, k in enumerate(classes)])
    torch.testing.assert_close(found, chosen.clamp(min=0) / chosen[0].numel(), rtol=1e-10, atol=1e-12)
    assert (found > 0).any()
    assert not found.requires_grad
    assert not model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not model.layer2._forward_hooks


def test_grad_cam_of_an_inner_layer_by_finite_differences() -> None:
    """The weights are slopes of the score with respect to a channel, measured by pushing the whole channel."""
    model = network()
    x = torch.randn(1, 3, 6, 6, dtype=torch.float64)
    found = activation_maps.grad_cam(model, model.layer1, x, [1])[0]
    with torch.no_grad():
        inner = model.layer1(model.relu(model.bn1(model.conv1(x))))

        def score(maps: torch.Tensor) -> float:
            return model.fc(model.layer2(maps).mean((2, 3)))[0, 1].item()

        wanted = torch.zeros_like(found)
        for channel in range(inner.shape[1]):
            push = torch.zeros_like(inner)
            push[:, channel] = 1e-6
            slope = (score(inner + push) - score(inner - push)) / 2e-6 / inner[0, 0].numel()
            wanted += slope * inner[0, channel]
    torch.testing.assert_close(found, wanted.clamp(min=0), rtol=1e-4, atol=1e-6)


def test_layers_behind_that_work_in_place_do_no_harm() -> None:
    torch.manual_seed(1)
    first = nn.Conv2d(3, 4, 3).double()
    tail = [nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2).double()]
    x = torch.randn(1, 3, 5, 5, dtype=torch.float64)
    found = activation_maps.grad_cam(nn.Sequential(first, *tail), first, x, [0])
    tail[0] = nn.ReLU()
    torch.testing.assert_close(found, activation_maps.grad_cam(nn.Sequential(first, *tail), first, x, [0]))


def test_a_class_for_each_image() -> None:
    model = network()
    with pytest.raises(ValueError, match="one class for each of 2 images, got 1"):
        activation_maps.grad_cam(model, model.layer2, torch.zeros(2, 3, 8, 8, dtype=torch.float64), [1])


def test_a_photo_keeps_its_colours_where_the_map_is_large() -> None:
    rng = np.random.default_rng(0)
    photo = rng.uniform(0.2, 0.9, size=(12, 16, 3)).astype(np.float32)
    activation = np.zeros((3, 4), np.float32)
    activation[0, 0] = 5
    made = activation_maps.overlaid(photo, activation)
    np.testing.assert_allclose(made[0, 0], photo[0, 0], atol=1e-6)
    np.testing.assert_allclose(made[-1, -1], np.full(3, photo[-1, -1].mean() * 0.25), atol=1e-6)
    assert made.min() >= 0
    assert made.max() <= 1
    np.testing.assert_array_equal(activation_maps.overlaid(photo, np.full((3, 4), 2.0)), photo)


def test_a_map_is_enlarged_linearly() -> None:
    made = activation_maps.enlarged(np.array([[0.0, 4.0]]), (1, 4))
    np.testing.assert_allclose(made, [[0, 1, 3, 4]])
