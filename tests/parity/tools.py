"""How a model of ours is held against the reference: the same weights, all outputs, gradients and statistics."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from tests.proofs import note_largest


def off_initial_values(model: nn.Module, seed: int = 0) -> None:
    """Move every parameter and running statistic off 0 and 1, where bugs hide: fresh random values, kept small."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            scale = 0.02 + 0.1 * parameter.detach().std(correction=0)
            parameter.add_(scale * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype))
        for name, buffer in model.named_buffers():
            if not buffer.is_floating_point():
                continue
            noise = torch.rand(buffer.shape, generator=generator, dtype=buffer.dtype)
            if "var" in name:
                buffer.copy_(0.5 + noise)
            elif "mean" in name:
                buffer.copy_(0.4 * (noise - 0.5))


def tensors(result: Any) -> list[Tensor]:
    """Every floating-point tensor in a result, however nested."""
    if isinstance(result, Tensor):
        return [result] if result.is_floating_point() else []
    if isinstance(result, dict):
        return [found for value in result.values() for found in tensors(value)]
    if isinstance(result, Sequence) and not isinstance(result, str):
        return [found for value in result for found in tensors(value)]
    return []


def run(
    model: nn.Module, inputs: Sequence[Any], call: Callable[..., Any] | None
) -> tuple[list[Tensor], dict[str, Tensor]]:
    """The outputs and all gradients: of a sum of the outputs with random weights, for parameters and for inputs."""
    inputs = [
        value.clone().requires_grad_() if isinstance(value, Tensor) and value.is_floating_point() else value
        for value in inputs
    ]
    model.zero_grad()
    torch.manual_seed(7)  # dropout and stochastic depth, where they are on, draw the same numbers
    outputs = tensors((call or nn.Module.__call__)(model, *inputs))
    generator = torch.Generator().manual_seed(3)
    loss = sum(
        (output * torch.randn(output.shape, generator=generator, dtype=output.dtype)).sum() for output in outputs
    )
    assert isinstance(loss, Tensor)
    loss.backward()
    gradients = {name: value.grad.clone() for name, value in model.named_parameters() if value.grad is not None}
    for place, value in enumerate(inputs):
        if isinstance(value, Tensor) and value.requires_grad:
            assert value.grad is not None, f"input {place} got no gradient"
            gradients[f"input {place}"] = value.grad
    return outputs, gradients


def assert_equal_models(
    ours: nn.Module,
    theirs: nn.Module,
    inputs: Sequence[Any],
    *,
    to_ours: Callable[[dict[str, Tensor]], dict[str, Tensor]] = dict,
    to_theirs: Callable[[dict[str, Tensor]], dict[str, Tensor]] = dict,
    call_ours: Callable[..., Any] | None = None,
    call_theirs: Callable[..., Any] | None = None,
    modes: Sequence[bool] = (True, False),
    tolerance: float = 1e-10,
) -> None:
    """Compare in float64: strict loading both ways, outputs, gradients by name and buffers, in train and eval mode.

    `to_ours` and `to_theirs` change the names (and layout) of a state dict; gradients are compared under our names.
    """
    theirs = copy.deepcopy(theirs).double()
    ours = copy.deepcopy(ours).double()
    inputs = [value.double() if isinstance(value, Tensor) and value.is_floating_point() else value for value in inputs]
    off_initial_values(theirs)
    for parameter in ours.parameters():  # so that nothing is equal because both began alike
        nn.init.normal_(parameter)
    ours.load_state_dict(to_ours(theirs.state_dict()), strict=True)
    back = to_theirs(ours.state_dict())
    theirs.load_state_dict(back, strict=True)
    for training in modes:
        ours.train(training)
        theirs.train(training)
        got, got_gradients = run(ours, inputs, call_ours)
        wanted, wanted_gradients = run(theirs, inputs, call_theirs)
        assert len(got) == len(wanted) > 0
        for mine, reference in zip(got, wanted, strict=True):
            assert reference.abs().max() > 1e-6, "nothing to compare: the output is 0"
            torch.testing.assert_close(mine, reference, rtol=tolerance, atol=tolerance)
            note_largest(output_error=(mine - reference).abs().max().item())
        named = {name: value for name, value in wanted_gradients.items() if not name.startswith("input")}
        wanted_gradients = to_ours(named) | {k: v for k, v in wanted_gradients.items() if k.startswith("input")}
        assert set(got_gradients) == set(wanted_gradients)
        for name, gradient in got_gradients.items():
            scale = max(1.0, wanted_gradients[name].abs().max().item())
            torch.testing.assert_close(gradient / scale, wanted_gradients[name] / scale, rtol=tolerance, atol=tolerance)
            note_largest(gradient_error=(gradient - wanted_gradients[name]).abs().max().item() / scale)
        state, reference_state = ours.state_dict(), to_ours(theirs.state_dict())
        assert set(state) == set(reference_state)
        for name, value in state.items():  # running statistics after a step in train mode
            torch.testing.assert_close(value, reference_state[name], rtol=tolerance, atol=tolerance)
            if value.is_floating_point():
                note_largest(statistics_error=(value - reference_state[name]).abs().max().item())
