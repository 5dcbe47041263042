"""Building the same layer or model on torch and on scratch, and comparing everything that one call of it gives."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import dlstudy.scratch as scratch

from .parity import assert_same, draw, flat, is_tensor, weighted_sum


def pair(make: Callable[[Any], Any], seed: int = 0, dtype: str = "float64") -> tuple[Any, Any]:
    """Return (ours, theirs): make(module) on scratch and on torch with the same state, moved off its initial values."""
    rng = np.random.default_rng(seed)
    ours, theirs = make(scratch), make(torch)
    ours, theirs = (m.double() if dtype == "float64" else m for m in (ours, theirs))
    with torch.no_grad():
        for name, t in theirs.state_dict().items():
            if t.is_floating_point():
                low, high = (0.5, 2) if name.endswith("running_var") else (-1, 1.3)
                t.copy_(torch.tensor(rng.uniform(low, high, tuple(t.shape))))
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def compare_call(ours: Any, theirs: Any, *arrays: Any, seed: int = 0) -> None:
    """Call both with the same inputs; compare results, gradients of inputs and parameters, and buffers afterwards."""
    reports = []
    for M, module in ((scratch, ours), (torch, theirs)):
        inputs = [M.tensor(a.copy()) for a in arrays]
        for t in inputs:
            if t.is_floating_point():
                t.requires_grad_()
        M.manual_seed(seed)
        module.zero_grad()
        outputs = flat(module(*inputs))
        weighted_sum(M, [o for o in outputs if is_tensor(o)], 1).backward()
        report = {f"output {i}": o for i, o in enumerate(outputs)}
        report |= {f"gradient of input {i}": t.grad for i, t in enumerate(inputs)}
        report |= {f"gradient of {name}": p.grad for name, p in module.named_parameters()}
        report |= {f"buffer {name}": b for name, b in module.named_buffers()}
        reports.append(report)
    mine, other = reports
    assert list(mine) == list(other)
    for name, expected in other.items():
        if expected is None:
            assert mine[name] is None, name
        else:
            assert_same(mine[name], expected, name)


def numeric_gradient_check(module: Any, *arrays: Any, step: float = 1e-6) -> None:
    """Hold a float64 module's gradients, of inputs and parameters, against central differences of its own results."""
    rng = np.random.default_rng(8)
    inputs = [scratch.tensor(a.copy(), requires_grad=a.dtype.kind == "f") for a in arrays]
    weights = None

    def total() -> Any:
        nonlocal weights
        scratch.manual_seed(0)
        out = module(*inputs)
        weights = scratch.tensor(rng.uniform(0.5, 1.5, tuple(out.shape))) if weights is None else weights
        return (out * weights).sum()

    total().backward()
    for t in [*[i for i in inputs if i.requires_grad], *module.parameters()]:
        found = np.zeros(t._data.shape)
        for place in np.ndindex(t._data.shape):
            kept = t._data[place]
            sides = []
            for moved in (kept + step, kept - step):
                t._data[place] = moved
                with scratch.no_grad():
                    sides.append(total().item())
            t._data[place] = kept
            found[place] = (sides[0] - sides[1]) / (2 * step)
        np.testing.assert_allclose(t.grad.numpy(), found, rtol=2e-6, atol=2e-7)


__all__ = ["compare_call", "draw", "numeric_gradient_check", "pair"]
