"""Fine-tuning: the frozen stays bit-equal, rates are timm's, a LoRA layer is torch's with the merged weight."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dlstudy.models.efficientnet import EfficientNet, SameConv2d, Stage
from dlstudy.training import finetune
from dlstudy.training.finetune import LoRA
from tests.parity.tools import off_initial_values

STAGES = (Stage(1, 3, 1, 8, 1), Stage(2, 3, 2, 8, 2))


def small(num_classes: int = 5) -> EfficientNet:
    """A lite EfficientNet of two stages with dropout and stochastic depth, off its initial values, in float64."""
    torch.manual_seed(0)
    model = EfficientNet(0.25, 1.0, num_classes, dropout=0.5, drop_probability=0.5, lite=True, stages=STAGES).double()
    off_initial_values(model)
    return model


def images(batch: int = 6, size: int = 20) -> Tensor:
    return torch.randn(batch, 3, size, size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def steps(model: nn.Module, count: int = 3) -> None:
    """Train for a few steps with momentum and weight decay, which would move a parameter even at a gradient of 0."""
    finetune.train_mode(model)
    optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9, weight_decay=0.1)
    for step in range(count):
        loss = F.cross_entropy(model(images() + step), torch.arange(6) % 5)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def state(model: nn.Module, prefix: str = "") -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items() if name.startswith(prefix)}


def changed(before: dict[str, Tensor], model: nn.Module) -> set[str]:
    now = model.state_dict()
    return {name for name, value in before.items() if not torch.equal(value, now[name])}


# ---- freezing --------------------------------------------------------------------------------------------------------


def test_a_frozen_part_is_bit_equal_after_training_and_the_rest_is_not() -> None:
    model = small()
    before = state(model)
    finetune.freeze(model.features)
    steps(model)
    assert changed(before, model) == {"classifier.1.weight", "classifier.1.bias"}


def test_without_train_mode_the_statistics_of_a_frozen_part_move() -> None:
    """The trap that `train_mode` is for: `requires_grad` alone does not stop a running mean."""
    model = small()
    before = state(model, "features")
    finetune.freeze(model.features)
    model.train()
    model(images())
    moved = changed(before, model)
    assert moved
    assert all("running" in name or "num_batches" in name for name in moved)


def test_a_part_in_the_middle_freezes_alone() -> None:
    model = small()
    before = state(model)
    finetune.freeze(model.features[1])
    steps(model)
    moved = changed(before, model)
    assert moved
    assert not [name for name in moved if name.startswith("features.1.")]
    trained = {name for name in before if not name.startswith("features.1.")}
    assert moved == trained


def test_frozen_parts_are_in_eval_mode_with_all_that_they_contain() -> None:
    model = small()
    finetune.freeze(model.features)
    finetune.train_mode(model)
    assert not any(module.training for module in model.features.modules())
    assert model.training
    assert all(module.training for module in model.classifier.modules())
    torch.manual_seed(0)
    first = model.features(images())
    torch.testing.assert_close(model.features(images()), first, rtol=0, atol=0)  # no stochastic depth
    finetune.unfreeze(model.features)
    finetune.train_mode(model)
    assert all(module.training for module in model.modules())
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_a_part_with_one_parameter_that_learns_is_not_frozen() -> None:
    layer = nn.BatchNorm1d(3)
    layer.weight.requires_grad_(False)
    assert not finetune.is_frozen(layer)
    layer.bias.requires_grad_(False)
    assert finetune.is_frozen(layer)
    assert not finetune.is_frozen(nn.ReLU()), "nothing to freeze"


def test_learning_counts_what_may_move() -> None:
    model = small()
    everything = sum(p.numel() for p in model.parameters())
    assert finetune.learning(model) == everything
    finetune.freeze(model.features)
    width = model.classifier[1].in_features
    assert finetune.learning(model) == 5 * width + 5


# ---- the head --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "path"), [("resnet18", "fc"), ("shufflenet_v2_x0_5", "fc"), ("mobilenet_v2", "classifier.1")]
)
def test_the_head_of_torchvisions_models_is_found(name: str, path: str) -> None:
    import torchvision

    model = getattr(torchvision.models, name)(weights=None, num_classes=11)
    before = state(model)
    old = model.get_submodule(path)
    head = finetune.replace_head(model, 4)
    assert model.get_submodule(path) is head
    assert (head.in_features, head.out_features) == (old.in_features, 4)
    assert {n for n, value in model.state_dict().items() if not torch.equal(value, before[n])} == {
        f"{path}.weight",
        f"{path}.bias",
    }


def test_a_new_head_is_even_handed_and_learns_in_a_frozen_model() -> None:
    model = small()
    finetune.freeze(model)
    head = finetune.replace_head(model, 4)
    scores = model.eval()(images())
    torch.testing.assert_close(scores, torch.zeros(6, 4, dtype=torch.float64), rtol=0, atol=0)
    F.cross_entropy(scores, torch.arange(6) % 4).backward()
    assert {name for name, p in model.named_parameters() if p.grad is not None} == {
        "classifier.1.weight",
        "classifier.1.bias",
    }
    # (softmax - one-hot) times the features, averaged: worked by hand from the definition
    features = model.avgpool(model.features(images())).flatten(1)
    right = F.one_hot(torch.arange(6) % 4, 4).double()
    assert head.weight.grad is not None
    torch.testing.assert_close(head.weight.grad, (0.25 - right).T @ features / 6, rtol=1e-12, atol=1e-14)


def test_a_head_without_bias_stays_so_and_bad_requests_are_refused() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2, bias=False))
    assert finetune.replace_head(model, 7).bias is None
    with pytest.raises(ValueError, match="at least one class, got 0"):
        finetune.replace_head(model, 0)
    with pytest.raises(ValueError, match="contains a linear layer, got Conv2d"):
        finetune.replace_head(nn.Conv2d(1, 1, 1), 3)
    with pytest.raises(ValueError, match="contains a linear layer, got Linear"):
        finetune.replace_head(nn.Linear(1, 1), 3)


# ---- rates and schedules ---------------------------------------------------------------------------------------------


def rates(groups: list[dict[str, Any]]) -> dict[int, tuple[float, float]]:
    """Rate and weight decay of every parameter; each may be there once only."""
    found = [(id(p), (group["lr"], group["weight_decay"])) for group in groups for p in group["params"]]
    assert len(found) == len(dict(found)), "a parameter is in two groups"
    return dict(found)


def test_layerwise_rates_by_hand() -> None:
    parts = [nn.Linear(2, 3), nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)), nn.Linear(3, 1)]
    found = rates(finetune.layerwise_groups(parts, 0.8, decay=0.25, weight_decay=0.01))
    first, (middle, norm), last = parts
    expected = {
        first.weight: (0.05, 0.01), first.bias: (0.05, 0.0), middle.weight: (0.2, 0.01), middle.bias: (0.2, 0.0),
        norm.weight: (0.2, 0.0), norm.bias: (0.2, 0.0), last.weight: (0.8, 0.01), last.bias: (0.8, 0.0),
    }  # fmt: skip
    assert found.keys() == {id(p) for p in expected}
    for parameter, (rate, decay) in expected.items():
        assert found[id(parameter)] == (pytest.approx(rate), decay)


def test_layerwise_rates_are_timms() -> None:
    import timm
    from timm.optim import param_groups_layer_decay

    model = timm.create_model("test_resnet", pretrained=False, num_classes=5)
    theirs = param_groups_layer_decay(model, weight_decay=0.02, layer_decay=0.7)
    # Which layers timm counts as one, from input to output, is read from its own groups.
    by_scale: dict[float, list[Tensor]] = {}
    for group in theirs:
        by_scale.setdefault(group["lr_scale"], []).extend(group["params"])
    assert len(by_scale) > 3
    parts = [nn.ParameterList(by_scale[scale]) for scale in sorted(by_scale)]
    ours = rates(finetune.layerwise_groups(parts, 0.1, decay=0.7, weight_decay=0.02))
    expected = {id(p): (0.1 * g["lr_scale"], g["weight_decay"]) for g in theirs for p in g["params"]}
    assert ours.keys() == expected.keys()
    for key, (rate, decay) in expected.items():
        assert ours[key] == (pytest.approx(rate), decay)


def test_groups_leave_out_the_frozen_and_name_the_shared_once() -> None:
    a, b = nn.Linear(2, 2), nn.Linear(2, 2)
    b.weight = a.weight
    found = rates(finetune.layerwise_groups([a, b], 1.0))
    assert found[id(a.weight)][0] == 1.0, "the shared weight belongs to the later part"
    assert found[id(a.bias)][0] == 0.5
    finetune.freeze(a)
    assert rates(finetune.layerwise_groups([a, b], 1.0)).keys() == {id(b.bias)}
    for rate, decay in ((0.0, 0.5), (1.0, 0.0)):
        with pytest.raises(ValueError, match="a rate and a decay above 0"):
            finetune.layerwise_groups([a], rate, decay)


def test_an_sgd_step_moves_each_part_by_its_own_rate() -> None:
    torch.manual_seed(0)
    parts = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 1)).double()
    before = copy.deepcopy(parts)
    optimizer = torch.optim.SGD(finetune.layerwise_groups(list(parts), 0.4, decay=0.5))
    parts(torch.randn(4, 3, dtype=torch.float64)).square().sum().backward()
    optimizer.step()
    for part, old, rate in zip(parts, before, (0.1, 0.2, 0.4), strict=True):
        assert part.weight.grad is not None
        torch.testing.assert_close(part.weight, old.weight - rate * part.weight.grad, rtol=0, atol=1e-15)


def test_gradual_unfreezing_goes_from_the_head_down() -> None:
    model = small()
    parts = [model.features[0], model.features[1], model.features[2:], model.classifier]
    frozen = []
    for epoch in range(6):
        count = finetune.unfreeze_gradually(parts, epoch, every=2)
        frozen.append((count, [finetune.is_frozen(part) for part in parts]))
    assert frozen[0] == frozen[1] == (1, [True, True, True, False])
    assert frozen[2] == frozen[3] == (2, [True, True, False, False])
    assert frozen[4] == frozen[5] == (3, [True, False, False, False])
    assert finetune.unfreeze_gradually(parts, 99) == 4
    assert not any(finetune.is_frozen(part) for part in parts)
    finetune.train_mode(model)
    finetune.unfreeze_gradually(parts, 1)
    awake = [any(module.training for module in part.modules() if module is not part) for part in parts]
    assert awake == [False, False, True, True], "eval mode at once, not only at train_mode"
    before = state(model)
    steps(model)
    assert {name.split(".")[0] + name.split(".")[1] for name in changed(before, model)} == {
        "features2", "features3", "classifier1",
    }  # fmt: skip


# ---- LoRA ------------------------------------------------------------------------------------------------------------

LAYERS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "linear": (lambda: nn.Linear(7, 9), (4, 7)),
    "linear, no bias, three axes": (lambda: nn.Linear(7, 9, bias=False), (2, 3, 7)),
    "convolution": (lambda: nn.Conv2d(6, 8, 3, padding=1), (2, 6, 7, 6)),
    "stride and dilation": (lambda: nn.Conv2d(6, 8, (3, 2), stride=2, padding=(2, 1), dilation=2), (2, 6, 9, 8)),
    "reflected border": (lambda: nn.Conv2d(6, 8, 3, padding=1, padding_mode="reflect"), (2, 6, 5, 5)),
    "padding by name": (lambda: nn.Conv2d(6, 8, 3, padding="same"), (2, 6, 5, 5)),
    "one by one": (lambda: nn.Conv2d(8, 9, 1, bias=False), (2, 8, 3, 4)),
    "two groups": (lambda: nn.Conv2d(6, 10, 3, padding=1, groups=2), (2, 6, 5, 6)),
    "TensorFlow's padding": (lambda: SameConv2d(6, 8, 3, stride=2, bias=False), (2, 6, 7, 8)),
}


def wrapped(name: str, rank: int = 2, alpha: float | None = 5.0) -> tuple[LoRA, Tensor]:
    torch.manual_seed(3)
    make, shape = LAYERS[name]
    layer = LoRA(make().double(), rank, alpha)
    nn.init.normal_(layer.up.weight)  # it begins at 0, where half of all mistakes do not show
    return layer, torch.randn(shape, dtype=torch.float64, requires_grad=True)


def weight_by_hand(layer: LoRA, A: Tensor, B: Tensor, alpha: float) -> Tensor:
    """W + (alpha / r) B A, number by number, from the definition: row o of a group's matrix is output channel o."""
    W = layer.base.weight.detach().clone()
    groups = getattr(layer.base, "groups", 1)
    rows, rank = len(W) // groups, layer.rank
    result = []
    for o in range(len(W)):
        g = o // rows
        kernel = sum(B.reshape(len(W), rank)[o, k] * A[g * rank + k] for k in range(rank))
        result.append(W[o] + alpha / rank * kernel)
    return torch.stack(result)


