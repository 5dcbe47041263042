"""Memory: what is freed, what does not grow, and that a graph may be as long as it likes."""

import gc
import tracemalloc
from typing import Any

import numpy as np
import pytest

import dlstudy.scratch as scratch
from tests.proofs import note


def count_tensors() -> int:
    gc.collect()
    return sum(issubclass(type(o), scratch.Tensor | scratch.autograd.Node) for o in gc.get_objects())


@pytest.mark.parametrize(
    "step", [lambda y: y * 1.0, lambda y: y + 1.0, lambda y: y.reshape(1)], ids=["mul", "add", "view"]
)
def test_chain_of_100_000_nodes(step: Any) -> None:
    x = scratch.tensor([0.5], requires_grad=True)
    y = x
    for _ in range(100_000):
        y = step(y)
    y.backward()
    assert x.grad is not None
    assert np.isfinite(x.grad.item())
    del y  # freeing the graph must not overflow the stack either


def test_long_chain_is_freed_without_backward() -> None:
    x = scratch.tensor(0.5, requires_grad=True)
    y = x
    for _ in range(100_000):
        y = y * x
    before = count_tensors()
    del y
    assert count_tensors() < before - 90_000


def test_long_chain_twice_differentiated() -> None:
    x = scratch.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(5_000):
        y = y * x
    (g,) = scratch.autograd.grad(y, x, create_graph=True)
    (h,) = scratch.autograd.grad(g, x)
    assert g.item() == pytest.approx(5_001)
    assert h.item() == pytest.approx(5_001 * 5_000, rel=1e-4)


def test_long_chain_of_changes_in_place() -> None:
    x = scratch.tensor([0.5, 1.0], requires_grad=True)
    y = x * 1
    for _ in range(5_000):
        y[0] += 1
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [1.0, 1.0]


def training_step(w: Any, b: Any, x: Any) -> None:
    y = ((x @ w + b).tanh()[:, :2] ** 2).mean()
    y.backward()
    with scratch.no_grad():
        for p in (w, b):
            p -= 0.01 * p.grad
            p.grad.zero_()


@pytest.mark.proof
@pytest.mark.slow
def test_ten_thousand_steps_do_not_grow() -> None:
    w, b = scratch.rand(3, 4, requires_grad=True), scratch.zeros(4, requires_grad=True)
    x = scratch.rand(2, 3)
    training_step(w, b, x)
    objects = count_tensors()
    gc.collect()
    gc.disable()  # nothing may wait for the collector: there are no cycles
    tracemalloc.start()
    try:
        for _ in range(2500):  # until Python's own lists of reusable tuples are full
            training_step(w, b, x)
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(10_000):
            training_step(w, b, x)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        gc.enable()
        tracemalloc.stop()
    note(bytes_grown=grown)
    assert grown < 50_000, f"{grown} bytes after 10,000 steps"
    assert count_tensors() <= objects


def test_views_of_a_long_lived_tensor_do_not_pile_up() -> None:
    w = scratch.rand(3, 3)
    w.requires_grad_()
    before = count_tensors()
    for _ in range(1000):
        _ = w.T[0].sum()
    assert count_tensors() <= before + 5


def test_backward_frees_what_was_kept() -> None:
    x = scratch.rand(1000, 1000, requires_grad=True)
    tracemalloc.start()
    y = (x * x).exp().sum()
    held = tracemalloc.get_traced_memory()[0]
    y.backward()
    x.grad = None
    gc.collect()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held > 3_900_000  # exp keeps its result
    assert after < 100_000, "y is alive, but what its graph kept is not"


def test_a_constant_factor_is_all_that_a_product_keeps() -> None:
    x = scratch.rand(1000, 1000, requires_grad=True)
    tracemalloc.start()
    y = x
    for _ in range(20):
        y = y * 2.0 + 1.0
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 14_000_000, "three arrays at a time, not forty"


def test_notes_of_changes_go_with_their_memory() -> None:
    from dlstudy.scratch.changes import Changes

    before = len(Changes.of_owner)
    for _ in range(100):
        t = scratch.zeros(3)
        t.add_(1)
        t[0] = 2
    del t
    gc.collect()
    assert len(Changes.of_owner) <= before


def test_a_leaf_and_its_graph_go_without_the_collector() -> None:
    import weakref

    gc.collect()
    gc.disable()
    try:
        x = scratch.rand(10, requires_grad=True)
        y = (x * x).exp()
        view = y.reshape(2, 5)[0]
        y.sum().backward(retain_graph=True)
        (g,) = scratch.autograd.grad(y.sum(), x, create_graph=True)
        kept = [weakref.ref(t._data) for t in (x, y, g)]
        del x, y, g, view
        assert [ref() for ref in kept] == [None, None, None]
    finally:
        gc.enable()
