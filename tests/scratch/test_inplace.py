"""Changes in place: values, graphs, views that share memory, and the refusals, each the same as torch's."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import dlstudy.scratch as scratch

from .cases import DOMAIN, UNARY
from .parity import compare, draw

rng = np.random.default_rng(3)


def on_copy(change: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that changes a copy of its first input, and returns it and what was made of it before."""

    def f(M: Any, a: Any, *rest: Any) -> Any:
        copy = a * 1.5
        before = copy + 1
        result = change(M, copy, *rest)
        return (copy, before) if result is None else (copy, before, result * 2)

    return f


@pytest.mark.parametrize("name", [*UNARY, "zero"])
@pytest.mark.parametrize("shape", [(), (2, 3)])
def test_unary(name: str, shape: tuple[int, ...]) -> None:
    low, high = DOMAIN.get(name, (-3, 3))
    compare(on_copy(lambda M, a: getattr(a, name + "_")()), draw(rng, shape, low / 1.5, high / 1.5))


BINARY: dict[str, Callable[..., Any]] = {
    "add_": lambda M, a, b: a.add_(b),
    "sub_": lambda M, a, b: a.sub_(b),
    "mul_": lambda M, a, b: a.mul_(b),
    "div_": lambda M, a, b: a.div_(b),
    "pow_": lambda M, a, b: a.abs_().pow_(b),
    "atan2_": lambda M, a, b: a.atan2_(b),
    "add_ alpha": lambda M, a, b: a.add_(b, alpha=2),
    "sub_ alpha": lambda M, a, b: a.sub_(b, alpha=2),
    "copy_": lambda M, a, b: a.copy_(b),
    "lerp_": lambda M, a, b: a.lerp_(a.detach() + 1, 0.3) * b.sum(),
    "addcmul_": lambda M, a, b: a.addcmul_(b, b, value=0.5),
    "addcdiv_": lambda M, a, b: a.addcdiv_(b, b + 5),
    "remainder_": lambda M, a, b: a.remainder_(b.detach()),
    "scalar": lambda M, a, b: a.add_(2).mul_(b).sub_(1).div_(3).pow_(2),
    "clamp_": lambda M, a, b: a.clamp_(-1, 1) * b,
    "masked_fill_": lambda M, a, b: a.masked_fill_(a.detach() > 0, 2.0) + b,
    "clamp_min_": lambda M, a, b: a.clamp_min_(0.1).clamp_max_(1.0) * b,
    "fill_": lambda M, a, b: a.fill_(b.sum()),
    "fill_ number": lambda M, a, b: a.fill_(2.5) * b,
}


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("shapes", [((), ()), ((2, 3), (3,)), ((2, 3), (2, 3)), ((3,), (2, 3))])
def test_binary(name: str, shapes: Any) -> None:
    compare(on_copy(BINARY[name]), draw(rng, shapes[0], 0.5, 2), draw(rng, shapes[1], 0.5, 2))


def augmented(M: Any, a: Any, b: Any) -> None:
    a += b
    a *= 2
    a -= b
    a /= b
    a **= 2


def test_augmented_assignment() -> None:
    compare(on_copy(augmented), draw(rng, (2, 3)), draw(rng, (3,), 0.5, 2))


def integers(M: Any, a: Any) -> Any:
    a += 2
    a //= 2
    a %= 5
    a &= 3
    a |= 4
    a ^= 1
    return a


def test_integer_assignment() -> None:
    compare(integers, draw(rng, (6,), 0, 20, "int64"))


@pytest.mark.parametrize("kind", ["int64", "uint8", "bool"])
@pytest.mark.parametrize("other", [2, 1.5, True])
def test_formats(kind: str, other: Any) -> None:
    compare(lambda M, a: a.add_(other), draw(rng, (3,), 0, 3, kind))
    compare(lambda M, a: a.mul_(other), draw(rng, (3,), 0, 3, kind))
    compare(lambda M, a: a.fill_(other), draw(rng, (3,), 0, 3, kind))
    compare(lambda M, a: a.copy_(M.tensor([other] * 3)), draw(rng, (3,), 0, 3, kind))


