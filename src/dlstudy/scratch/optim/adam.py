"""Adam: steps of even size from running means of the gradient and of its square."""

import math
from typing import Any

import numpy as np

from dlstudy.scratch.types import Array

from .optimizer import Group, Optimizer, Params, buffer, check_settings, count_step, pieces, running_mean


class Adam(Optimizer):
    """Adam (Kingma and Ba [1412.6980], algorithm 1).

    m <- beta1 m + (1 - beta1) g and v <- beta2 v + (1 - beta2) g^2 are running means of the gradient and of its
    square. Both start at 0 and are therefore too small at first, by the factors 1 - beta1^t and 1 - beta2^t at step t,
    which are divided out:  p <- p - lr (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps).

    `amsgrad` divides by the largest v so far (Reddi, Kale and Kumar [1904.09237]). `weight_decay` adds weight_decay p
    to the gradient; for a decay that is not divided by sqrt(v) see AdamW. Proven equal to torch.optim.Adam over 50
    steps, and the first steps to the algorithm worked by hand.
    """

    def __init__(
        self, params: Params, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, amsgrad: bool = False, *, foreach: bool | None = None, maximize: bool = False,
        capturable: bool = False, differentiable: bool = False, fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ):  # fmt: skip
        check_settings(
            ("learning rate", lr, lr >= 0),
            ("epsilon value", eps, eps >= 0),
            ("beta parameter at index 0", betas[0], 0 <= betas[0] < 1),
            ("beta parameter at index 1", betas[1], 0 <= betas[1] < 1),
            ("weight_decay value", weight_decay, weight_decay >= 0),
        )
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad,
            "maximize": maximize, "foreach": foreach, "capturable": capturable, "differentiable": differentiable,
            "fused": fused, "decoupled_weight_decay": decoupled_weight_decay,
        }  # fmt: skip
        super().__init__(params, defaults)

    def update(self, p: Array, g: Array, state: dict[str, Any], group: Group) -> None:
        """Take one step of algorithm 1."""
        lr, (beta1, beta2), eps = float(group["lr"]), group["betas"], group["eps"]
        weight_decay, decoupled = group["weight_decay"], group["decoupled_weight_decay"]
        t = count_step(state)
        m, v = buffer(state, "exp_avg", p), buffer(state, "exp_avg_sq", p)
        largest = buffer(state, "max_exp_avg_sq", p) if group["amsgrad"] else v
        # sqrt(v / (1 - beta2^t)) is sqrt(v) / v_scale; both corrections go into one number, once for all elements
        v_scale = math.sqrt(1 - beta2**t)
        step_size = lr / (1 - beta1**t) * v_scale

        for p_, g_, m_, v_, largest_ in pieces(p, g, m, v, largest):
            if weight_decay and decoupled:
                p_ *= 1 - lr * weight_decay
            elif weight_decay:
                g_ = g_ + weight_decay * p_
            running_mean(m_, g_, beta1)
            running_mean(v_, g_ * g_, beta2)
            if group["amsgrad"]:
                np.maximum(largest_, v_, out=largest_)
            p_ -= step_size * (m_ / (np.sqrt(largest_) + eps * v_scale))
