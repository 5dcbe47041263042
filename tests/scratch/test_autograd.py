"""The tape as a user meets it: backward, grad, hooks, grad mode, nodes, and what it refuses."""

import warnings
from typing import Any

import numpy as np
import pytest
import torch

import dlstudy.scratch as scratch

BOTH = pytest.mark.parametrize("M", [torch, scratch], ids=["torch", "scratch"])


def names(node: Any) -> list[Any]:
    """Return a graph as nested lists of names."""
    if node is None:
        return []
    return [node.name().rsplit("::", 1)[-1], *[names(parent) for parent, _ in node.next_functions]]


GRAPHS = {
    "arithmetic": lambda M, x, w: (x * w + 2 - x / w) ** 2,
    "functions": lambda M, x, w: (x.exp() + w.log()).tanh().sigmoid(),
    "matrix": lambda M, x, w: (x.reshape(1, 3) @ w.unsqueeze(1)).sum(),
    "constant": lambda M, x, w: 2 * x.detach() + w,
    "reduce": lambda M, x, w: x.mean() + w.sum(0) + x.var() + w.std() + x.prod() + x.amax(),
    "views": lambda M, x, w: x[0] + w[1:].sum() + x.unsqueeze(0).squeeze(0)[2],
    "join": lambda M, x, w: M.stack([x, w]) * M.cat([x, w]).sum(),
    "choice": lambda M, x, w: M.where(x > w, x, w).clamp(0.0, 1.0) + M.maximum(x, w).abs() - x.relu(),
    "reverse": lambda M, x, w: 2 - x + 2 / w,
    "index": lambda M, x, w: x[[0, 0]].sum() + w.max(0)[0] + w.cumsum(0)[0],
    "soft": lambda M, x, w: x.softmax(0) + w.log_softmax(0).logsumexp(0),
    "power": lambda M, x, w: x**2 + w**x + 2**x + x.sqrt(),
    "dot": lambda M, x, w: x @ w,
    "cast": lambda M, x, w: x.float().clone() * w.double(),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_graph_has_torchs_names(name: str) -> None:
    graphs = []
    for M in (torch, scratch):
        x = M.tensor([0.5, 1.5, 2.5], dtype=M.float64, requires_grad=True)
        w = M.tensor([1.1, 0.7, 0.3], dtype=M.float64, requires_grad=True)
        graphs.append(names(GRAPHS[name](M, x, w).grad_fn))
    assert graphs[1] == graphs[0]


@BOTH
def test_leaf_node(M: Any) -> None:
    x = M.tensor(3.0, requires_grad=True)
    node = (x * x).grad_fn
    (first, _), (second, _) = node.next_functions
    assert first.variable is x
    assert first is second
    assert first.next_functions == ()
    assert (x + 1).grad_fn.next_functions[0][0] is first
    assert x.grad_fn is None


@BOTH
def test_calling_a_node_gives_the_local_gradients(M: Any) -> None:
    a, b = M.tensor([1.0, 2.0], requires_grad=True), M.tensor([3.0, 4.0], requires_grad=True)
    grads = (a * b).grad_fn(M.tensor([1.0, 10.0]))
    assert [g.tolist() for g in grads] == [[3.0, 40.0], [1.0, 20.0]]
    assert a.exp().grad_fn(M.tensor([0.0, 1.0])).tolist() == pytest.approx([0.0, float(np.exp(2.0))])
    assert (a * 2).grad_fn(M.tensor([1.0, 1.0]))[1] is None
    with M.no_grad():
        assert not (a * b).sum().requires_grad


def test_calling_the_leaf_node_accumulates() -> None:
    x = scratch.tensor([1.0, 2.0], requires_grad=True)
    node = (x * 2).grad_fn.next_functions[0][0]
    node(scratch.tensor([1.0, 1.0]))
    node(scratch.tensor([1.0, 1.0]))
    assert x.grad is not None
    assert x.grad.tolist() == [2.0, 2.0]


def test_stepping_through_a_graph_by_hand_equals_backward() -> None:
    a = scratch.tensor([[1.0, 2.0, 3.0]], requires_grad=True)
    b = scratch.tensor([[2.0], [5.0]], requires_grad=True)
    y = ((a * b + a).tanh() ** 2).sum()
    expected = scratch.autograd.grad(y, (a, b), retain_graph=True)
    arrived: dict[Any, Any] = {y.grad_fn: scratch.tensor(1.0)}
    todo = [y.grad_fn]
    while todo:
        todo.sort(key=lambda n: -n.order)
        node = todo.pop()
        if node.is_leaf:
            continue
        grads = node(arrived.pop(node))
        for (edge, _), g in zip(node.next_functions, grads if isinstance(grads, tuple) else (grads,)):
            if edge is not None:
                todo += [edge] if edge not in arrived else []
                arrived[edge] = g if edge not in arrived else arrived[edge] + g
    for leaf, value in zip((a, b), expected):
        (found,) = [g for node, g in arrived.items() if node.variable is leaf]
        assert scratch.allclose(found, value)


# -- accumulation ------------------------------------------------------------------------------------------
@BOTH
def test_grad_adds_up(M: Any) -> None:
    x = M.tensor([1.0, 2.0], requires_grad=True)
    (x * 2).sum().backward()
    kept = x.grad
    (x * 3).sum().backward()
    assert x.grad.tolist() == [5.0, 5.0]
    assert x.grad is kept
    x.grad = None
    x.sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]
    assert kept.tolist() == [5.0, 5.0]


