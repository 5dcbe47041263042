"""What all learning-rate schedules share.

A scheduler sets the "lr" of its optimizer's groups: once when it is made, for t = 0, and then with every step(), for
t = 1, 2, ... Most say how the rate changes from one step to the next (`get_lr`), so that several can act on one
optimizer, and also what it is at step t from the start alone (`closed`).
"""

import warnings
from collections.abc import Callable, Iterable
from typing import Any

from dlstudy.scratch.optim.optimizer import Optimizer

ORDER = (
    "Detected call of `lr_scheduler.step()` before `optimizer.step()`. In PyTorch 1.1.0 and later, you should call "
    "them in the opposite order: `optimizer.step()` before `lr_scheduler.step()`. Failure to do this will result in "
    "skipping the first value of the learning rate schedule."
)
EPOCH = "The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where possible."


def one_for_each_group(name: str, optimizer: Optimizer, value: Any) -> list[Any]:
    """Return `value` once for every group of the optimizer, or the list that it is, if that has the right length."""
    count = len(optimizer.param_groups)
    if not isinstance(value, list | tuple):
        return [value] * count
    if len(value) != count:
        raise ValueError(
            f"{name} must have the same length as optimizer.param_groups: expected {count}, got {len(value)}"
        )
    return list(value)


class LRScheduler:
    """The base: a subclass writes get_lr(), the list of the groups' rates for step `self.last_epoch`."""

    closed: Callable[[float, int], float] | None = None
    _is_initial = False

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1):
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{i}] when resuming scheduler with "
                    "last_epoch >= 0: load the optimizer's state first"
                )
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._initial_step()

    def _initial_step(self) -> None:
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def step(self, epoch: int | None = None) -> None:
        """Go on to the next step's rates; call it after the optimizer's step()."""
        if self._step_count == 1 and not self.optimizer._stepped:
            warnings.warn(ORDER, UserWarning, stacklevel=2)
        self._step_count += 1
        if epoch is not None:
            warnings.warn(EPOCH, UserWarning, stacklevel=2)
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if epoch is not None and self.closed is not None:
            rates = [self.closed(base, epoch) for base in self.base_lrs]
        else:
            rates = self.get_lr()
        self._set(rates)

    def _set(self, rates: Iterable[float]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        self._last_lr = self.rates()

    def rates(self) -> list[float]:
        """Return the present rates of the optimizer's groups."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def get_last_lr(self) -> list[float]:
        """Return the rates that this scheduler set last."""
        return self._last_lr

    def get_lr(self) -> list[float]:
        """Return the rates of the groups for step `self.last_epoch`, computed from the present ones."""
        raise NotImplementedError(f"a scheduler needs get_lr(): {type(self).__name__} has none")

    def state_dict(self) -> dict[str, Any]:
        """Return everything but the optimizer; functions and lambdas are left out."""
        return {name: value for name, value in self.__dict__.items() if name != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        self.__dict__.update(state_dict)
