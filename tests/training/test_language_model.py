"""The loop does what a loop written out by hand does; its parts by hand; it learns, stops, and repeats itself."""

from __future__ import annotations

import copy
import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from dlstudy.data.text import random_windows
from dlstudy.models.gpt import GPT
from dlstudy.training import language_model
from dlstudy.training.language_model import evaluate, learning_rate_at, parameter_groups, train
from tests.proofs import note


def small(dropout: float = 0.0) -> GPT:
    torch.manual_seed(0)
    return GPT(11, 8, 16, 2, 2, dropout)


def text(length: int = 400, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 11, length)


OPTIONS: dict[str, Any] = {"steps": 7, "batch_size": 3, "length": 6, "warmup": 3}


def test_the_loop_is_the_one_written_out_by_hand() -> None:
    model, tokens = small().double(), text()  # in float32 Adam makes steps of rounding errors where gradients are 0
    twin = copy.deepcopy(model)
    reports = list(train(model, tokens, **OPTIONS, learning_rate=0.02, clip=0.5, report_every=1, seed=4))

    matrices = [p for p in twin.parameters() if p.dim() >= 2]
    others = [p for p in twin.parameters() if p.dim() < 2]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}],
        lr=0.02, betas=(0.9, 0.99), foreach=False,
    )  # fmt: skip
    rng, losses, norms = np.random.default_rng(4), [], []
    for step in range(7):
        rate = 0.02 * (step + 1) / 3
        if step >= 3:
            rate = 0.002 + 0.018 * (1 + math.cos(math.pi * (step - 3) / 4)) / 2
        for group in optimizer.param_groups:
            group["lr"] = rate
        assert reports[step].learning_rate == pytest.approx(rate)
        inputs, targets = (torch.from_numpy(part) for part in random_windows(tokens, 3, 6, rng))
        optimizer.zero_grad()
        loss = F.cross_entropy(twin(inputs).transpose(1, 2), targets)
        loss.backward()
        norms.append(nn.utils.get_total_norm([p.grad for p in twin.parameters() if p.grad is not None]).item())
        for parameter in twin.parameters():
            assert parameter.grad is not None
            parameter.grad *= min(1.0, 0.5 / norms[-1])
        optimizer.step()
        losses.append(loss.item())
    assert max(norms) > 0.5, "else the limit was not tried"
    assert [report.train_loss for report in reports[1:]] == pytest.approx(losses, rel=1e-5)
    for one, two in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-6)


def test_without_a_limit_nothing_is_clipped() -> None:
    lengths = []
    for clip in (None, 1e9, 1e-3):
        model = small()
        start = [value.clone() for value in model.parameters()]
        list(train(model, text(), **OPTIONS, clip=clip, weight_decay=0.0))
        lengths.append(sum((one - two).norm().item() for one, two in zip(model.parameters(), start, strict=True)))
    assert lengths[0] == pytest.approx(lengths[1], rel=1e-6)
    assert lengths[2] != pytest.approx(lengths[0], rel=1e-3)


def test_the_learning_rate_by_hand() -> None:
    rates = [learning_rate_at(step, steps=20, peak=1.0, floor=0.2, warmup=4) for step in range(22)]
    assert rates[:4] == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert rates[4] == pytest.approx(1.0)
    assert rates[12] == pytest.approx(0.6), "half way down"
    assert rates[8] == pytest.approx(0.2 + 0.8 * (1 + math.sqrt(0.5)) / 2)
    assert rates[20] == rates[21] == pytest.approx(0.2)
    assert all(a >= b for a, b in itertools.pairwise(rates[3:]))
    assert learning_rate_at(0, steps=5, peak=1.0, floor=0.1, warmup=0) == 1.0
    assert learning_rate_at(2, steps=3, peak=1.0, floor=0.1, warmup=3) == 1.0


def test_only_matrices_decay_and_every_parameter_is_there_once() -> None:
    model = small()
    model.blocks[1].norm1.bias.requires_grad_(False)
    decayed, kept = parameter_groups(model, 0.3)
    assert (decayed["weight_decay"], kept["weight_decay"]) == (0.3, 0.0)
    names = {id(value): name for name, value in model.named_parameters()}
    assert {names[id(value)] for value in decayed["params"]} == {
        name for name in names.values() if name.endswith("weight") and "norm" not in name
    }
    assert {names[id(value)] for value in kept["params"]} == {
        name for name in names.values() if name.endswith("bias") or "norm" in name
    } - {"blocks.1.norm1.bias"}
    assert len(decayed["params"]) + len(kept["params"]) == len(names) - 1