@BOTH
def test_gradients_do_not_share_memory(M: Any) -> None:
    x, y = M.tensor([1.0, 2.0], requires_grad=True), M.tensor([3.0, 4.0], requires_grad=True)
    given = M.ones(2)
    (x + y).backward(given)
    x.grad.mul_(10)
    assert y.grad.tolist() == [1.0, 1.0]
    assert given.tolist() == [1.0, 1.0]
    x.grad = None
    x.backward(given)
    x.grad.mul_(10)
    assert given.tolist() == [1.0, 1.0]


@BOTH
def test_diamond(M: Any) -> None:
    x = M.tensor(2.0, requires_grad=True)
    a = x * x
    b, c = a.sin(), a * 3
    d = b * c + a
    d.backward()
    u = 4.0
    assert x.grad.item() == pytest.approx((np.cos(u) * 3 * u + 3 * np.sin(u) + 1) * 4, rel=1e-5)


@BOTH
def test_backward_through_several_outputs_and_inputs(M: Any) -> None:
    x, w = M.tensor([1.0, 2.0], requires_grad=True), M.tensor([3.0, 4.0], requires_grad=True)
    a, b = x * w, x + w
    M.autograd.backward([a, b], [M.tensor([1.0, 2.0]), M.tensor([3.0, 4.0])])
    assert x.grad.tolist() == [6.0, 12.0]
    assert w.grad.tolist() == [4.0, 8.0]
    x.grad = w.grad = None
    (x * w).sum().backward(inputs=[x])
    assert x.grad.tolist() == [3.0, 4.0]
    assert w.grad is None
    (g,) = M.autograd.grad([x * w, x * 2], x, [M.ones(2), M.ones(2)])
    assert g.tolist() == [5.0, 6.0]
    assert w.grad is None


@BOTH
def test_grad_of_a_non_leaf_and_of_itself(M: Any) -> None:
    x = M.tensor([1.0, 2.0], requires_grad=True)
    a = x * x
    y = (a * 3).sum()
    ga, gx, gy = M.autograd.grad(y, (a, x, y))
    assert ga.tolist() == [3.0, 3.0]
    assert gx.tolist() == [6.0, 12.0]
    assert gy.item() == 1.0
    assert x.grad is None


@BOTH
def test_unused_inputs(M: Any) -> None:
    x, w = M.tensor(1.0, requires_grad=True), M.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(RuntimeError, match="not have been used in the graph"):
        M.autograd.grad(x * 2, (x, w))
    assert M.autograd.grad(x * 2, (x, w), allow_unused=True)[1] is None
    assert M.autograd.grad(x * 2, (x, w), materialize_grads=True)[1].tolist() == [0.0, 0.0]


@BOTH
def test_third_derivative(M: Any) -> None:
    x = M.tensor(2.0, requires_grad=True)
    y = x**4
    found = []
    for _ in range(4):
        (y,) = M.autograd.grad(y, x, create_graph=True)
        found.append(y.item())
    assert found == [32.0, 48.0, 48.0, 24.0]


