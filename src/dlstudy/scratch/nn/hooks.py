"""Hooks of modules: functions that see, and may replace, what goes into a module, what comes out, and the gradients.

A forward hook is simply called. A backward hook needs a place in the graph: `BackwardHook` puts an identity in front of
the module and one behind it, and the gradients that come through these are what the hook gets to see.
"""

import warnings
from collections.abc import Callable
from typing import Any

from dlstudy.scratch.ops.joining import cat
from dlstudy.scratch.tape import Node, mode, record
from dlstudy.scratch.tensor import Tensor, wrap


class BackwardHookFunctionBackward(Node):
    """y = a: a place in the graph for a hook"""

    def grad_a(self, grad: Any) -> Any:
        """Return the output's gradient."""
        return grad


def _identity(t: Tensor) -> Tensor:
    return record(BackwardHookFunctionBackward, wrap(t._data), (t,))


def through_gate(values: tuple[Any, ...], hook: Callable[[tuple[Any, ...]], Any]) -> tuple[Any, ...]:
    """Return `values` with their tensors led through one place of the graph where `hook` sees all their gradients.

    `hook` gets a tuple with the gradient of every tensor, and None for what is no tensor; it may return such a tuple
    in its place. Several tensors travel as one long vector, so that their gradients arrive together.
    """
    places = [i for i, v in enumerate(values) if isinstance(v, Tensor)]
    tensors = [values[i] for i in places]
    if len(tensors) == 1:
        passed = [_identity(tensors[0])]
        gate = passed[0]
    else:
        gate = _identity(cat([t.reshape(-1) for t in tensors]))
        passed = _parts(gate, tensors)

    def see(grad: Tensor) -> Tensor | None:
        parts = [grad] if len(tensors) == 1 else _parts(grad, tensors)
        shown: list[Any] = [None] * len(values)
        for i, part in zip(places, parts):
            shown[i] = part
        replaced = hook(tuple(shown))
        if replaced is None:
            return None
        given = [part if replaced[i] is None else replaced[i] for i, part in zip(places, parts)]
        return given[0] if len(given) == 1 else cat([g.reshape(-1) for g in given]).to(grad.dtype)

    gate.register_hook(see)
    result = list(values)
    for i, t in zip(places, passed):
        result[i] = t
    return tuple(result)


def _parts(flat: Tensor, like: list[Tensor]) -> list[Tensor]:
    """Return the stretches of a vector that belong to the tensors `like`, in their shapes and formats."""
    parts, start = [], 0
    for t in like:
        size = t._data.size
        parts.append(flat[start : start + size].reshape(t._data.shape).to(t.dtype))
        start += size
    return parts


class BackwardHook:
    """One call of a module that has backward hooks: leads its inputs and outputs through gates.

    `hooks` get (module, grad_input, grad_output), `pre_hooks` (module, grad_output) before that; both tuples, in the
    order of the positional inputs and of the outputs. What they return, if anything, replaces the gradient.
    """

    def __init__(self, module: Any, hooks: list[Any], pre_hooks: list[Any]):
        self.module, self.hooks, self.pre_hooks = module, hooks, pre_hooks
        self.grad_output: Any = None
        self.count = 0  # of inputs
        self.watches_input = False

    def enter(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the inputs, led through a gate if one of them requires a gradient."""
        self.count = len(args)
        if not (mode.enabled and any(isinstance(a, Tensor) and a.requires_grad for a in args)):
            return args
        self.watches_input = True
        return through_gate(args, self._input_arrived)

    def leave(self, result: Any) -> Any:
        """Return the outputs (a tensor or a tuple), led through a gate."""
        outputs = result if isinstance(result, tuple) else (result,)
        if not (mode.enabled and any(isinstance(o, Tensor) and o.requires_grad for o in outputs)):
            return result
        passed = through_gate(outputs, self._output_arrived)
        return passed if isinstance(result, tuple) else passed[0]

    def _output_arrived(self, grads: tuple[Any, ...]) -> Any:
        given = grads
        for hook in self.pre_hooks:
            grads = _replaced(hook(self.module, grads), grads)
        self.grad_output = grads
        if not self.watches_input:
            if self.hooks:
                warnings.warn(
                    "Full backward hook is firing when gradients are computed with respect to module outputs since no "
                    "inputs require gradients.",
                    UserWarning,
                    stacklevel=6,
                )
            nothing = (None,) * self.count
            for hook in self.hooks:
                result = hook(self.module, nothing, grads)
                if result is not None and any(r is not None for r in result):
                    raise RuntimeError(
                        "Backward hook for Modules where no input requires gradient should always return None or None "
                        "for all gradients."
                    )
        return None if grads is given else grads

    def _input_arrived(self, grads: tuple[Any, ...]) -> Any:
        given = grads
        for hook in self.hooks:
            grads = _replaced(hook(self.module, grads, self.grad_output), grads)
        self.grad_output = None
        return None if grads is given else grads


def _replaced(result: Any, grads: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return what a hook put in the place of `grads`, as a tuple of the same length."""
    if result is None:
        return grads
    if not isinstance(result, tuple):
        result = (result,)
    if len(result) != len(grads):
        raise RuntimeError(
            f"Backward hook returned an invalid number of grad: expected {len(grads)}, got {len(result)}"
        )
    return result
