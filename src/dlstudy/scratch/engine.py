"""The backward pass: from a result to everything it was made of, newest operation first."""

from collections.abc import Sequence
from heapq import heappop, heappush
from typing import Any

import numpy as np
from numpy import ndarray

from . import tape
from .changes import Changes
from .quiet import SILENT, hush, unhush
from .tape import AccumulateGrad, Node, fit, mode
from .types import ArrayOrTensor


def backward_pass(
    roots: Sequence[tuple[Node, Any]], keep_graph: bool, create_graph: bool, targets: Sequence[Node] | None = None
) -> dict[Node, Any]:
    """Send gradients from `roots` (node, gradient of its output) through the graph.

    Without `targets` the gradients are added to the `.grad` of the leaves. With `targets` nothing is added anywhere:
    only the ways that lead to those nodes are taken, and the gradients that arrive there are returned. With
    `create_graph` the gradients are Tensors and the pass itself is recorded; otherwise they are plain arrays. No
    recursion: a waiting list ordered by age (a heap) takes its place, so the length of the graph does not matter.
    """
    wanted = None if targets is None else _ways_to(targets, [node for node, _ in roots])
    captured: dict[Node, Any] = {}
    arrived: dict[Any, Any] = {}  # the gradients that have arrived at a node so far, added up
    owned: set[Node] = set()  # nodes whose sum is an array of our own, which we may add to in place
    waiting: list[tuple[int, Node]] = []

    for node, grad in roots:
        if not create_graph and grad.ndim == 0:
            grad = grad[()]
        if node in arrived:
            arrived[node] = arrived[node] + grad
        elif wanted is None or node in wanted:
            arrived[node] = grad
            if not node.is_leaf:
                heappush(waiting, (node.order, node))

    was_enabled, mode.enabled = mode.enabled, create_graph
    token = hush(SILENT)
    try:
        while waiting:
            node = heappop(waiting)[1]
            grad = arrived.pop(node)  # complete: all nodes that use this one are newer, and have been done
            if node.hooks is not None:
                grad = _run_hooks(node, grad, create_graph)
            if targets is not None and node in targets:
                captured[node] = grad
            saved = node.saved
            if saved is None or create_graph or Changes.latest < node.order:
                saved = node.unpack(as_tensors=create_graph)
            if node.gate is not None:
                free = node in owned and node.hooks is None and (targets is None or node not in targets)
                grad = node.gate(grad, saved, free)
            for edge, (formula, only, uses) in zip(node.edges, node.formulas):
                if edge is None or (wanted is not None and edge not in wanted):
                    continue
                if only >= 0:
                    g = formula(node, grad, saved[only])
                elif not uses:
                    g = formula(node, grad)
                else:
                    g = formula(node, grad, *[saved[i] for i in uses])
                array = g._data if create_graph else g
                if array.shape != edge.shape or array.dtype is not edge.dtype:
                    g = fit(g, edge)
                total = arrived.get(edge)
                if total is None:
                    arrived[edge] = g
                    if not edge.is_leaf:
                        heappush(waiting, (edge.order, edge))
                    if g is not grad and g.__class__ is ndarray and g.base is None:
                        owned.add(edge)  # a new array that nobody else holds
                elif edge in owned:
                    total += g
                else:
                    total = arrived[edge] = total + g
                    if total.__class__ is ndarray:
                        owned.add(edge)
            if not keep_graph and node.saved:
                node.saved = None
                if node.watched is not None:
                    node.watched = None
        for node, grad in arrived.items():  # what is left has arrived at leaves
            grad = _run_leaf_hooks(node, grad, create_graph)
            if targets is None:
                node.variable._accumulate(grad, owned=node in owned)
            elif node in targets:
                captured[node] = grad
    finally:
        unhush(token)
        mode.enabled = was_enabled
    return captured


def _ways_to(targets: Sequence[Node], roots: Sequence[Node]) -> set[Node]:
    """Return the nodes on some way from `roots` to `targets`, both ends included."""
    seen = set(roots)
    stack = list(roots)
    while stack:
        for edge in stack.pop().edges:
            if edge is not None and edge not in seen:
                seen.add(edge)
                stack.append(edge)
    wanted = set(targets)
    for node in sorted(seen, key=lambda n: -n.order):  # oldest first, so that inputs are decided before their users
        if any(edge in wanted for edge in node.edges):
            wanted.add(node)
    return wanted


def _run_hooks(node: Node, grad: ArrayOrTensor, create_graph: bool) -> ArrayOrTensor:
    """Let the hooks of the tensor that `node` made see, and maybe replace, its gradient; keep it if it was asked
    for.
    """
    if node.hooks:
        grad = _apply(node.hooks, grad, create_graph)
    tensor = None if node.retains is None else node.retains()
    if tensor is not None:
        tensor._accumulate(grad, owned=False)
    return grad


def _run_leaf_hooks(node: AccumulateGrad, grad: ArrayOrTensor, create_graph: bool) -> ArrayOrTensor:
    hooks = node.variable._hooks
    return grad if hooks is None else _apply(hooks, grad, create_graph)


def _apply(hooks: dict[int, Any], grad: ArrayOrTensor, create_graph: bool) -> ArrayOrTensor:
    for hook in list(hooks.values()):
        seen = grad if create_graph else tape.wrap(np.asarray(grad))
        replaced = hook(seen)
        if replaced is not None:
            if replaced.shape != seen.shape:
                raise RuntimeError(f"a hook changed the gradient's shape: expected {seen.shape}, got {replaced.shape}")
            grad = replaced if create_graph else replaced._data
    return grad