VIEWS: dict[str, Callable[..., Any]] = {
    "row": lambda M, a: a[0],
    "column": lambda M, a: a[:, 1],
    "steps": lambda M, a: a[:, ::2],
    "transpose": lambda M, a: a.T,
    "reshape": lambda M, a: a.reshape(-1),
    "view of a view": lambda M, a: a.T[1:][:, 0],
    "diagonal": lambda M, a: a.diagonal(),
    "unsqueeze": lambda M, a: a.unsqueeze(0),
    "narrow": lambda M, a: a.narrow(1, 1, 2),
    "element": lambda M, a: a[1, 2],
    "flatten": lambda M, a: a.flatten()[2:5],
    "swap": lambda M, a: a.transpose(0, 1)[2],
}
CHANGES: dict[str, Callable[..., Any]] = {
    "mul": lambda v, b: v.mul_(b.sum()),
    "add": lambda v, b: v.add_(b.sum()),
    "exp": lambda v, b: v.exp_(),
    "zero": lambda v, b: v.zero_(),
    "copy": lambda v, b: v.copy_(b.sum() * 2),
    "twice": lambda v, b: v.mul_(b[0]).add_(b[1]),
    "square": lambda v, b: v.mul_(v.detach() * b[0]),
}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("change", CHANGES)
def test_change_through_a_view(view: str, change: str) -> None:
    def f(M: Any, a: Any, b: Any) -> Any:
        base = a * 1.5
        v = VIEWS[view](M, base)
        other = base[1] * 1.0
        CHANGES[change](v, b)
        return base * 2, v * 3, other

    compare(f, draw(rng, (3, 4)), draw(rng, (2,), 0.5, 2))


@pytest.mark.parametrize("view", VIEWS)
def test_change_of_the_base_is_seen_by_views(view: str) -> None:
    def f(M: Any, a: Any, b: Any) -> Any:
        base = a * 1.5
        v = VIEWS[view](M, base)
        base.mul_(b[0])
        first = v * 2
        base.add_(b[1])
        return first, v * 3, base

    compare(f, draw(rng, (3, 4)), draw(rng, (2,), 0.5, 2))


def test_views_of_constants_become_part_of_the_graph() -> None:
    def f(M: Any, a: Any) -> Any:
        base = M.zeros(3, 4, dtype=M.float64)
        row = base[1]
        base[:, 0] = a
        assert row.grad_fn is not None  # until it is asked for, torch itself takes the view for a leaf
        row.mul_(2)
        base[2].add_(a[1])
        return base, row * 1

    compare(f, draw(rng, (3,)))


def test_the_name_of_the_operation_on_the_base() -> None:
    base = scratch.rand(3, requires_grad=True) * 1
    base[0] = 2
    assert base.grad_fn is not None
    assert base.grad_fn.name() == "CopySlices"


# -- refusals ----------------------------------------------------------------------------------------------
def leaf(M: Any, a: Any) -> Any:
    a.add_(1)
    return a


def leaf_assignment(M: Any, a: Any) -> Any:
    a[0] = 1.0
    return a


def view_of_leaf(M: Any, a: Any) -> Any:
    a[0].mul_(2)
    return a


def expanded(M: Any, a: Any) -> Any:
    return a.detach()[:, None].expand(3, 2).add_(1)


def one_of_many(M: Any, a: Any) -> Any:
    (a * 1).unbind()[0].mul_(2)
    return a


def one_of_split(M: Any, a: Any) -> Any:
    (a * 1).split(2)[0].mul_(2)
    return a


def too_large(M: Any, a: Any) -> Any:
    return (a * 1).add_(M.ones(2, 3, dtype=M.float64))


def float_into_int(M: Any, a: Any) -> Any:
    return a.detach().long().add_(1.5)


REFUSED = [leaf, leaf_assignment, view_of_leaf, expanded, one_of_many, one_of_split, too_large, float_into_int]


@pytest.mark.parametrize("f", REFUSED, ids=lambda f: f.__name__)
def test_refused(f: Callable[..., Any]) -> None:
    with pytest.raises(RuntimeError):
        f(torch, torch.rand(3, dtype=torch.float64, requires_grad=True))
    with pytest.raises(RuntimeError, match=r".{30,}"):
        f(scratch, scratch.rand(3, dtype=scratch.float64, requires_grad=True))