@pytest.mark.parametrize("name", LAYERS)
def test_applied_merged_and_torch_with_the_weight_by_hand_agree(name: str) -> None:
    layer, x = wrapped(name)
    A, B = (weight.detach().clone().requires_grad_() for weight in (layer.down.weight, layer.up.weight))
    W = weight_by_hand(layer, A, B, alpha=5.0)
    reference = copy.deepcopy(layer.base)
    del reference.weight
    reference.weight = W
    other = x.detach().clone().requires_grad_()
    if isinstance(layer.base, nn.Linear):
        expected = F.linear(other, W, layer.base.bias)
    elif type(layer.base) is nn.Conv2d and layer.base.padding_mode == "zeros":
        base = layer.base
        expected = F.conv2d(other, W, base.bias, base.stride, base.padding, base.dilation, base.groups)
    else:
        expected = reference(other)
    upstream = torch.randn_like(expected)
    applied, merged = layer(x), layer.merged()
    torch.testing.assert_close(applied, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(merged(x.detach()), expected.detach(), rtol=0, atol=1e-12)
    assert type(merged) is type(layer.base)
    applied.backward(upstream)
    expected.backward(upstream)
    for ours, theirs in ((layer.down.weight, A), (layer.up.weight, B), (x, other)):
        assert ours.grad is not None
        assert theirs.grad is not None
        assert theirs.grad.abs().max() > 1e-3
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=0, atol=1e-12)
    assert all(parameter.grad is None for parameter in layer.base.parameters())


