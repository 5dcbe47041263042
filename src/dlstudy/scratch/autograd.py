"""`torch.autograd` on the NumPy tape: backward, grad, and switching recording off and on."""

import functools
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

import numpy as np

from .engine import backward_pass
from .tape import AccumulateGrad, Node, edge_of, mode
from .tensor import Tensor, attach, wrap

Tensors = Tensor | Sequence[Tensor]

__all__ = [
    "AccumulateGrad",
    "Node",
    "backward",
    "enable_grad",
    "grad",
    "inference_mode",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "no_grad",
    "set_grad_enabled",
]


def backward(
    tensors: Tensors,
    grad_tensors: Tensors | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensors | None = None,
) -> None:
    """Add the gradients of `tensors` (weighted by `grad_tensors`) to the `.grad` of the leaves, or only of `inputs`."""
    roots = _roots(_as_list(tensors), _as_list(grad_tensors), create_graph)
    keep = create_graph if retain_graph is None else retain_graph
    if inputs is None:
        backward_pass(roots, keep, create_graph)
        return
    leaves = _as_list(inputs)
    if not leaves:
        raise RuntimeError("`inputs` argument to `backward` cannot be empty.")
    edges = [_edge_of_input(t) for t in leaves]
    arrived = backward_pass(roots, keep, create_graph, edges)
    for t, edge in zip(leaves, edges):
        if edge in arrived:
            t._accumulate(arrived.pop(edge), owned=False)


def backward_from(
    self: Tensor,
    gradient: Tensor | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensors | None = None,
) -> None:
    """Compute the gradient of this tensor with respect to every leaf it depends on, and add it to their `.grad`.

    `gradient` (this tensor's shape) is the gradient of what comes after; it may be left out for a tensor of one
    element. What the graph kept is freed unless `retain_graph`; with `create_graph` the gradients can be
    differentiated again.
    """
    backward(self, gradient, retain_graph, create_graph, inputs=inputs)


def grad(
    outputs: Tensors,
    inputs: Tensors,
    grad_outputs: Tensors | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """Return the gradients of the sum of `outputs` (weighted by `grad_outputs`) with respect to `inputs`, one for each.

    Nothing is added to any `.grad`. With `create_graph` the results can be differentiated again. RuntimeError if an
    input was not used, unless `allow_unused` (None for it) or `materialize_grads` (zeros for it).
    """
    wanted = _as_list(inputs)
    roots = _roots(_as_list(outputs), _as_list(grad_outputs), create_graph)
    edges = [_edge_of_input(t) for t in wanted]
    keep = create_graph if retain_graph is None else retain_graph
    arrived = backward_pass(roots, keep, create_graph, edges)
    results: list[Any] = []
    for t, edge in zip(wanted, edges):
        if edge in arrived:
            value = arrived[edge]
            results.append(value if isinstance(value, Tensor) else wrap(np.array(value)))
        elif materialize_grads:
            results.append(wrap(np.zeros_like(t._data)))
        elif allow_unused:
            results.append(None)
        else:
            raise RuntimeError(
                "One of the differentiated Tensors appears to not have been used in the graph. "
                "Set allow_unused=True if this is the desired behavior."
            )
    return tuple(results)


def _as_list(value: Tensors | None) -> list[Tensor]:
    if value is None:
        return []
    return [value] if isinstance(value, Tensor) else list(value)


def _edge_of_input(t: Tensor) -> Node:
    edge = edge_of(t)
    if edge is None:
        raise RuntimeError("One of the differentiated Tensors does not require grad")
    return edge


def _roots(tensors: Sequence[Tensor], grads: Sequence[Tensor], create_graph: bool) -> list[tuple[Node, Any]]:
    """Return (node, gradient) for each output, after checking that each has a graph and a gradient of the right
    shape.
    """
    if grads and len(grads) != len(tensors):
        raise RuntimeError(f"expected one gradient per output, got {len(grads)} for {len(tensors)}")
    roots = []
    for i, t in enumerate(tensors):
        node = edge_of(t)
        gradient = grads[i] if grads else None
        if node is None:
            raise RuntimeError(f"element {i} of tensors does not require grad and does not have a grad_fn")
        if gradient is None:
            if t._data.size != 1:
                raise RuntimeError(
                    f"grad can be implicitly created only for scalar outputs: got shape {list(t.shape)}. "
                    "Reduce it to one number first (sum, mean), or pass gradient="
                )
            gradient = wrap(np.ones_like(t._data))
        if gradient._data.shape != t._data.shape:
            raise RuntimeError(f"Mismatch in shape: output {i} has shape {t.shape}, its gradient {gradient.shape}")
        if gradient._data.dtype != t._data.dtype:
            gradient = gradient.to(t.dtype)
        roots.append((node, gradient if create_graph else gradient._data))
    return roots


class _SetMode:
    """Sets grad mode inside a `with` block or a decorated function, and puts it back afterwards."""

    def __init__(self, enabled: bool, inference: bool = False):
        self.enabled, self.inference = enabled, inference
        self.before: list[tuple[bool, bool]] = []

    def __enter__(self) -> None:
        self.before.append((mode.enabled, mode.inference))
        mode.enabled, mode.inference = self.enabled, self.inference

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        mode.enabled, mode.inference = self.before.pop()

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return run


class no_grad(_SetMode):
    """Switch recording off: in a `with` block, or as a decorator with or without parentheses."""

    def __new__(cls, function: Any = None) -> Any:
        """Return the block, or the function made to run in one."""
        self = super().__new__(cls)
        return self if function is None else _decorate(self, function)

    def __init__(self, function: Any = None):
        super().__init__(False)


class enable_grad(_SetMode):
    """Switch recording on again inside `no_grad`."""

    def __new__(cls, function: Any = None) -> Any:
        """Return the block, or the function made to run in one."""
        self = super().__new__(cls)
        return self if function is None else _decorate(self, function)

    def __init__(self, function: Any = None):
        super().__init__(True)


def _decorate(self: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    self.__init__()
    return _SetMode.__call__(self, function)


class inference_mode(_SetMode):
    """As no_grad (or, with False, as enable_grad); `is_inference_mode_enabled` tells."""

    def __init__(self, mode: bool = True):
        super().__init__(not mode, mode)


class set_grad_enabled(_SetMode):
    """Set recording on or off, at once, and until the end of the `with` block if used in one."""

    def __init__(self, mode_: bool):
        super().__init__(bool(mode_))
        self.before.append((mode.enabled, mode.inference))
        mode.enabled = bool(mode_)

    def __enter__(self) -> None:
        mode.enabled = self.enabled

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return `function` made to run in this mode; the mode of the present is left as it was."""
        mode.enabled, mode.inference = self.before.pop()
        return _SetMode(self.enabled)(function)


def is_grad_enabled() -> bool:
    """Return whether operations are being recorded."""
    return mode.enabled


def is_inference_mode_enabled() -> bool:
    """Return whether an `inference_mode` block is being run."""
    return mode.inference


attach({"backward": backward_from})
