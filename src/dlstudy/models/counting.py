"""What a model costs: parameters, multiply-adds and the memory that its activations hold until the backward pass.

A multiply-add is one product and one sum, w x + b. Papers on vision call this a FLOP, and so ResNet-50 has "3.8 x 10^9
FLOPs" (arXiv 1512.03385, table 1); a floating-point operation in the strict sense would be counted twice. Counted are
convolutions, matrix products and attention; what is done once per number (BatchNorm, ReLU, additions) is left out, as
the papers do.

Nothing is computed: the model is copied to PyTorch's "meta" device, where tensors have a shape and no numbers, so that
even the largest takes a moment and no memory.
"""

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode


@dataclass(frozen=True)
class Part:
    """One part of a model and what it costs for the given input."""

    name: str
    """Its name in the model, such as "layer1.0"; empty for the whole."""
    kind: str
    """The name of its class."""
    output: tuple[int, ...]
    """Shape of its (first) output."""
    parameters: int
    multiply_adds: int
    activation_bytes: int
    """Bytes that autograd keeps of this part for the backward pass, weights and inputs of the model not counted."""


def count(model: nn.Module, *inputs: Tensor, depth: int = 1) -> list[Part]:
    """Count a model and its parts, down to `depth` levels below it, for inputs of these shapes.

    The first entry is the whole model. The model is counted in train mode; it and the inputs stay as they are. A part
    that is used twice is counted each time it runs. Memory that two parts keep is counted for the first.

    Checked against the tables of the papers and torchvision's published counts.
    """
    twin = copy.deepcopy(model).to("meta").train()
    shapes = [value.detach().to("meta") for value in inputs]
    counts: dict[str, _Count] = {}
    outputs: dict[str, tuple[int, ...]] = {}
    names = {name: part for name, part in twin.named_modules() if name.count(".") < depth or not name}
    names = {name: part for name, part in names.items() if depth > 0 or not name}
    running: list[str] = []

    def enter(name: str) -> Callable[..., None]:
        counts[name] = _Count()
        return lambda *_: running.append(name)

    def leave(name: str) -> Callable[..., None]:
        def left(_: nn.Module, __: Any, output: Any) -> None:
            running.pop()
            outputs[name] = tuple(_first(output).shape)

        return left

    for name, part in names.items():
        part.register_forward_pre_hook(enter(name))
        part.register_forward_hook(leave(name))

    def add(multiply_adds: int = 0, activation_bytes: int = 0) -> None:
        for name in set(running):  # a part may call itself
            counts[name].multiply_adds += multiply_adds
            counts[name].activation_bytes += activation_bytes

    memory = _kept_for_backward(twin, shapes, lambda size: add(activation_bytes=size))
    with memory, _Products(lambda number: add(multiply_adds=number)):
        twin(*shapes)
    return [
        Part(
            name,
            type(part).__name__,
            outputs.get(name, ()),
            sum(parameter.numel() for parameter in part.parameters()),
            counts[name].multiply_adds,
            counts[name].activation_bytes,
        )
        for name, part in names.items()
    ]


@dataclass
class _Count:
    multiply_adds: int = field(default=0)
    activation_bytes: int = field(default=0)


def _first(output: Any) -> Tensor:
    while not isinstance(output, Tensor):
        output = next(iter(output.values() if isinstance(output, dict) else output))
    return output


def _convolution(args: Sequence[Any], out: Tensor) -> int:
    x, weight, transposed = args[0], args[1], args[6]
    # Each number of the output is a sum over a window of all input channels of its group; in a transposed convolution
    # each number of the input is spread over such a window of the output.
    return (x if transposed else out).numel() * math.prod(weight.shape[1:])


def _product(args: Sequence[Any], out: Tensor) -> int:
    return out.numel() * args[0].shape[-1]


def _sum_and_product(args: Sequence[Any], out: Tensor) -> int:
    return out.numel() * args[1].shape[-1]


def _attention(args: Sequence[Any], out: Any) -> int:
    query, key, value = args[:3]  # (B, H, T, D), (B, H, S, D), (B, H, S, D)
    return math.prod(query.shape) * key.shape[-2] + math.prod(query.shape[:-1]) * math.prod(value.shape[-2:])


_RULES: dict[str, Callable[[Sequence[Any], Any], int]] = {
    "convolution": _convolution,
    "mm": _product,
    "bmm": _product,
    "addmm": _sum_and_product,
    "baddbmm": _sum_and_product,
    "_scaled_dot_product_flash_attention_for_cpu": _attention,
    "_scaled_dot_product_flash_attention": _attention,
    "_scaled_dot_product_efficient_attention": _attention,
    "_scaled_dot_product_fused_attention_overrideable": _attention,
}
"""By the operation's name, however its result is stored: `addmm`, `addmm(out=...)` and `addmm_` are one product."""


class _Products(TorchDispatchMode):
    """Tell the multiply-adds of every operation that has a rule, as it runs."""

    def __init__(self, tell: Callable[[int], None]) -> None:
        super().__init__()
        self.tell = tell

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        rule = _RULES.get(func.overloadpacket.__name__.rstrip("_")) if func.namespace == "aten" else None
        if rule is not None:
            self.tell(rule(args, out))
        return out


@contextmanager
def _kept_for_backward(model: nn.Module, inputs: Sequence[Tensor], tell: Callable[[int], None]) -> Iterator[None]:
    """Tell the bytes of each piece of memory that autograd keeps, once; weights, buffers and inputs are free."""
    known = {value.untyped_storage()._cdata for value in [*model.parameters(), *model.buffers(), *inputs]}
    alive = []  # a piece that is given back could come again under the same number

    def pack(value: Tensor) -> Tensor:
        storage = value.untyped_storage()
        if storage._cdata not in known:
            known.add(storage._cdata)
            alive.append(storage)
            tell(storage.nbytes())
        return value

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda value: value):
        yield
