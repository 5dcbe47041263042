"""For checks whose answer is a torch module: weights to judge it by, questions to put to it, ways to spoil it.

An answer starts from weights of its own, so nothing can be compared until it holds those of the check. A `check.py`
draws them with `random_weights`, puts them in by name (`load_by_name`, where the task fixes the names) or by position
(`load_in_order`, where `shapes` agree), and asks the module and its own oracle the same with `ask`. What is right stays
with the oracle: nothing here knows what any module should compute.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn


def random_weights(shapes: Mapping[str, tuple[int, ...] | int], seed: int = 7) -> dict[str, Tensor]:
    """Draw weights in float64 by name, none of them at the value that a layer starts from.

    A tuple is the shape of one tensor. A number n stands for a normalisation layer of n channels, which has a `weight`
    between 0.5 and 1.5 and a `bias`. The same shapes get the same numbers every time.
    """
    generator = torch.Generator().manual_seed(seed)
    drawn = {}
    for name, shape in shapes.items():
        if isinstance(shape, tuple):
            drawn[name] = torch.randn(shape, dtype=torch.float64, generator=generator)
        else:
            drawn[f"{name}.weight"] = torch.rand(shape, dtype=torch.float64, generator=generator) + 0.5
            drawn[f"{name}.bias"] = torch.randn(shape, dtype=torch.float64, generator=generator)
    return drawn


def load_by_name(module: nn.Module, weights: Mapping[str, Tensor]) -> nn.Module:
    """Return the module in float64 with these weights; its buffers (running means, for one) keep their values.

    Raises RuntimeError: its parameters have other names or shapes; torch's message lists them.
    """
    module = module.double()
    parameters = dict(module.named_parameters(remove_duplicate=False))
    buffers = {name: value for name, value in module.state_dict().items() if name not in parameters}
    module.load_state_dict({**buffers, **weights})
    return module


def load_in_order(module: nn.Module, weights: Iterable[Tensor]) -> nn.Module:
    """Return the module in float64 with these weights in the order of its parameters, whatever their names.

    Each takes the shape of its parameter, so that an axis of length 1 more or less does no harm.
    """
    module = module.double()
    with torch.no_grad():
        for parameter, value in zip(module.parameters(), weights, strict=True):
            parameter.copy_(value.reshape(parameter.shape))
    return module


def shapes(tensors: Iterable[Tensor], *, ones: bool = True) -> dict[str, list[tuple[int, ...]]]:
    """Return the shapes of parameters as a part of what a check compares; not `ones` leaves out axes of length 1."""
    return {"shapes of the parameters": [tuple(n for n in tensor.shape if ones or n != 1) for tensor in tensors]}


def ask(module: Callable[[Tensor], Tensor], x: Tensor) -> dict[str, Tensor]:
    """Return the output for `x` and the gradient of `x` under a fixed random gradient of the output.

    Whoever computes the right values but cuts the graph on the way (`detach`, `.data`) shows in the gradient alone: it
    is zero where none arrives.
    """
    x = x.clone().requires_grad_()
    y = module(x)
    arriving = torch.randn(y.shape, dtype=y.dtype, generator=torch.Generator().manual_seed(1))
    (slope,) = torch.autograd.grad(y, x, arriving, allow_unused=True)
    return {"output": y.detach(), "gradient of x": torch.zeros_like(x) if slope is None else slope}


def spoiled(change: Callable[[Any], Any], method: str = "forward") -> Callable[[type], type]:
    """Return an entry of `AUTOMATIC`: it makes the right class wrong by a `change` to what its `method` returns."""

    def build(solution: type) -> type:
        right = getattr(solution, method)

        def wrong(self: Any, *args: Any, **kwargs: Any) -> Any:
            return change(right(self, *args, **kwargs))

        return type(solution.__name__, (solution,), {method: wrong})

    return build


SPOILED_OUTPUTS = {
    "zeros": spoiled(lambda y: y * 0),
    "none": spoiled(lambda y: None),
    "negated": spoiled(lambda y: -y),
    "detached": spoiled(lambda y: y.detach()),
    "transposed": spoiled(lambda y: y.mT),
    "sum-for-mean": spoiled(lambda y: y * len(y)),
}
"""The automatic wrong answers of a module that returns one tensor of at least two axes, the first one the batch."""