def test_the_loss_on_held_out_text_by_hand() -> None:
    model, tokens = small(dropout=0.5), text(31)
    model.train()
    with torch.no_grad():
        twin = copy.deepcopy(model).eval()
        losses = []
        for start in range(0, 30, 6):  # five windows side by side, and the target of the last is the last token
            inputs, targets = (torch.from_numpy(tokens[start + shift : start + shift + 6]) for shift in (0, 1))
            losses.append(F.cross_entropy(twin(inputs[None])[0], targets).item())
    assert evaluate(model, tokens, 6) == pytest.approx(np.mean(losses), rel=1e-5)
    assert evaluate(model, tokens, 6, batch_size=2) == pytest.approx(np.mean(losses), rel=1e-5)
    assert model.training
    assert evaluate(model, tokens, 6, windows=3) == pytest.approx(np.mean([losses[i] for i in (0, 2, 4)]), rel=1e-5)
    assert evaluate(model, tokens[:30], 6) == pytest.approx(np.mean(losses[:4]), rel=1e-5)
    assert evaluate(model, tokens, 6, windows=99) == pytest.approx(np.mean(losses), rel=1e-5)
    with pytest.raises(ValueError, match=r"more than 31 tokens, .*; got 31"):
        evaluate(model, tokens, 31)


def test_reports_come_when_they_should() -> None:
    calls = []

    def sample(model: nn.Module) -> str:
        model.eval()
        calls.append(1)
        return f"text {len(calls)}"

    model = small()
    reports = list(
        train(
            model, text(), text(100, 1), steps=25, batch_size=2, length=6, report_every=5, evaluate_every=10,
            sample=sample,
        )
    )  # fmt: skip
    assert [report.step for report in reports] == [0, 5, 10, 15, 20, 25]
    assert [report.val_loss is not None for report in reports] == [True, False, True, False, True, True]
    assert [report.sample for report in reports] == ["text 1", None, "text 2", None, "text 3", "text 4"]
    assert [report.train_loss is not None for report in reports] == [False, True, True, True, True, True]
    assert reports[0].val_loss == pytest.approx(math.log(11), rel=0.05), "before the first step all tokens are alike"
    assert reports[-1].val_loss == evaluate(model, text(100, 1), 6, windows=240)
    times = [report.seconds for report in reports]
    assert times == sorted(times)
    assert times[0] == 0
    assert reports[-1].learning_rate == pytest.approx(1e-4)


def test_a_train_loss_is_the_mean_since_the_last_report() -> None:
    each = [report.train_loss for report in train(small(), text(), **OPTIONS, report_every=1)][1:]
    (_, three, six, seven) = [report.train_loss for report in train(small(), text(), **OPTIONS, report_every=3)]
    assert [three, six, seven] == pytest.approx([np.mean(each[:3]), np.mean(each[3:6]), each[6]], rel=1e-6)


def test_who_asks_for_no_more_has_stopped_it() -> None:
    model = small()
    before = copy.deepcopy(model.state_dict())
    training = train(model, text(), **OPTIONS, report_every=2)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    for report in training:
        if report.step == 4:
            break
    stopped = copy.deepcopy(model.state_dict())
    training.close()
    assert all(torch.equal(value, stopped[name]) for name, value in model.state_dict().items())
    assert not all(torch.equal(value, before[name]) for name, value in stopped.items())
    other = small()
    for report in train(other, text(), **OPTIONS, report_every=1):
        if report.step == 4:
            break
    assert all(torch.equal(value, stopped[name]) for name, value in other.state_dict().items())


def test_the_same_seeds_train_the_same_model() -> None:
    def losses(seed: int) -> list[float | None]:
        model = small(dropout=0.2)
        torch.manual_seed(1)
        return [report.train_loss for report in train(model, text(), **OPTIONS, seed=seed, report_every=1)]

    assert losses(1) == losses(1)
    assert losses(1) != losses(2)


@pytest.mark.proof
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_it_learns_a_text_with_a_rule_and_not_one_without(seed: int) -> None:
    """The next token is the sum of the last two, by eleven: a model that attends to both knows all but the first."""
    rule = [1, seed + 2]
    while len(rule) < 600:
        rule.append((rule[-1] + rule[-2]) % 11)
    torch.manual_seed(seed)
    models = [GPT(11, 8, 32, 2, 2), GPT(11, 8, 32, 2, 2)]
    texts = [np.array(rule), text(20_000, seed)]
    found = []
    for model, tokens in zip(models, texts, strict=True):
        *_, last = train(
            model, tokens, tokens[-300:], steps=150, batch_size=16, length=8, learning_rate=3e-3, warmup=20, seed=seed
        )
        found.append(last.val_loss)
    note(loss_with_a_rule=found[0], loss_without=found[1])
    assert found[0] is not None
    assert found[1] is not None
    assert found[0] < 0.45, "only the first token of a window cannot be known, an eighth of log 11"
    assert found[1] > math.log(11) - 0.1


def test_mean_of_losses() -> None:
    assert language_model.mean([torch.tensor(1.0), torch.tensor(4.0)]) == 2.5
