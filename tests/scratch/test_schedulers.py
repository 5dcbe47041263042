"""Every scheduler against torch's, step by step: rates, momentum, state, chained, resumed and refused."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import dlstudy.scratch as scratch

pytestmark = pytest.mark.filterwarnings("ignore:Detected call of:UserWarning")  # torch's own, of nested sequences
STEPS = 60
Make = Callable[[Any, Any], Any]


def sequential(S: Any, o: Any) -> Any:
    warm = S.LinearLR(o, start_factor=0.1, total_iters=5)
    return S.SequentialLR(o, [warm, S.CosineAnnealingLR(o, T_max=20), S.ExponentialLR(o, 0.9)], milestones=[5, 25])


def nested(S: Any, o: Any) -> Any:
    inner = S.SequentialLR(o, [S.ConstantLR(o, 0.2, 3), S.StepLR(o, 4)], milestones=[6])
    return S.SequentialLR(o, [inner, S.LambdaLR(o, lambda t: 1 / (t + 1))], milestones=[30])


MAKERS: list[tuple[str, Make]] = [
    ("LambdaLR", lambda S, o: S.LambdaLR(o, lambda t: 0.95**t)),
    ("LambdaLR, each", lambda S, o: S.LambdaLR(o, [lambda t: 1 / (1 + t), lambda t: t / 60])),
    ("MultiplicativeLR", lambda S, o: S.MultiplicativeLR(o, lambda t: 0.9 + 0.001 * t)),
    ("StepLR", lambda S, o: S.StepLR(o, 7, gamma=0.3)),
    ("MultiStepLR", lambda S, o: S.MultiStepLR(o, [3, 20, 20, 41], gamma=0.5)),
    ("ConstantLR", lambda S, o: S.ConstantLR(o, factor=0.25, total_iters=9)),
    ("LinearLR", lambda S, o: S.LinearLR(o)),
    ("LinearLR down", lambda S, o: S.LinearLR(o, 1.0, 0.1, 30)),
    ("ExponentialLR", lambda S, o: S.ExponentialLR(o, 0.93)),
    ("PolynomialLR", lambda S, o: S.PolynomialLR(o, 40, 2.0)),
    ("CosineAnnealingLR", lambda S, o: S.CosineAnnealingLR(o, T_max=50)),
    ("CosineAnnealingLR up again", lambda S, o: S.CosineAnnealingLR(o, T_max=13, eta_min=0.003)),
    ("CosineAnnealingWarmRestarts", lambda S, o: S.CosineAnnealingWarmRestarts(o, 9)),
    ("CosineAnnealingWarmRestarts x2", lambda S, o: S.CosineAnnealingWarmRestarts(o, 5, 2, 0.001)),
    ("OneCycleLR", lambda S, o: S.OneCycleLR(o, max_lr=0.5, total_steps=STEPS)),
    ("OneCycleLR linear", lambda S, o: S.OneCycleLR(o, [0.5, 0.2], STEPS, anneal_strategy="linear", pct_start=0.4)),
    ("OneCycleLR three", lambda S, o: S.OneCycleLR(o, 0.5, epochs=6, steps_per_epoch=10, three_phase=True)),
    ("OneCycleLR fixed momentum", lambda S, o: S.OneCycleLR(o, 0.5, STEPS, cycle_momentum=False)),
    ("SequentialLR", sequential),
    ("SequentialLR nested", nested),
    ("ChainedScheduler", lambda S, o: S.ChainedScheduler([S.LinearLR(o, 0.2, total_iters=8), S.StepLR(o, 10)])),
    ("two at once", lambda S, o: [S.ExponentialLR(o, 0.97), S.CosineAnnealingLR(o, 20, 0.001)]),
]
IDS = [name for name, _ in MAKERS]


def optimizer(M: Any, kind: str = "SGD") -> Any:
    p, q = (M.nn.Parameter(M.tensor([1.0])) for _ in range(2))
    return getattr(M.optim, kind)([{"params": [p]}, {"params": [q], "lr": 0.04}], lr=0.3)


def step_all(o: Any, schedulers: Any) -> None:
    o.step()
    for s in schedulers if isinstance(schedulers, list) else [schedulers]:
        s.step()


def settings(o: Any, schedulers: Any) -> list[float]:
    """Return the rates, momenta and last rates."""
    found = [group["lr"] for group in o.param_groups]
    found += [group["momentum"] if "momentum" in group else group["betas"][0] for group in o.param_groups]
    for s in schedulers if isinstance(schedulers, list) else [schedulers]:
        found += [*s.get_last_lr(), s.last_epoch if hasattr(s, "last_epoch") else 0]
    return found


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize(("name", "make"), MAKERS, ids=IDS)
def test_equals_torch(name: str, make: Make, kind: str) -> None:
    optimizers = {M: optimizer(M, kind) for M in (torch, scratch)}
    schedulers = {M: make(M.optim.lr_scheduler, optimizers[M]) for M in (torch, scratch)}
    for step in range(STEPS - 1):
        ours, theirs = (settings(optimizers[M], schedulers[M]) for M in (scratch, torch))
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-17, err_msg=f"step {step}")
        for M in (torch, scratch):
            step_all(optimizers[M], schedulers[M])


@pytest.mark.parametrize(("source", "target"), [(torch, scratch), (scratch, torch), (scratch, scratch)])
@pytest.mark.parametrize(("name", "make"), MAKERS[:-1], ids=IDS[:-1])  # the last has two schedulers, and two states
def test_a_state_dict_goes_on_in_the_other_library(name: str, make: Make, source: Any, target: Any) -> None:
    first, second = optimizer(source), optimizer(target)
    one, two = make(source.optim.lr_scheduler, first), make(target.optim.lr_scheduler, second)
    for _ in range(23):
        step_all(first, one)
    second.load_state_dict(first.state_dict())
    two.load_state_dict(one.state_dict())
    for step in range(24, STEPS):
        step_all(first, one)
        step_all(second, two)
        np.testing.assert_allclose(settings(second, two), settings(first, one), rtol=1e-12, err_msg=f"step {step}")


@pytest.mark.parametrize("name", ["ExponentialLR", "StepLR", "CosineAnnealingLR", "LinearLR down", "PolynomialLR"])
def test_made_in_the_middle(name: str) -> None:
    results = []
    for M in (torch, scratch):
        o = optimizer(M)
        for group in o.param_groups:
            group["initial_lr"] = group["lr"] * 2
        arguments = {
            "ExponentialLR": (0.9,),
            "StepLR": (4,),
            "CosineAnnealingLR": (30,),
            "LinearLR down": (1.0, 0.1, 30),
            "PolynomialLR": (40,),
        }
        s = getattr(M.optim.lr_scheduler, name.split()[0])(o, *arguments[name], last_epoch=6)
        seen = [settings(o, s)]
        for _ in range(10):
            step_all(o, s)
            seen.append(settings(o, s))
        results.append(seen)
    np.testing.assert_allclose(results[1], results[0], rtol=1e-12)


@pytest.mark.filterwarnings("ignore:The epoch parameter:UserWarning")
@pytest.mark.parametrize(("name", "make"), MAKERS[3:14], ids=IDS[3:14])
def test_a_jump_to_an_epoch(name: str, make: Make) -> None:
    results = []
    for M in (torch, scratch):
        o = optimizer(M)
        s, seen = make(M.optim.lr_scheduler, o), []
        for epoch in (1, 4, 12, 5, 37):
            o.step()
            s.step(epoch)
            seen.append(settings(o, s))
        results.append(seen)
    np.testing.assert_allclose(results[1], results[0], rtol=1e-12, atol=1e-17)


def test_warm_restarts_after_every_batch() -> None:
    results = []
    for M in (torch, scratch):
        o = optimizer(M)
        s, seen = M.optim.lr_scheduler.CosineAnnealingWarmRestarts(o, 3, 2), []
        o.step()
        for i in range(60):
            s.step(i / 4)
            seen.append(settings(o, s))
        results.append(seen)
    np.testing.assert_allclose(results[1], results[0], rtol=1e-12, atol=1e-17)


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("threshold_mode", ["rel", "abs"])
@pytest.mark.parametrize("extra", [{}, {"cooldown": 3}, {"min_lr": 0.02}, {"min_lr": [0.1, 0.01]}, {"eps": 0.05}])
def test_reduce_on_plateau(mode: str, threshold_mode: str, extra: dict[str, Any]) -> None:
    metrics = np.cumsum(np.random.default_rng(0).normal(size=STEPS)).tolist()
    results = []
    for M in (torch, scratch):
        o = optimizer(M)
        s = M.optim.lr_scheduler.ReduceLROnPlateau(
            o, mode, factor=0.5, patience=2, threshold=0.1, threshold_mode=threshold_mode, **extra
        )
        seen = []
        for metric in metrics:
            o.step()
            s.step(M.tensor(metric))
            seen.append([*settings(o, s), s.num_bad_epochs, s.best])
        results.append(seen)
    np.testing.assert_allclose(results[1], results[0], rtol=1e-12)
    assert len({row[0] for row in results[1]}) > 2  # it did go down


@pytest.mark.parametrize(("source", "target"), [(torch, scratch), (scratch, torch)])
def test_plateau_goes_on_in_the_other_library(source: Any, target: Any) -> None:
    first, second = optimizer(source), optimizer(target)
    one = source.optim.lr_scheduler.ReduceLROnPlateau(first, patience=1)
    two = target.optim.lr_scheduler.ReduceLROnPlateau(second, patience=4, mode="max")
    for metric in (1.0, 2.0):
        one.step(metric)
    two.load_state_dict(one.state_dict())
    for metric in (3.0, 0.5, 0.6, 0.7):
        one.step(metric)
        two.step(metric)
        assert settings(second, two) == settings(first, one)


def test_a_scheduler_of_ones_own() -> None:
    results = []
    for M in (torch, scratch):

        class Halving(M.optim.lr_scheduler.LRScheduler):  # type: ignore[name-defined, misc]
            def get_lr(self) -> list[float]:
                return [base / 2**self.last_epoch for base in self.base_lrs]

        o = optimizer(M)
        s = Halving(o)
        seen = []
        for _ in range(5):
            step_all(o, s)
            seen.append(settings(o, s))
        results.append(seen)
    assert results[0] == results[1]


def test_the_wrong_order_warns() -> None:
    for M in (torch, scratch):
        o = optimizer(M)
        s = M.optim.lr_scheduler.ExponentialLR(o, 0.9)
        with pytest.warns(UserWarning, match=r"before `optimizer.step\(\)`"):
            s.step()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            step_all(o, s)


REFUSED: list[tuple[type[Exception], Make]] = [
    (TypeError, lambda S, o: S.ExponentialLR(0.1, 0.9)),
    (KeyError, lambda S, o: S.ExponentialLR(o, 0.9, last_epoch=3)),
    (ValueError, lambda S, o: S.LambdaLR(o, [lambda t: 1.0])),
    (ValueError, lambda S, o: S.LinearLR(o, start_factor=0)),
    (ValueError, lambda S, o: S.LinearLR(o, end_factor=2)),
    (ValueError, lambda S, o: S.ConstantLR(o, factor=2)),
    (ValueError, lambda S, o: S.CosineAnnealingWarmRestarts(o, 0)),
    (ValueError, lambda S, o: S.CosineAnnealingWarmRestarts(o, 5, 0)),
    (ValueError, lambda S, o: S.OneCycleLR(o, 0.1)),
    (ValueError, lambda S, o: S.OneCycleLR(o, 0.1, total_steps=0)),
    (ValueError, lambda S, o: S.OneCycleLR(o, 0.1, total_steps=10, pct_start=2.0)),
    (ValueError, lambda S, o: S.OneCycleLR(o, 0.1, total_steps=10, anneal_strategy="steep")),
    (ValueError, lambda S, o: S.SequentialLR(o, [], [])),
    (ValueError, lambda S, o: S.SequentialLR(o, [S.ExponentialLR(o, 0.9)], [3])),
    (ValueError, lambda S, o: S.SequentialLR(o, [S.ReduceLROnPlateau(o)], [])),
    (ValueError, lambda S, o: S.ReduceLROnPlateau(o, factor=1.0)),
    (ValueError, lambda S, o: S.ReduceLROnPlateau(o, mode="middle")),
]


@pytest.mark.parametrize(("error", "make"), REFUSED, ids=[str(i) for i in range(len(REFUSED))])
def test_both_refuse(error: type[Exception], make: Make) -> None:
    for M in (torch, scratch):
        with pytest.raises(error):
            make(M.optim.lr_scheduler, optimizer(M))


def test_one_cycle_ends() -> None:
    for M in (torch, scratch):
        o = optimizer(M)
        s = M.optim.lr_scheduler.OneCycleLR(o, 0.1, total_steps=3)
        for _ in range(3):
            s.step()
        with pytest.raises(ValueError, match="Tried to step 4 times"):
            s.step()


def test_every_scheduler_has_a_case() -> None:
    public = set(scratch.optim.lr_scheduler.__all__) - {"LRScheduler", "ReduceLROnPlateau"}
    assert public == {name.split(",")[0].split()[0] for name in IDS} - {"two"}
