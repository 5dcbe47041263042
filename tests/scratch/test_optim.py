"""Every optimizer against torch's, step by step: parameters, state, printed form, groups, saving and loading."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import dlstudy.scratch as scratch
from dlstudy.scratch.optim import optimizer as base

SETTINGS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"lr": 0.05}),
    ("SGD", {"lr": 0.05, "weight_decay": 0.1, "maximize": True}),
    ("SGD", {"lr": 0.05, "momentum": 0.9}),
    ("SGD", {"lr": 0.05, "momentum": 0.8, "dampening": 0.3, "weight_decay": 0.02}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.02}),
    ("Adagrad", {}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.05, "weight_decay": 0.1, "initial_accumulator_value": 0.3, "eps": 1e-3}),
    ("RMSprop", {}),
    ("RMSprop", {"centered": True, "alpha": 0.9, "eps": 1e-3}),
    ("RMSprop", {"momentum": 0.7, "weight_decay": 0.1, "maximize": True}),
    ("RMSprop", {"momentum": 0.7, "centered": True}),
    ("Adam", {}),
    ("Adam", {"lr": 0.02, "betas": (0.7, 0.8), "eps": 1e-3, "weight_decay": 0.1}),
    ("Adam", {"amsgrad": True, "betas": (0.5, 0.6), "lr": 0.1}),
    ("Adam", {"maximize": True}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.02, "weight_decay": 0.5, "amsgrad": True}),
]
IDS = [f"{name}{i}" for i, (name, _) in enumerate(SETTINGS)]
SHAPES = [(7, 3), (3,), (), (2, 1, 2), (0, 2)]


def parameters(M: Any, dtype: str, shapes: list[tuple[int, ...]] = SHAPES) -> list[Any]:
    rng = np.random.default_rng(1)
    return [M.nn.Parameter(M.tensor(np.asarray(rng.normal(size=s)).astype(dtype))) for s in shapes]


def set_gradients(M: Any, params: list[Any], step: int, dtype: str, scale: float = 1.0) -> None:
    """Give the parameters the gradients of step number `step`; number 1 has none at every third step."""
    rng = np.random.default_rng(100 + step)
    for i, p in enumerate(params):
        g = np.asarray(rng.normal(size=tuple(p.shape)) * scale).astype(dtype)
        p.grad = None if i == 1 and step % 3 == 2 else M.tensor(g)


def assert_close(ours: Any, theirs: Any, dtype: str, what: str) -> None:
    a, b = ours.detach().numpy(), theirs.detach().numpy()
    assert a.dtype == b.dtype, what
    assert a.shape == b.shape, what
    tolerance = 1e-12 if dtype == "float64" else 3e-6
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance, err_msg=what)


def to_other(value: Any, M: Any) -> Any:
    """Return a state dict with its tensors turned into those of `M`."""
    if isinstance(value, dict):
        return {k: to_other(v, M) for k, v in value.items()}
    if isinstance(value, list):
        return [to_other(v, M) for v in value]
    return M.tensor(value.detach().numpy().copy()) if isinstance(value, torch.Tensor | scratch.Tensor) else value


def assert_same_state(ours: dict[str, Any], theirs: dict[str, Any], dtype: str) -> None:
    assert ours["param_groups"] == theirs["param_groups"]
    assert list(ours["state"]) == list(theirs["state"])
    for number, state in theirs["state"].items():
        assert list(ours["state"][number]) == list(state)
        for name, value in state.items():
            assert_close(ours["state"][number][name], value, dtype, f"{name} of parameter {number}")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "settings"), SETTINGS, ids=IDS)
def test_fifty_steps(name: str, settings: dict[str, Any], dtype: str) -> None:
    params = {M: parameters(M, dtype) for M in (torch, scratch)}
    optimizers = {M: getattr(M.optim, name)(params[M], **settings) for M in (torch, scratch)}
    assert repr(optimizers[scratch]) == repr(optimizers[torch])
    assert optimizers[scratch].defaults == optimizers[torch].defaults
    for step in range(50):
        for M in (torch, scratch):
            set_gradients(M, params[M], step, dtype)
            optimizers[M].step()
        for i, (a, b) in enumerate(zip(params[scratch], params[torch])):
            assert_close(a, b, dtype, f"parameter {i} after step {step}")
    assert_same_state(optimizers[scratch].state_dict(), optimizers[torch].state_dict(), dtype)


@pytest.mark.parametrize(("name", "settings"), SETTINGS, ids=IDS)
def test_groups_with_settings_of_their_own(name: str, settings: dict[str, Any]) -> None:
    params = {M: parameters(M, "float64") for M in (torch, scratch)}
    optimizers = {}
    for M in (torch, scratch):
        p = params[M]
        o = getattr(M.optim, name)([{"params": p[:2], "lr": 0.3, "weight_decay": 0.2}, {"params": p[2:4]}], **settings)
        o.add_param_group({"params": p[4:], "lr": 0.001})
        optimizers[M] = o
    assert repr(optimizers[scratch]) == repr(optimizers[torch])
    for step in range(10):
        for M in (torch, scratch):
            set_gradients(M, params[M], step, "float64")
            optimizers[M].param_groups[1]["lr"] = 0.01 * (step + 1)
            optimizers[M].step()
        for i, (a, b) in enumerate(zip(params[scratch], params[torch])):
            assert_close(a, b, "float64", f"parameter {i} after step {step}")
    assert_same_state(optimizers[scratch].state_dict(), optimizers[torch].state_dict(), "float64")


@pytest.mark.parametrize(("source", "target"), [(torch, scratch), (scratch, torch), (scratch, scratch)])
@pytest.mark.parametrize(("name", "settings"), SETTINGS, ids=IDS)
def test_a_state_dict_goes_on_in_the_other_library(
    name: str, settings: dict[str, Any], source: Any, target: Any
) -> None:
    first = parameters(source, "float64")
    whole = getattr(source.optim, name)(first, **settings)
    for step in range(7):
        set_gradients(source, first, step, "float64")
        whole.step()
    second = [target.nn.Parameter(target.tensor(p.detach().numpy().copy())) for p in first]
    resumed = getattr(target.optim, name)(second, lr=7.0)  # the saved settings replace this one
    resumed.load_state_dict(to_other(whole.state_dict(), target))
    for step in range(7, 20):
        for M, p, o in ((source, first, whole), (target, second, resumed)):
            set_gradients(M, p, step, "float64")
            o.step()
    for i, (a, b) in enumerate(zip(second, first)):
        assert_close(a, b, "float64", f"parameter {i}")


def test_loading_copies() -> None:
    p = parameters(scratch, "float32")
    one, two = scratch.optim.Adam(p), scratch.optim.Adam(p)
    set_gradients(scratch, p, 0, "float32")
    one.step()
    saved = one.state_dict()
    two.load_state_dict(saved)
    before = saved["state"][0]["exp_avg"].numpy().copy()
    two.step()
    np.testing.assert_array_equal(saved["state"][0]["exp_avg"].numpy(), before)
    assert saved["state"][0]["step"].item() == 1


def test_loading_takes_the_format_of_the_parameters() -> None:
    for M in (torch, scratch):
        p, q = parameters(M, "float64", [(3,)]), parameters(M, "float32", [(3,)])
        one, two = M.optim.Adam(p), M.optim.Adam(q)
        set_gradients(M, p, 0, "float64")
        one.step()
        two.load_state_dict(one.state_dict())
        formats = {name: str(value.dtype) for name, value in two.state_dict()["state"][0].items()}
        assert formats == {"step": "torch.float32", "exp_avg": "torch.float32", "exp_avg_sq": "torch.float32"}


@pytest.mark.parametrize("count", [1, 2])
def test_a_state_dict_of_other_groups_is_refused(count: int) -> None:
    p = parameters(scratch, "float32")
    one = scratch.optim.SGD([{"params": [q]} for q in p[:count]])
    other = scratch.optim.SGD(p)
    with pytest.raises(ValueError, match="loaded state dict"):
        other.load_state_dict(one.state_dict())


def test_a_parameter_of_float16_keeps_its_format() -> None:
    for M in (torch, scratch):
        p = M.nn.Parameter(M.tensor(np.ones(3, "float16")))
        p.grad = M.tensor(np.full(3, 0.5, "float16"))
        M.optim.SGD([p], lr=0.1, momentum=0.9, weight_decay=0.1).step()
        assert str(p.dtype) == "torch.float16"
        np.testing.assert_allclose(p.detach().numpy(), 0.94, rtol=1e-3)


# -- pieces: the fast form -----------------------------------------------------------------------------------
@pytest.mark.parametrize(("name", "settings"), SETTINGS, ids=IDS)
def test_pieces_change_nothing(name: str, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    results = []
    shapes = [(9, 11), (64,), (5, 13), (1,)]
    for piece in (10**9, 8, 1):
        monkeypatch.setattr(base, "PIECE", piece)
        p = parameters(scratch, "float32", shapes)
        o = getattr(scratch.optim, name)(p, **settings)
        for step in range(6):
            set_gradients(scratch, p, step, "float32")
            o.step()
        results.append([q.detach().numpy() for q in p])
    for other in results[1:]:
        for a, b in zip(results[0], other):
            np.testing.assert_array_equal(a, b)


def test_pieces_are_the_whole_and_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "PIECE", 8)
    a, b = np.arange(21.0).reshape(3, 7), np.arange(21.0).reshape(3, 7) + 100
    parts = list(base.pieces(a, b))
    assert [len(x) for x, _ in parts] == [8, 8, 5]
    for x, y in parts:
        x += y
    np.testing.assert_array_equal(a, np.arange(21.0).reshape(3, 7) * 2 + 100)


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_parameters_and_gradients_that_are_not_contiguous(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "PIECE", 8)
    rng = np.random.default_rng(0)
    value, grad, wide = rng.normal(size=(6, 5)), rng.normal(size=(6, 5)), rng.normal(size=(1, 5))
    results: dict[Any, list[Any]] = {torch: [], scratch: []}
    for M in (torch, scratch):
        plain, turned, spread = (M.tensor(value.copy()) for _ in range(3))
        turned = M.tensor(value.T.copy()).T
        params = [t.requires_grad_() for t in (plain, turned.detach(), spread)]
        plain.grad, params[1].grad = M.tensor(grad.T.copy()).T, M.tensor(grad.copy())
        spread.grad = M.tensor(wide).expand(6, 5)
        optimizer = getattr(M.optim, name)(params, lr=0.1)
        optimizer.step()
        optimizer.step()
        results[M] = [p.detach().numpy() for p in params]
    for i, (a, b) in enumerate(zip(results[scratch], results[torch])):
        np.testing.assert_allclose(a, b, rtol=1e-12, err_msg=str(i))


# -- held against the outside --------------------------------------------------------------------------------
def test_the_first_steps_of_adam_by_hand() -> None:
    """Algorithm 1 of arXiv 1412.6980 for one number, gradients 1, -2, 0.5, alpha = 0.1, beta 0.9 and 0.999.

    m: 0.1, -0.11, -0.049;  v: 0.001, 0.004999, 0.005244001. Corrected: m 1, -0.11/0.19, -0.049/0.271 and
    v 1, 0.004999/0.001999, 0.005244001/0.002997001.
    """
    theta, expected = 0.5, []
    for m, v, c1, c2 in [
        (0.1, 0.001, 0.1, 0.001),
        (-0.11, 0.004999, 0.19, 0.001999),
        (-0.049, 0.005244001, 0.271, 0.002997001),
    ]:
        theta -= 0.1 * (m / c1) / (math.sqrt(v / c2) + 1e-8)
        expected.append(theta)
    assert expected[0] == pytest.approx(0.4, abs=1e-9)  # the first step is alpha, whatever the gradient's size
    p = scratch.tensor(0.5, dtype=scratch.float64, requires_grad=True)
    optimizer = scratch.optim.Adam([p], lr=0.1)
    for gradient, value in zip([1.0, -2.0, 0.5], expected):
        p.grad = scratch.tensor(gradient, dtype=scratch.float64)
        optimizer.step()
        assert p.item() == pytest.approx(value, rel=1e-12)


def test_adamw_decays_beside_the_step() -> None:
    p = scratch.tensor([2.0], dtype=scratch.float64, requires_grad=True)
    p.grad = scratch.tensor([3.0], dtype=scratch.float64)
    scratch.optim.AdamW([p], lr=0.1, weight_decay=0.5).step()
    assert p.item() == pytest.approx(2.0 * (1 - 0.1 * 0.5) - 0.1, rel=1e-8)


def test_momentum_by_hand() -> None:
    p = scratch.tensor([1.0], requires_grad=True)
    optimizer = scratch.optim.SGD([p], lr=0.1, momentum=0.5)
    seen = []
    for _ in range(3):
        p.grad = scratch.tensor([2.0])
        optimizer.step()
        seen.append(p.item())
    np.testing.assert_allclose(seen, [1 - 0.2, 1 - 0.2 - 0.3, 1 - 0.2 - 0.3 - 0.35], rtol=1e-6)


# -- around a step -------------------------------------------------------------------------------------------
def test_closure_is_called_with_recording_on_and_returned() -> None:
    for M in (torch, scratch):
        p = M.nn.Parameter(M.tensor([3.0]))
        optimizer = M.optim.SGD([p], lr=0.1)

        def closure(M: Any = M, p: Any = p, optimizer: Any = optimizer) -> Any:
            optimizer.zero_grad()
            loss = (p * p).sum()
            loss.backward()
            return loss

        with M.no_grad():
            loss = optimizer.step(closure)
        assert loss.item() == 9.0
        assert p.item() == pytest.approx(2.4)


def test_zero_grad() -> None:
    p, q = parameters(scratch, "float32", [(2,), (3,)])
    optimizer = scratch.optim.SGD([p, q])
    p.grad = scratch.ones(2)
    held = p.grad
    optimizer.zero_grad(set_to_none=False)
    assert p.grad is held
    assert held.tolist() == [0.0, 0.0]
    assert q.grad is None
    optimizer.zero_grad()
    assert p.grad is None


def test_a_step_counts_as_a_change_of_the_parameter() -> None:
    p = scratch.nn.Parameter(scratch.tensor([2.0]))
    loss = (p * p).sum()
    p.grad = scratch.ones(1)
    scratch.optim.SGD([p], lr=0.1).step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_hooks_before_and_after_a_step() -> None:
    p = scratch.nn.Parameter(scratch.tensor([2.0]))
    optimizer, calls = scratch.optim.SGD([p], lr=1.0), []
    p.grad = scratch.ones(1)
    before = optimizer.register_step_pre_hook(lambda o, args, kwargs: calls.append(("before", p.item())))
    optimizer.register_step_post_hook(lambda o, args, kwargs: calls.append(("after", p.item())))
    optimizer.step()
    before.remove()
    optimizer.step()
    assert calls == [("before", 2.0), ("after", 1.0), ("after", 0.0)]


REFUSED: list[tuple[type[Exception], Callable[[Any, Any], Any]]] = [
    (ValueError, lambda M, p: M.optim.SGD([], lr=0.1)),
    (ValueError, lambda M, p: M.optim.SGD([p], lr=-1)),
    (ValueError, lambda M, p: M.optim.SGD([p], momentum=-1)),
    (ValueError, lambda M, p: M.optim.SGD([p], nesterov=True)),
    (ValueError, lambda M, p: M.optim.Adam([p], betas=(1.0, 0.9))),
    (ValueError, lambda M, p: M.optim.Adam([p], betas=(0.9, -0.1))),
    (ValueError, lambda M, p: M.optim.AdamW([p], weight_decay=-1)),
    (ValueError, lambda M, p: M.optim.RMSprop([p], alpha=-1)),
    (ValueError, lambda M, p: M.optim.Adagrad([p], lr_decay=-1)),
    (TypeError, lambda M, p: M.optim.SGD(p, lr=0.1)),
    (TypeError, lambda M, p: M.optim.SGD([1.0], lr=0.1)),
    (ValueError, lambda M, p: M.optim.SGD([p * 2], lr=0.1)),
    (ValueError, lambda M, p: M.optim.SGD([{"params": [p]}, {"params": p}], lr=0.1)),
    (TypeError, lambda M, p: M.optim.SGD([{"params": {p}}], lr=0.1)),
]


@pytest.mark.parametrize(("error", "call"), REFUSED, ids=[str(i) for i in range(len(REFUSED))])
def test_both_refuse(error: type[Exception], call: Callable[[Any, Any], Any]) -> None:
    for M in (torch, scratch):
        with pytest.raises(error):
            call(M, M.nn.Parameter(M.tensor([1.0])))


def test_named_parameters() -> None:
    texts = []
    for M in (torch, scratch):
        p, q = parameters(M, "float32", [(2,), (3,)])
        optimizer = M.optim.SGD([("w", p), ("b", q)], lr=0.1)
        texts.append(repr(optimizer))
        assert optimizer.state_dict()["param_groups"][0]["param_names"] == ["w", "b"]
    assert texts[0] == texts[1]


# -- clipping ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("norm_type", [2.0, 1.0, 3.0, math.inf, -math.inf, 0.0])
@pytest.mark.parametrize("max_norm", [0.5, 1e6])
def test_clip_grad_norm(norm_type: float, max_norm: float) -> None:
    results = {}
    for M in (torch, scratch):
        params = parameters(M, "float64", SHAPES[:-1])
        set_gradients(M, params, 2, "float64", 3.0)
        total = M.nn.utils.clip_grad_norm_(iter(params), max_norm, norm_type)
        results[M] = [total, *(p.grad for p in params if p.grad is not None)]
    for a, b in zip(results[scratch], results[torch], strict=True):
        assert_close(a, b, "float64", str(norm_type))
    if norm_type == 2 and max_norm < 1:
        clipped = math.sqrt(sum((g.numpy() ** 2).sum() for g in results[scratch][1:]))
        assert clipped == pytest.approx(0.5, rel=1e-5)


def test_clipping_of_nothing_of_nan_and_by_value() -> None:
    p = scratch.nn.Parameter(scratch.tensor([1.0, 2.0, 3.0]))
    assert scratch.nn.utils.clip_grad_norm_(p, 1.0).item() == 0
    p.grad = scratch.tensor([1.0, float("nan"), 3.0])
    with pytest.raises(RuntimeError, match="non-finite"):
        scratch.nn.utils.clip_grad_norm_([p], 1.0, error_if_nonfinite=True)
    p.grad = scratch.tensor([-5.0, 0.25, 3.0])
    scratch.nn.utils.clip_grad_value_(p, 0.5)
    assert p.grad.tolist() == [-0.5, 0.25, 0.5]


def test_parameters_as_a_vector_and_back() -> None:
    params = parameters(scratch, "float32", [(2, 2), (3,)])
    vector = scratch.nn.utils.parameters_to_vector(params)
    theirs = torch.nn.utils.parameters_to_vector(parameters(torch, "float32", [(2, 2), (3,)]))
    assert_close(vector, theirs, "float32", "vector")
    assert vector.requires_grad
    scratch.nn.utils.vector_to_parameters(scratch.arange(7.0), params)
    assert [p.tolist() for p in params] == [[[0.0, 1.0], [2.0, 3.0]], [4.0, 5.0, 6.0]]
    with pytest.raises(RuntimeError, match="the parameters need at least 7"):
        scratch.nn.utils.vector_to_parameters(scratch.arange(5.0), params)


def test_every_optimizer_has_settings_here() -> None:
    public = {n for n in scratch.optim.__all__ if n[0].isupper()} - {"Optimizer"}
    assert public == {name for name, _ in SETTINGS}
    assert list(itertools.chain(IDS))