@pytest.mark.filterwarnings(
    "ignore:Using backward.. with create_graph=True:UserWarning"
)  # torch's; we have no such cycle
@BOTH
def test_gradient_penalty_through_grad(M: Any) -> None:
    x = M.tensor([1.0, 2.0], requires_grad=True)
    (x**3).sum().backward(create_graph=True)
    assert x.grad.requires_grad
    penalty = (x.grad**2).sum()
    first = x.grad
    x.grad = None
    penalty.backward()
    assert x.grad.tolist() == [36.0, 288.0]
    x.grad = None
    del first


# -- refusals ----------------------------------------------------------------------------------------------
REFUSED: dict[str, Any] = {
    "not a scalar": lambda M, x: (x * 2).backward(),
    "no graph": lambda M, x: M.ones(1).backward(),
    "integers": lambda M, x: M.tensor([1, 2], requires_grad=True),
    "non-leaf off": lambda M, x: (x * 2).requires_grad_(False),
    "gradient shape": lambda M, x: (x * 2).backward(M.ones(3)),
    "numpy": lambda M, x: x.numpy(),
    "hook": lambda M, x: M.ones(1).register_hook(print),
    "input without grad": lambda M, x: M.autograd.grad(x.sum(), M.ones(2)),
    "retain": lambda M, x: M.ones(1).retain_grad(),
    "grad shape": lambda M, x: setattr(x, "grad", M.ones(3)),
    "grad dtype": lambda M, x: setattr(x, "grad", M.ones(2, dtype=M.float64)),
    "grad type": lambda M, x: setattr(x, "grad", 1.0),
    "item": lambda M, x: x.item(),
    "bool": lambda M, x: bool(x),
    "len": lambda M, x: len(x[0]),
    "iterate": lambda M, x: list(x[0]),
    "detach view": lambda M, x: x[0].detach_(),
    "index": lambda M, x: [1, 2, 3][x[0]],
    "format": lambda M, x: f"{x:.2f}",
    "no inputs": lambda M, x: x.sum().backward(inputs=[]),
    "device": lambda M, x: x.to("cuda"),
    "cuda": lambda M, x: x.cuda(),
    "device argument": lambda M, x: M.zeros(2, device="cuda"),
    "ragged": lambda M, x: M.tensor([[1, 2], [3]]),
    "text": lambda M, x: M.tensor("abc"),
    "negative size": lambda M, x: M.zeros(-1),
    "set_default": lambda M, x: M.set_default_dtype(M.int64),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    kinds = []
    for M in (torch, scratch):
        if (
            M is torch
            and "device" in name + "device"
            and torch.cuda.is_available()
            and name in ("device", "cuda", "device argument")
        ):
            continue
        with pytest.raises((RuntimeError, TypeError, ValueError, IndexError, AssertionError)) as caught:
            REFUSED[name](M, M.tensor([1.0, 2.0], requires_grad=True))
        kinds.append(caught.type)
    assert len(str(caught.value)) > 10


@BOTH
def test_second_backward(M: Any) -> None:
    x = M.tensor([1.0, 2.0], requires_grad=True)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [4.0, 8.0]
    with pytest.raises(RuntimeError, match="a second time"):
        y.backward()
    z = (x + 1).sum()  # keeps nothing, so nothing was freed
    z.backward()
    z.backward()
    assert x.grad.tolist() == [6.0, 10.0]


@BOTH
def test_grad_of_a_non_leaf_warns(M: Any) -> None:
    x = M.tensor([1.0], requires_grad=True)
    y = x * 2
    with pytest.warns(UserWarning, match="not a leaf Tensor"):
        assert y.grad is None
    y.retain_grad()
    assert y.retains_grad
    (y * 3).sum().backward()
    assert y.grad.tolist() == [3.0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert M.ones(1).grad is None


# -- hooks -------------------------------------------------------------------------------------------------
@BOTH
def test_hooks_see_the_whole_gradient_and_may_replace_it(M: Any) -> None:
    x = M.tensor([1.0, 2.0], requires_grad=True)
    seen = []
    y = x * 2
    handle = y.register_hook(lambda g: seen.append(g.tolist()))
    y.register_hook(lambda g: g * 10)
    x.register_hook(lambda g: seen.append(g.tolist()))
    (y * 3 + y).sum().backward()
    assert seen == [[4.0, 4.0], [80.0, 80.0]]
    assert x.grad.tolist() == [80.0, 80.0]
    handle.remove()
    seen.clear()
    (x * 1).sum().backward()
    assert seen == [[1.0, 1.0]]


@BOTH
def test_removed_hook_is_not_called(M: Any) -> None:
    x = M.tensor([1.0, 2.0], requires_grad=True)
    seen: list[Any] = []
    handle = x.register_hook(seen.append)
    handle.remove()
    x.sum().backward()
    assert seen == []


def test_hook_that_changes_the_shape_is_refused() -> None:
    x = scratch.tensor([1.0, 2.0], requires_grad=True)
    x.register_hook(lambda g: g.sum())
    with pytest.raises(RuntimeError, match="shape"):
        x.sum().backward()


# -- grad mode ---------------------------------------------------------------------------------------------
@BOTH
def test_grad_mode(M: Any) -> None:
    x = M.tensor(1.0, requires_grad=True)
    assert M.is_grad_enabled()
    with M.no_grad():
        assert not M.is_grad_enabled()
        assert not (x * 2).requires_grad
        with M.enable_grad():
            assert (x * 2).requires_grad
        assert not M.is_grad_enabled()
    with pytest.raises(ZeroDivisionError), M.no_grad():
        _ = 1 / 0
    assert M.is_grad_enabled()
    with M.set_grad_enabled(False):
        assert not (x * 2).requires_grad
    assert M.is_grad_enabled()
    M.set_grad_enabled(False)
    assert not M.is_grad_enabled()
    M.set_grad_enabled(True)
    with M.inference_mode():
        assert M.is_inference_mode_enabled()
        assert not (x * 2).requires_grad
    assert not M.is_inference_mode_enabled()


@BOTH
def test_grad_mode_as_decorator(M: Any) -> None:
    x = M.tensor(1.0, requires_grad=True)

    @M.no_grad()
    def with_parentheses() -> Any:
        return x * 2

    @M.no_grad
    def without() -> Any:
        return x * 2

    @M.set_grad_enabled(False)
    def set_off() -> Any:
        return x * 2

    assert not with_parentheses().requires_grad
    assert not without().requires_grad
    assert not set_off().requires_grad
    assert M.is_grad_enabled()


def test_grad_mode_belongs_to_the_thread() -> None:
    import threading

    found = []
    with scratch.no_grad():
        thread = threading.Thread(target=lambda: found.append(scratch.is_grad_enabled()))
        thread.start()
        thread.join()
    assert found == [True]


@BOTH
def test_detach(M: Any) -> None:
    x = M.tensor([1.0, 2.0], requires_grad=True)
    y = x * 2
    d = y.detach()
    assert not d.requires_grad
    assert d.is_leaf
    assert d.data_ptr() == y.data_ptr()
    assert not x.data.requires_grad
    y.detach_()
    assert y.grad_fn is None
    assert not y.requires_grad
    x.requires_grad = False
    assert not (x * 2).requires_grad


def test_nodes_do_not_keep_parents_alive() -> None:
    import weakref

    x = scratch.rand(4, requires_grad=True)
    parent = x * 2
    parent_data = weakref.ref(parent._data)
    reference = weakref.ref(parent)
    y = (parent + 1).sum()
    del parent
    assert reference() is None  # the node keeps edges, not tensors
    assert parent_data() is None  # and addition needs no values
    y.backward()
    assert x.grad is not None
    assert x.grad.tolist() == [2.0] * 4


def test_nan_and_overflow_are_silent() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        x = scratch.tensor([0.0, 1e38, -1.0, np.inf], requires_grad=True)
        y = [
            x / 0,
            x * 1e10,
            x.log(),
            x - x,
            (x * 100).exp(),
            x.sqrt(),
            1 / x,
            x**-1,
            x.sum(),
            x.mean(),
            x.std(),
            x @ x,
            x.to(scratch.float16),
        ]
        total = sum(t.float().sum() for t in y)
        total.backward()
        scratch.tensor([np.nan, np.inf]).long()
        with pytest.warns(RuntimeWarning):
            np.log(np.zeros(1))
