"""One helper that runs the same code on torch and on dlstudy.scratch and compares everything there is to compare."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import dlstudy.scratch as scratch

REFUSALS = (RuntimeError, IndexError, TypeError, ValueError, NotImplementedError)
TOLERANCE = {"float16": 2e-3, "float32": 2e-5, "float64": 1e-9}


def tensors(module: Any, arrays: list[Any]) -> list[Any]:
    """Return the arrays as leaves of `module`, floats requiring a gradient; Python numbers stay as they are."""
    made = []
    for a in arrays:
        if isinstance(a, np.ndarray):
            t = module.tensor(a.copy())
            made.append(t.requires_grad_() if a.dtype.kind == "f" else t)
        else:
            made.append(a)
    return made


def flat(result: Any) -> list[Any]:
    if isinstance(result, tuple | list):
        return [part for r in result for part in flat(r)]
    return [result]


def is_tensor(t: Any) -> bool:
    return isinstance(t, torch.Tensor | scratch.Tensor)


def values(t: Any) -> Any:
    return t.numpy(force=True) if is_tensor(t) else t


def assert_same(ours: Any, theirs: Any, what: str) -> None:
    """Compare two tensors, or two plain results, in format, shape and values (nan equals nan)."""
    if not is_tensor(theirs):
        if isinstance(theirs, tuple):  # torch.Size
            assert tuple(ours) == tuple(theirs), what
        else:
            assert type(ours).__name__ == type(theirs).__name__, f"{what}: type {type(ours)} is not {type(theirs)}"
            assert ours == theirs or (ours != ours and theirs != theirs), f"{what}: {ours} is not {theirs}"
        return
    assert isinstance(ours, scratch.Tensor), f"{what}: {type(ours)} is no Tensor"
    assert str(ours.dtype) == str(theirs.dtype), f"{what}: format {ours.dtype}, expected {theirs.dtype}"
    assert tuple(ours.shape) == tuple(theirs.shape), (
        f"{what}: shape {tuple(ours.shape)}, expected {tuple(theirs.shape)}"
    )
    a, b = values(ours), values(theirs)
    if a.dtype.kind == "f":
        tolerance = TOLERANCE[a.dtype.name]
        scale = max(1.0, float(np.abs(b[np.isfinite(b)]).max())) if np.isfinite(b).any() else 1.0
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * scale, err_msg=what)
    else:
        np.testing.assert_array_equal(a, b, err_msg=what)


def weights_for(module: Any, outputs: list[Any], seed: int) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [module.tensor(np.asarray(rng.uniform(0.5, 1.5, tuple(o.shape))).astype(values(o).dtype)) for o in outputs]


def weighted_sum(module: Any, outputs: list[Any], seed: int) -> Any:
    """Return one number that depends on every element of the outputs in its own way."""
    parts = [(o * w).sum().to(module.float64) for o, w in zip(outputs, weights_for(module, outputs, seed))]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def run(module: Any, f: Callable[..., Any], arrays: list[Any], second: bool) -> dict[str, Any]:
    """Return everything that `f` gives on `module`: results, gradients with and without a graph, second derivatives."""
    inputs = tensors(module, arrays)
    outputs = flat(f(module, *inputs))
    report: dict[str, Any] = {"outputs": outputs}
    leaves = [t for t in inputs if is_tensor(t) and t.requires_grad]
    live = [o for o in outputs if is_tensor(o) and o.requires_grad]
    report["requires_grad"] = [is_tensor(o) and o.requires_grad for o in outputs]
    if not live:
        return report

    loss = weighted_sum(module, live, 1)
    first = module.autograd.grad(loss, leaves, create_graph=True, allow_unused=True)
    report["grads"] = first
    if second:
        again = [g for g in first if g is not None and g.requires_grad]
        if again:
            curved = weighted_sum(module, again, 2)
            report["second"] = module.autograd.grad(curved, leaves, allow_unused=True, materialize_grads=True)

    fresh = tensors(module, arrays)
    live = [o for o in flat(f(module, *fresh)) if is_tensor(o) and o.requires_grad]
    weighted_sum(module, live, 1).backward()
    report["backward"] = [t.grad for t in fresh if is_tensor(t) and t.requires_grad]
    return report


def compare(f: Callable[..., Any], *arrays: Any, second: bool = True) -> None:
    """Run `f(module, *tensors)` on torch and on scratch; both must give the same, or both must refuse.

    Compared are values, formats, shapes, requires_grad, first derivatives (recorded and plain) and second derivatives.
    """
    given = list(arrays)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = run(torch, f, given, second)
    except REFUSALS as error:
        try:
            ours = run(scratch, f, given, second)
        except REFUSALS as own:
            assert len(str(own)) > 10, f"a refusal without a sentence: {own!r}"  # noqa: PT017
            return
        raise AssertionError(f"torch refuses ({error}), we return {ours['outputs']}") from None
    ours = run(scratch, f, given, second)
    assert len(ours["outputs"]) == len(theirs["outputs"])
    for i, (a, b) in enumerate(zip(ours["outputs"], theirs["outputs"])):
        assert_same(a, b, f"result {i}")
    assert ours["requires_grad"] == theirs["requires_grad"], "requires_grad"
    for key, what in [("grads", "gradient"), ("backward", "gradient by backward()"), ("second", "second derivative")]:
        mine, other = ours.get(key), theirs.get(key)
        if key == "second" and (mine is None or other is None):
            for g in [*(mine or []), *(other or [])]:  # one side knows that it is constant, the other computes zeros
                assert not np.nan_to_num(values(g)).any(), "second derivative: expected zero"
            continue
        assert (mine is None) == (other is None), what
        for i, (a, b) in enumerate(zip(mine or [], other or [])):
            if key == "backward":
                assert (a is None) == (b is None), f"{what} of input {i}: {a}, expected {b}"
            if b is None or a is None:
                left = a if b is None else b
                assert left is None or not values(left).any(), f"{what} {i}: expected None or zero"
            else:
                assert_same(a, b, f"{what} of input {i}")


def draw(
    rng: np.random.Generator, shape: tuple[int, ...], low: float = -2, high: float = 2, dtype: str = "float64"
) -> Any:
    """Return random numbers that stay clear of the places where derivatives jump (integers)."""
    if np.dtype(dtype).kind == "f":
        x = rng.uniform(low, high, shape)
        return np.asarray(np.where(np.abs(x - np.round(x)) < 0.02, x + 0.05, x)).astype(dtype)
    if dtype == "bool":
        return np.asarray(rng.integers(0, 2, shape)).astype(bool)
    return np.asarray(rng.integers(max(low, 0) if dtype == "uint8" else low, high + 1, shape)).astype(dtype)