SPOILED: dict[str, Callable[..., Any]] = {
    "square then add": lambda y, w: (y**2, y.add_(1)),
    "exp then its result": lambda y, w: ((z := y.exp()), z.mul_(2)),
    "mul then factor": lambda y, w: (y * w, y.zero_()),
    "through a view": lambda y, w: (y * w, y[0].fill_(3)),
    "of a view's base": lambda y, w: (y[0] * w[0], y.mul_(2)),
    "through detach": lambda y, w: (y * w, y.detach().add_(1)),
    "in no_grad": lambda y, w: (y * w, no_grad_add(y)),
    "assignment": lambda y, w: (y.sin(), y.__setitem__(0, 1.0)),
    "matmul": lambda y, w: (y @ w, y.mul_(2)),
    "tanh_ then more": lambda y, w: ((z := y.tanh_()), z.add_(1)),
    "unused product": lambda y, w: (y * 2, y.add_(1)),
    "add needs nothing": lambda y, w: (y + w, y.add_(1)),
    "sum needs nothing": lambda y, w: (y.sum(), y.mul_(2)),
    "relu": lambda y, w: ((z := y.relu()), z.add_(1)),
    "division": lambda y, w: (w / y, y.add_(1)),
    "sigmoid": lambda y, w: ((z := y.sigmoid()), z[1:].mul_(2)),
    "the other factor": lambda y, w: (y.detach() * w, y.add_(1)),
    "var": lambda y, w: (y.var(unbiased=False), y.add_(1)),
    "max": lambda y, w: (y.max(), y.add_(1)),
    "softmax": lambda y, w: ((z := y.softmax(0)), z.mul_(2)),
}


def no_grad_add(y: Any) -> None:
    module = torch if isinstance(y, torch.Tensor) else scratch
    with module.no_grad():
        y.add_(1)


@pytest.mark.parametrize("name", SPOILED)
@pytest.mark.parametrize("shape", [(3,), (1,)])
def test_values_changed_before_backward(name: str, shape: tuple[int, ...]) -> None:
    refused = []
    grads = []
    for M in (torch, scratch):
        x = M.tensor(np.linspace(0.2, 0.9, shape[0]), requires_grad=True)
        w = M.tensor(np.linspace(0.5, 1.5, shape[0]), requires_grad=True)
        result = SPOILED[name](x * 1.5, w)[0]
        try:
            result.sum().backward()
            refused.append(False)
            grads.append([None if t.grad is None else t.grad.numpy() for t in (x, w)])
        except RuntimeError as error:
            refused.append(True)
            assert "modified by an inplace operation" in str(error)  # noqa: PT017 - torch may not refuse
    assert refused[0] == refused[1], f"torch refuses: {refused[0]}, scratch refuses: {refused[1]}"
    for theirs, ours in zip(*grads) if grads else []:
        assert (theirs is None) == (ours is None)
        if theirs is not None:
            np.testing.assert_allclose(ours, theirs)


def test_zero_dimensional_value_changed_before_backward() -> None:
    y = scratch.tensor(2.0, requires_grad=True) * 1
    z = y**2
    y.add_(1)
    with pytest.raises(RuntimeError, match=r"PowBackward0 kept its input .* at version 1"):
        z.backward()


def test_version_is_counted_once_for_all_views() -> None:
    for M in (torch, scratch):
        base = M.zeros(3, 4)
        view, other = base[0], base.T
        assert [t._version for t in (base, view, other)] == [0, 0, 0]
        view.add_(1)
        base.mul_(2)
        other[1] = 3
        assert [t._version for t in (base, view, other, base.detach())] == [3, 3, 3, 3]
        assert base.clone()._version == 0


def test_optimizer_step_keeps_the_leaf() -> None:
    losses = []
    for M in (torch, scratch):
        w = M.tensor([1.0, -2.0, 3.0], requires_grad=True)
        trace = []
        for _ in range(5):
            loss = (w**2).sum()
            loss.backward()
            with M.no_grad():
                w -= 0.1 * w.grad
            assert w.is_leaf
            assert w.grad is not None
            w.grad.zero_()
            trace.append(loss.item())
        losses.append(trace)
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-6)
