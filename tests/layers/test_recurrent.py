"""What holds for the recurrent layers whatever they are compared with: derivatives, batches, export, errors."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from dlstudy.layers import recurrent, recurrent_fast, recurrent_steps

KINDS = [("RNN", {}), ("RNN", {"nonlinearity": "relu"}), ("LSTM", {}), ("LSTM", {"proj_size": 2}), ("GRU", {})]
NAMES = ["RNN", "RNN relu", "LSTM", "LSTM projected", "GRU"]
every_kind = pytest.mark.parametrize(("kind", "more"), KINDS, ids=NAMES)


def build(kind: str, input_size: int = 2, hidden_size: int = 3, seed: int = 0, **options: Any) -> Any:
    torch.manual_seed(seed)
    return getattr(recurrent, kind)(input_size, hidden_size, dtype=torch.float64, **options)


def draw(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def flat(result: Any) -> tuple[Tensor, ...]:
    """All tensors of (output, state)."""
    output, state = result
    output = output if isinstance(output, Tensor) else output.data
    return (output, *(state if isinstance(state, tuple) else (state,)))


def as_function(model: Any, lengths: list[int] | None) -> tuple[Any, tuple[Tensor, ...]]:
    """The model as a function of input, initial state and parameters, for gradcheck; and values for these."""
    batch = 2 if lengths is None else len(lengths)
    width = getattr(model, "proj_size", 0) or model.hidden_size
    count = model.num_layers * (1 + model.bidirectional)
    start = [draw(count, batch, width, seed=2)]
    if isinstance(model, recurrent.LSTM):
        start.append(draw(count, batch, model.hidden_size, seed=3))
    names = list(dict(model.named_parameters()))

    def function(x: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        state, parameters = rest[: len(start)], dict(zip(names, rest[len(start) :]))
        packed = x if lengths is None else pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False)
        arguments = (packed, state if len(state) > 1 else state[0])
        return flat(torch.func.functional_call(model, parameters, arguments))

    values = [draw(3, batch, model.input_size), *start, *(value.detach() for value in model.parameters())]
    return function, tuple(value.clone().requires_grad_() for value in values)


@every_kind
@pytest.mark.parametrize("lengths", [None, [1, 3, 2]], ids=["padded", "packed"])
def test_derivatives_are_the_differences(kind: str, more: dict[str, Any], lengths: list[int] | None) -> None:
    model = build(kind, bidirectional=True, **more)
    function, values = as_function(model, lengths)
    assert torch.autograd.gradcheck(function, values)


@every_kind
def test_second_derivatives_are_the_differences_of_the_first(kind: str, more: dict[str, Any]) -> None:
    model = build(kind, hidden_size=2 if not more.get("proj_size") else 3, **more)
    function, values = as_function(model, [1, 3])
    assert torch.autograd.gradgradcheck(function, values)


@every_kind
def test_the_fast_path_is_what_runs_and_the_readable_one_gives_the_same(kind: str, more: dict[str, Any]) -> None:
    model = build(kind, num_layers=2, bidirectional=True, **more)
    x = draw(5, 4, 2).requires_grad_()
    found = []
    for fast in (True, False):
        model.fast = fast
        model.zero_grad()
        outputs = flat(model(x))
        gradients = torch.autograd.grad(
            sum((value * draw(*value.shape, seed=9)).sum() for value in outputs), [x, *model.parameters()]
        )
        with torch.no_grad():  # another way through the fast path: nothing is kept
            inference = flat(model(x))
        found.append([*outputs, *gradients, *inference])
        by_hand = "ByHand" in str(torch.autograd.graph.get_gradient_edge(outputs[1]).node.next_functions)
        assert by_hand == (fast and not more.get("proj_size"))
    for fast_value, readable in zip(*found, strict=True):
        torch.testing.assert_close(fast_value, readable, rtol=1e-12, atol=1e-12)


def test_torch_func_goes_through_the_readable_path_and_says_so_on_the_fast_one() -> None:
    model, x = build("GRU", num_layers=2), draw(4, 3, 2)
    parameters = {name: value.detach() for name, value in model.named_parameters()}

    def loss(parameters: dict[str, Tensor], sequence: Tensor) -> Tensor:
        return torch.func.functional_call(model, parameters, (sequence[:, None],))[0].square().sum()

    per_sequence = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 1))
    with pytest.raises(RuntimeError, match="functorch transforms"):
        per_sequence(parameters, x)
    model.fast = False
    found = per_sequence(parameters, x)
    model.fast = True
    for place in range(3):
        model.zero_grad()
        model(x[:, place])[0].square().sum().backward()
        for name, value in model.named_parameters():
            torch.testing.assert_close(found[name][place], value.grad, rtol=1e-10, atol=1e-10)


def test_every_step_has_a_fast_path() -> None:
    assert set(recurrent_fast.OWN) == {step for name, step in vars(recurrent_steps).items() if name.endswith("_step")}


@every_kind
def test_gradients_can_be_taken_twice_from_one_forward_pass(kind: str, more: dict[str, Any]) -> None:
    model, x = build(kind, **more), draw(4, 2, 2)
    output = model(x)[0].square().sum()
    first = torch.autograd.grad(output, list(model.parameters()), retain_graph=True)
    second = torch.autograd.grad(output, list(model.parameters()))
    assert all(torch.equal(a, b) for a, b in zip(first, second))
    assert all(gradient.abs().max() > 0 for gradient in first)


@every_kind
def test_frozen_weights_and_inputs_change_no_other_gradient(kind: str, more: dict[str, Any]) -> None:
    model, x = build(kind, num_layers=2, **more), draw(4, 2, 2)
    model(x.requires_grad_())[0].square().sum().backward()
    whole = {name: value.grad.clone() for name, value in model.named_parameters()}
    model.zero_grad()
    model.weight_hh_l0.requires_grad_(False)
    model.bias_ih_l1.requires_grad_(False)
    model(x.detach())[0].square().sum().backward()
    for name, value in model.named_parameters():
        if name in ("weight_hh_l0", "bias_ih_l1"):
            assert value.grad is None
        else:
            torch.testing.assert_close(value.grad, whole[name], rtol=1e-12, atol=1e-12)


@every_kind
def test_a_sequence_does_not_depend_on_its_batch(kind: str, more: dict[str, Any]) -> None:
    model, x = build(kind, num_layers=2, bidirectional=True, **more), draw(6, 4, 2)
    together = flat(model(x))
    for place in range(4):
        alone = flat(model(x[:, place]))
        for whole, one in zip(together, alone):
            torch.testing.assert_close(whole[:, place], one, rtol=1e-12, atol=1e-12)


@every_kind
def test_what_stands_in_the_padding_changes_nothing(kind: str, more: dict[str, Any]) -> None:
    model, x = build(kind, num_layers=2, bidirectional=True, batch_first=True, **more), draw(3, 6, 2)
    lengths = torch.tensor([4, 6, 2])
    padding = torch.arange(6) >= lengths[:, None]
    found = []
    for filler in (0.0, 1e6, float("nan")):
        filled = x.masked_fill(padding[:, :, None], filler).requires_grad_()
        output, state = model(pack_padded_sequence(filled, lengths, batch_first=True, enforce_sorted=False))
        padded, back = pad_packed_sequence(output, batch_first=True)
        assert torch.equal(back, lengths)
        assert not padded[padding].any()
        sum(value.square().sum() for value in flat((padded, state))).backward()
        assert not filled.grad[padding].any()
        assert filled.grad[~padding].abs().min() > 0 or kind == "RNN"  # a ReLU may be off
        found.append((*flat((padded, state)), filled.grad))
    for other in found[1:]:
        for mine, reference in zip(found[0], other):
            assert torch.equal(mine, reference)


@every_kind
def test_the_past_alone_decides_and_backwards_the_future_alone(kind: str, more: dict[str, Any]) -> None:
    model, x = build(kind, hidden_size=8, bidirectional=True, **more), draw(6, 1, 2)
    changed = x.clone()
    changed[3] += 1
    difference = (model(x)[0] - model(changed)[0]).abs().amax(dim=1)
    forwards, backwards = difference.chunk(2, dim=1)
    assert not forwards[:3].any()
    assert not backwards[4:].any()
    assert forwards[3].any()
    assert backwards[3].any()


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_going_on_from_the_last_state_is_one_long_sequence(kind: str) -> None:
    model, x = build(kind, num_layers=2), draw(7, 3, 2)
    whole, last = model(x)
    first, state = model(x[:3])
    second, other_last = model(x[3:], state)
    torch.testing.assert_close(torch.cat((first, second)), whole, rtol=1e-12, atol=1e-12)
    for mine, reference in zip(flat((whole, last)), flat((whole, other_last))):
        torch.testing.assert_close(mine, reference, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_the_cell_step_by_step_is_the_layer(kind: str) -> None:
    model, x = build(kind), draw(5, 2, 2)
    cell = build(f"{kind}Cell")
    cell.load_state_dict({name.removesuffix("_l0"): value for name, value in model.state_dict().items()})
    state, outputs = None, []
    for step in x:
        state = cell(step, state)
        outputs.append(state[0] if kind == "LSTM" else state)
    torch.testing.assert_close(torch.stack(outputs), model(x)[0], rtol=1e-12, atol=1e-12)


@every_kind
def test_export_gives_the_same_numbers_for_another_batch(kind: str, more: dict[str, Any]) -> None:
    model = build(kind, num_layers=2, bidirectional=True, batch_first=True, **more).eval()
    batch = {"input": {0: torch.export.Dim("batch", min=2)}}
    program = torch.export.export(model, (draw(3, 4, 2),), dynamic_shapes=batch, strict=False)
    x = draw(5, 4, 2, seed=8)
    for mine, reference in zip(flat(program.module()(x)), flat(model(x))):
        torch.testing.assert_close(mine, reference, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_under_autocast_the_error_is_that_of_bfloat16(kind: str) -> None:
    model, x = build(kind, hidden_size=8, num_layers=2).float(), draw(5, 4, 2).float()
    wanted = model(x)[0]
    with torch.autocast("cpu", torch.bfloat16):
        found = model(x)[0]
        found.float().square().sum().backward()
    error = (found.float() - wanted).abs().max()
    assert 0 < error < 0.03
    assert all(value.grad.isfinite().all() and value.grad.any() for value in model.parameters())


def test_errors_say_what_was_expected_and_what_came() -> None:
    lstm = recurrent.LSTM(3, 4, num_layers=2)
    with pytest.raises(ValueError, match=r"expected input \(T, B, 3\).*got \(5, 2, 4\)"):
        lstm(torch.zeros(5, 2, 4))
    with pytest.raises(ValueError, match=r"expected input \(B, T, 3\)"):
        recurrent.GRU(3, 4, batch_first=True)(torch.zeros(1, 5, 2, 3))
    with pytest.raises(ValueError, match=r"expected an initial state \(2, 2, 4\).*got \(1, 2, 4\)"):
        lstm(torch.zeros(5, 2, 3), (torch.zeros(2, 2, 4), torch.zeros(1, 2, 4)))
    with pytest.raises(ValueError, match=r"expected an initial state \(2, 4\)"):
        lstm(torch.zeros(5, 3), (torch.zeros(2, 1, 4), torch.zeros(2, 1, 4)))
    with pytest.raises(ValueError, match=r"a pair of tensors, \(h, c\); got one tensor"):
        lstm(torch.zeros(5, 2, 3), torch.zeros(2, 2, 4))
    with pytest.raises(ValueError, match="one tensor, h; got 2"):
        recurrent.GRUCell(3, 4)(torch.zeros(2, 3), (torch.zeros(2, 4), torch.zeros(2, 4)))
    with pytest.raises(ValueError, match="at least one step"):
        lstm(torch.zeros(0, 2, 3))
    with pytest.raises(ValueError, match="expected hidden_size to be at least 1; got 0"):
        recurrent.RNN(3, 0)
    with pytest.raises(ValueError, match="from 0 to 1; got 2"):
        recurrent.RNN(3, 4, 2, dropout=2)
    with pytest.raises(ValueError, match='"tanh" or "relu"; got \'gelu\''):
        recurrent.RNN(3, 4, nonlinearity="gelu")
    with pytest.raises(ValueError, match="less than hidden_size, 4; got 4"):
        recurrent.LSTM(3, 4, proj_size=4)
    with pytest.raises(ValueError, match=r"expected input \(B, 3\)"):
        recurrent.GRUCell(3, 4)(torch.zeros(2, 5))
    with pytest.raises(ValueError, match=r"expected a state \(2, 4\); got \(1, 4\)"):
        recurrent.RNNCell(3, 4)(torch.zeros(2, 3), torch.zeros(1, 4))
    with pytest.raises(ValueError, match="at least 1; got 3 and 0"):
        recurrent.LSTMCell(3, 0)
    with pytest.warns(UserWarning, match="one layer"):
        recurrent.GRU(3, 4, dropout=0.5)


def test_a_layer_says_what_is_special_about_it() -> None:
    assert repr(recurrent.GRU(3, 4)) == "GRU(3, 4)"
    assert repr(recurrent.RNN(3, 4, 2, "relu", bidirectional=True)) == str(
        nn.RNN(3, 4, 2, "relu", bidirectional=True)
    ).replace("bidirectional=True", "bidirectional=True, nonlinearity=relu")
