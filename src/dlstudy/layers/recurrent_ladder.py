"""One LSTM written five ways, from the equations line by line to the kernel inside torch: the speed ladder.

Every rung computes the same h, with the same weights, and differs from the one before in one idea. Lesson 09 climbs the
ladder, `benchmarks/recurrent.py` times it.

>>> from dlstudy.layers.recurrent_ladder import RUNGS, random_weights
>>> weights = random_weights(input_size=64, hidden_size=128)
>>> x = torch.randn(50, 32, 64)                       # (T, B, input_size)
>>> h = {name: rung(x, weights) for name, rung in RUNGS.items()}     # each (T, B, 128), all equal

Proven equal to `torch.nn.LSTM`: outputs and all gradients, each rung.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from dlstudy.layers.recurrent_fast import fast_direction
from dlstudy.layers.recurrent_steps import Weights, lstm_step, scan


def four_matmuls(x: Tensor, weights: Weights) -> Tensor:
    """The equations as they stand: each gate has two products of its own, eight in every step."""
    w_ih, w_hh, b_ih, b_hh = (_four(part) for part in weights[:4])
    h = c = x.new_zeros(x.shape[1], weights.weight_hh.shape[1])
    outputs = []
    for x_t in x:
        i, f, g, o = (x_t @ w_ih[k].t() + b_ih[k] + h @ w_hh[k].t() + b_hh[k] for k in range(4))
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        outputs.append(h)
    return torch.stack(outputs)


def fused_gates(x: Tensor, weights: Weights) -> Tensor:
    """The four matrices stand one below another: two products in every step, then the result is cut in four."""
    h = c = x.new_zeros(x.shape[1], weights.weight_hh.shape[1])
    outputs = []
    for x_t in x:
        h, c = lstm_step(F.linear(x_t, weights.weight_ih, weights.bias_ih), (h, c), weights)
        outputs.append(h)
    return torch.stack(outputs)


def hoisted_input_product(x: Tensor, weights: Weights) -> Tensor:
    """W_ih x needs no h: one large product before the loop, and one small one in every step."""
    zeros = x.new_zeros(x.shape[1], weights.weight_hh.shape[1])
    from_input = F.linear(x, weights.weight_ih, weights.bias_ih)
    outputs, _ = scan(lstm_step, from_input.unbind(0), (zeros, zeros), weights, reverse=False)
    return torch.stack(outputs)


def backward_by_hand(x: Tensor, weights: Weights) -> Tensor:
    """The whole recurrence is one operation for autograd, computed in place: what `recurrent.LSTM` runs."""
    zeros = x.new_zeros(x.shape[1], weights.weight_hh.shape[1])
    return fast_direction(lstm_step, x, None, (zeros, zeros), weights, reverse=False)[0]


def kernel(x: Tensor, weights: Weights) -> Tensor:
    """The same loop in compiled code, oneDNN's on a CPU and cuDNN's on a GPU: what `torch.nn.LSTM` calls."""
    zeros = x.new_zeros(1, x.shape[1], weights.weight_hh.shape[1])
    layers, dropout, train, bidirectional, batch_first = 1, 0.0, torch.is_grad_enabled(), False, False
    parameters = [part for part in weights if part is not None]
    return torch.lstm(x, (zeros, zeros), parameters, True, layers, dropout, train, bidirectional, batch_first)[0]


Rung = Callable[[Tensor, Weights], Tensor]
RUNGS: dict[str, Rung] = {
    "four matmuls": four_matmuls,
    "fused gates": fused_gates,
    "hoisted input product": hoisted_input_product,
    "backward by hand": backward_by_hand,
    "kernel of torch.nn": kernel,
}
"""The rungs from the slowest to the fastest."""


def random_weights(input_size: int, hidden_size: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Weights:
    """Return weights from U(-1 / sqrt(H), 1 / sqrt(H)), as torch.nn begins, that want gradients."""
    generator = torch.Generator().manual_seed(seed)
    shapes = [(4 * hidden_size, input_size), (4 * hidden_size, hidden_size), (4 * hidden_size,), (4 * hidden_size,)]
    bound = 1 / math.sqrt(hidden_size)
    return Weights(
        *((2 * torch.rand(shape, generator=generator, dtype=dtype) - 1).mul(bound).requires_grad_() for shape in shapes)
    )


def _four(matrix: Tensor | None) -> tuple[Tensor, ...]:
    assert matrix is not None
    return matrix.chunk(4)
