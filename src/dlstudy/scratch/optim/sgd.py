"""Stochastic gradient descent, with momentum and Nesterov's variant."""

from typing import Any

from dlstudy.scratch.types import Array

from .optimizer import Group, Optimizer, Params, buffer, check_settings, pieces


class SGD(Optimizer):
    """Stochastic gradient descent: p <- p - lr g.

    With momentum mu the step is taken along a running sum of gradients, b <- mu b + (1 - dampening) g (b = g at the
    first step), p <- p - lr b; with Nesterov's variant along g + mu b. This is torch's convention: the rate stands
    outside the sum, so that a change of lr acts at once on everything gathered. In Sutskever, Martens, Dahl and Hinton
    (2013) it stands inside. `weight_decay` adds weight_decay p to the gradient, `maximize` climbs instead of
    descending. Proven equal to torch.optim.SGD over 50 steps.
    """

    def __init__(
        self, params: Params, lr: float = 1e-3, momentum: float = 0, dampening: float = 0, weight_decay: float = 0,
        nesterov: bool = False, *, maximize: bool = False, foreach: bool | None = None, differentiable: bool = False,
        fused: bool | None = None,
    ):  # fmt: skip
        check_settings(
            ("learning rate", lr, lr >= 0),
            ("momentum value", momentum, momentum >= 0),
            ("weight_decay value", weight_decay, weight_decay >= 0),
        )
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        defaults = {
            "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay, "nesterov": nesterov,
            "maximize": maximize, "foreach": foreach, "differentiable": differentiable, "fused": fused,
        }  # fmt: skip
        super().__init__(params, defaults)

    def update(self, p: Array, g: Array, state: dict[str, Any], group: Group) -> None:
        """p <- p - lr (g, or the momentum buffer, or Nesterov's look ahead)."""
        lr, momentum, weight_decay = float(group["lr"]), group["momentum"], group["weight_decay"]
        if not momentum:
            for p_, g_ in pieces(p, g):
                p_ -= lr * (g_ + weight_decay * p_ if weight_decay else g_)
            return

        first = state.get("momentum_buffer") is None
        kept = 1 - group["dampening"]
        for p_, g_, b in pieces(p, g, buffer(state, "momentum_buffer", p)):
            if weight_decay:
                g_ = g_ + weight_decay * p_
            if first:
                b[...] = g_
            else:
                b *= momentum
                b += g_ if kept == 1 else kept * g_
            p_ -= lr * (g_ + momentum * b if group["nesterov"] else b)
