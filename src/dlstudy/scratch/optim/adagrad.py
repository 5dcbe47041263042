"""Adagrad: a rate for every parameter that shrinks with the gradients it has seen."""

from typing import Any

import numpy as np

from dlstudy.scratch.types import Array

from .optimizer import Group, Optimizer, Params, buffer, check_settings, count_step, pieces


class Adagrad(Optimizer):
    """Adagrad (Duchi, Hazan and Singer 2011): s <- s + g^2, p <- p - lr g / (sqrt(s) + eps).

    The sum s starts at `initial_accumulator_value` and only grows, so the steps shrink; `lr_decay` shrinks them
    further, to lr / (1 + (t - 1) lr_decay) at step t. `weight_decay` adds weight_decay p to the gradient. Proven equal
    to torch.optim.Adagrad over 50 steps.
    """

    def __init__(
        self, params: Params, lr: float = 1e-2, lr_decay: float = 0, weight_decay: float = 0,
        initial_accumulator_value: float = 0, eps: float = 1e-10, foreach: bool | None = None, *,
        maximize: bool = False, differentiable: bool = False, fused: bool | None = None,
    ):  # fmt: skip
        start = initial_accumulator_value
        check_settings(
            ("learning rate", lr, lr >= 0),
            ("lr_decay value", lr_decay, lr_decay >= 0),
            ("weight_decay value", weight_decay, weight_decay >= 0),
            ("initial_accumulator_value value", start, start >= 0),
            ("epsilon value", eps, eps >= 0),
        )
        defaults = {
            "lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
            "initial_accumulator_value": start, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "fused": fused,
        }  # fmt: skip
        super().__init__(params, defaults)

    def add_param_group(self, param_group: Group) -> None:
        """Add parameters; their sums start here, before the first step, as in torch."""
        super().add_param_group(param_group)
        for p in param_group["params"]:
            state = self.state[p]
            count_step(state)
            state["step"]._data[...] = 0
            buffer(state, "sum", p._data, param_group["initial_accumulator_value"])

    def update(self, p: Array, g: Array, state: dict[str, Any], group: Group) -> None:
        """s <- s + g^2;  p <- p - lr g / (sqrt(s) + eps)."""
        step = count_step(state)
        lr = float(group["lr"]) / (1 + (step - 1) * group["lr_decay"])
        weight_decay, eps = group["weight_decay"], group["eps"]
        for p_, g_, s in pieces(p, g, buffer(state, "sum", p)):
            if weight_decay:
                g_ = g_ + weight_decay * p_
            s += g_ * g_
            p_ -= lr * g_ / (np.sqrt(s) + eps)
