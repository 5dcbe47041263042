"""Schedules that are one curve: steps, lines, powers, half a cosine wave, or any function."""

import math
import types
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from typing import Any

from dlstudy.scratch.optim.optimizer import Optimizer

from .base import LRScheduler, one_for_each_group


class LambdaLR(LRScheduler):
    """base_lr * f(t) for a function f, or one for each group."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Any, last_epoch: int = -1):
        self.lr_lambdas = one_for_each_group("lr_lambda", optimizer, lr_lambda)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return the rates for step `self.last_epoch`."""
        return [base * f(self.last_epoch) for f, base in zip(self.lr_lambdas, self.base_lrs)]

    def state_dict(self) -> dict[str, Any]:
        """Return everything but the optimizer; of f what it holds if it is an object, None if it is a function."""
        held = [None if isinstance(f, types.FunctionType) else dict(f.__dict__) for f in self.lr_lambdas]
        return {**super().state_dict(), "lr_lambdas": held}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        self.__dict__.update({name: value for name, value in state_dict.items() if name != "lr_lambdas"})
        for f, held in zip(self.lr_lambdas, state_dict["lr_lambdas"]):
            if held is not None:
                f.__dict__.update(held)


class MultiplicativeLR(LambdaLR):
    """The last rate times f(t)."""

    def get_lr(self) -> list[float]:
        """Return the rates for step `self.last_epoch`."""
        if self._is_initial:
            return self.rates()
        return [rate * f(self.last_epoch) for rate, f in zip(self.rates(), self.lr_lambdas)]


class StepLR(LRScheduler):
    """base_lr * gamma^(t // step_size): times gamma every `step_size` steps."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1):
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return the rates for step `self.last_epoch`."""
        if self.last_epoch == 0 or self.last_epoch % self.step_size:
            return self.rates()
        return [rate * self.gamma for rate in self.rates()]

    def closed(self, base_lr: float, t: int) -> float:
        """Return the rate at step t."""
        return base_lr * self.gamma ** (t // self.step_size)


class MultiStepLR(LRScheduler):
    """base_lr * gamma^(how many milestones are at or before t)."""

    def __init__(self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1):
        self.milestones, self.gamma = Counter(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return the rates for step `self.last_epoch`."""
        times = self.milestones[self.last_epoch]
        return [rate * self.gamma**times for rate in self.rates()] if times else self.rates()

    def closed(self, base_lr: float, t: int) -> float:
        """Return the rate at step t."""
        return base_lr * self.gamma ** bisect_right(sorted(self.milestones.elements()), t)


class ConstantLR(LRScheduler):
    """base_lr * factor for `total_iters` steps, base_lr from then on."""

    def __init__(self, optimizer: Optimizer, factor: float = 1.0 / 3, total_iters: int = 5, last_epoch: int = -1):
        if not 0 <= factor <= 1:
            raise ValueError(f"Constant multiplicative factor expected to be between 0 and 1, got {factor}")
        self.factor, self.total_iters = factor, total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return the rates for step `self.last_epoch`."""
        if self.last_epoch == 0:
            return [rate * self.factor for rate in self.rates()]
        return (
            [rate * (1 / self.factor) for rate in self.rates()] if self.last_epoch == self.total_iters else self.rates()
        )

    def closed(self, base_lr: float, t: int) -> float:
        """Return the rate at step t."""
        return base_lr * (1 if t >= self.total_iters else self.factor)


class LinearLR(LRScheduler):
    """base_lr times a factor that goes evenly from start_factor to end_factor in `total_iters` steps: a warm-up."""

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ):
        if not 0 < start_factor <= 1:
            raise ValueError(f"Starting factor expected to be greater than 0 and at most 1, got {start_factor}")
        if not 0 <= end_factor <= 1:
            raise ValueError(f"Ending multiplicative factor expected to be between 0 and 1, got {end_factor}")
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return the rates for step `self.last_epoch`."""
        t, rise = self.last_epoch, self.end_factor - self.start_factor
        if t == 0:
            return [rate * self.start_factor for rate in self.rates()]
        if self._is_initial or t > self.total_iters:
            return self.rates()
        growth = 1 + rise / (self.total_iters * self.start_factor + (t - 1) * rise)  # factor at t by factor at t - 1
        return [rate * growth for rate in self.rates()]

    def closed(self, base_lr: float, t: int) -> float:
        """Return the rate at step t."""
        done = min(self.total_iters, t) / self.total_iters
        return base_lr * (self.start_factor + (self.end_factor - self.start_factor) * done)


class ExponentialLR(LRScheduler):
    """base_lr * gamma^t."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1):
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return the rates for step `self.last_epoch`."""
        return self.rates() if self._is_initial else [rate * self.gamma for rate in self.rates()]

    def closed(self, base_lr: float, t: int) -> float:
        """Return the rate at step t."""
        return base_lr * self.gamma**t


class PolynomialLR(LRScheduler):
    """base_lr * (1 - t / total_iters)^power, and 0 after `total_iters` steps."""

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1):
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return the rates for step `self.last_epoch`."""
        t, n = self.last_epoch, self.total_iters
        if self._is_initial or t > n:
            return self.rates()
        return [rate * ((1 - t / n) / (1 - (t - 1) / n)) ** self.power for rate in self.rates()]

    def closed(self, base_lr: float, t: int) -> float:
        """Return the rate at step t."""
        return base_lr * (1 - min(self.total_iters, t) / self.total_iters) ** self.power


class CosineAnnealingLR(LRScheduler):
    """eta_min + (base_lr - eta_min) (1 + cos(pi t / T_max)) / 2: half a cosine wave down in T_max steps (SGDR
    [1608.03983], equation 5, without restarts; beyond T_max the wave goes up again).
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1):
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return the rates for step `self.last_epoch`."""
        t, low, rates = self.last_epoch, self.eta_min, self.rates()
        if self._is_initial:
            return rates
        if self._step_count == 1 and t > 0:
            return [self.closed(base, t) for base in self.base_lrs]
        if (t - 1 - self.T_max) % (2 * self.T_max) == 0:  # the last rate was the lowest: there is no ratio to it
            rise = (1 - math.cos(math.pi / self.T_max)) / 2
            return [rate + (base - low) * rise for rate, base in zip(rates, self.base_lrs)]
        ratio = (1 + math.cos(math.pi * t / self.T_max)) / (1 + math.cos(math.pi * (t - 1) / self.T_max))
        return [low + ratio * (rate - low) for rate in rates]

    def closed(self, base_lr: float, t: int) -> float:
        """Return the rate at step t."""
        return self.eta_min + (base_lr - self.eta_min) * (1 + math.cos(math.pi * t / self.T_max)) / 2