@pytest.mark.parametrize("name", LAYERS)
def test_a_lora_layer_begins_exactly_as_its_base(name: str) -> None:
    torch.manual_seed(4)
    make, shape = LAYERS[name]
    base, x = make().double(), torch.randn(shape, dtype=torch.float64)
    expected = base(x)
    layer = LoRA(base, 2)
    torch.testing.assert_close(layer(x), expected, rtol=0, atol=0)
    assert layer.scale == 1.0
    assert layer.down.weight.abs().min() > 0, "zeros on both sides would never learn"


def test_the_correction_has_the_rank_and_begins_with_the_stated_variance() -> None:
    layer, _ = wrapped("convolution", rank=3)
    assert torch.linalg.matrix_rank(layer.correction().reshape(8, -1)) == 3
    torch.manual_seed(0)
    wide = LoRA(nn.Conv2d(64, 256, 3), 32)
    spread = wide.down.weight.detach()
    assert abs(spread.mean().item()) < 0.001
    assert spread.var().item() == pytest.approx(1 / (64 * 9), rel=0.03)


@pytest.mark.parametrize(
    ("layer", "rank", "sentence"),
    [
        (nn.Linear(4, 4), 2, "between 1 and 1 for 1 matrices of 4 x 4"),
        (nn.Linear(6, 6), 0, "between 1 and 2"),
        (nn.Conv2d(6, 6, 3, groups=6), 1, "between 1 and 0 for 6 matrices of 1 x 9"),
    ],
)
def test_a_rank_that_saves_nothing_is_refused(layer: nn.Module, rank: int, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        LoRA(layer, rank)  # type: ignore[arg-type]


def test_other_layers_are_refused() -> None:
    with pytest.raises(TypeError, match=r"expected nn.Linear or nn.Conv2d, got BatchNorm2d"):
        LoRA(nn.BatchNorm2d(3), 1)  # type: ignore[arg-type]


def test_what_saves_is_what_has_fewer_numbers() -> None:
    for layer in (nn.Linear(5, 9), nn.Conv2d(6, 10, 3, groups=2), nn.Conv2d(4, 4, 3, groups=4)):
        for rank in range(1, 9):
            rows, columns, groups = finetune._matrix(layer)
            numbers = groups * rank * (rows + columns)
            assert finetune.saves(layer, rank) == (numbers < layer.weight.numel())


def test_only_the_corrections_of_a_model_learn_and_merging_keeps_what_it_computes() -> None:
    model = small()
    model.eval()
    with torch.no_grad():
        first = model(images())
    depthwise = {n for n, layer in model.named_modules() if getattr(layer, "groups", 1) > 1}
    names = finetune.add_lora(model, 1)
    assert names
    assert depthwise
    assert not depthwise & set(names), "what would save nothing is left alone"
    with torch.no_grad():
        torch.testing.assert_close(model.eval()(images()), first, rtol=0, atol=0)
    before = state(model)
    steps(model)
    moved = changed(before, model)
    assert moved == {f"{name}.{part}.weight" for name in names for part in ("down", "up")}
    learned = {name for name, p in model.named_parameters() if p.requires_grad}
    assert learned == moved
    assert finetune.learning(model) == sum(before[name].numel() for name in moved)
    model.eval()
    with torch.no_grad():
        applied = model(images())
        assert (applied - first).abs().max() > 1e-3
        assert finetune.merge_lora(model) == len(names)
        torch.testing.assert_close(model(images()), applied, rtol=0, atol=1e-12)
    assert model.state_dict().keys() == small().state_dict().keys()


def test_a_head_and_chosen_layers() -> None:
    model = small()
    names = finetune.add_lora(model, 1, where=lambda name, layer: "features.2" in name)
    assert names
    assert all(name.startswith("features.2") for name in names)
    finetune.replace_head(model, 3)
    assert {name.split(".")[0] for name, p in model.named_parameters() if p.requires_grad} == {"features", "classifier"}
    with pytest.raises(ValueError, match="a correction of rank 500 fits, found none"):
        finetune.add_lora(small(), 500)
