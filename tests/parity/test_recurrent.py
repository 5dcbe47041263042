"""The recurrent layers are torch.nn's: names, initial weights, outputs, states, every gradient, dropout."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pack_sequence

from dlstudy.layers import recurrent, recurrent_ladder
from tests.parity.tools import assert_equal_models

KINDS = [("RNN", {}), ("RNN", {"nonlinearity": "relu"}), ("LSTM", {}), ("LSTM", {"proj_size": 3}), ("GRU", {})]
NAMES = ["RNN", "RNN relu", "LSTM", "LSTM projected", "GRU"]
PATHS = [  # a projected LSTM has no fast path
    pytest.param(kind, more, fast, id=f"{name}-{'fast' if fast else 'readable'}")
    for (kind, more), name in zip(KINDS, NAMES)
    for fast in (True, False)
    if not (fast and "proj_size" in more)
]
every_path = pytest.mark.parametrize(("kind", "more", "fast"), PATHS)
OPTIONS = [
    {"num_layers": layers, "bidirectional": both, "bias": bias, "batch_first": first}
    for layers, both, bias, first in itertools.product((1, 2, 3), (False, True), (True, False), (False, True))
]
FEWER = [option for option in OPTIONS if option["bias"] != option["batch_first"]]
LENGTHS = [3, 6, 1, 6, 4]  # as they come, not sorted; a tie among them


def pair(kind: str, fast: bool, **options: Any) -> tuple[nn.Module, nn.Module]:
    ours, theirs = getattr(recurrent, kind)(5, 4, **options), getattr(nn, kind)(5, 4, **options)
    ours.fast = fast
    return ours, theirs


def draw(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def states(kind: str, layers: int, both: bool, batch: tuple[int, ...], proj: int = 0) -> list[Tensor]:
    count = layers * (1 + both)
    widths = [proj or 4, 4] if kind == "LSTM" else [4]
    return [draw(count, *batch, width, seed=20 + place) for place, width in enumerate(widths)]


def call(model: nn.Module, x: Any, *state: Tensor) -> Any:
    """Call with the states as the model wants them: one tensor, or a pair."""
    return model(x, (state if len(state) > 1 else state[0]) if state else None)


@every_path
def test_every_combination_is_torchs(kind: str, more: dict[str, Any], fast: bool) -> None:
    for options in OPTIONS if fast else FEWER:
        ours, theirs = pair(kind, fast, **options, **more)
        start = states(kind, options["num_layers"], options["bidirectional"], (3,), more.get("proj_size", 0))
        x = draw(3, 6, 5) if options["batch_first"] else draw(6, 3, 5)
        assert_equal_models(ours, theirs, [x, *start], call_ours=call, call_theirs=call)


@every_path
def test_packed_sequences_are_torchs(kind: str, more: dict[str, Any], fast: bool) -> None:
    def packed(model: Any, x: Tensor, *start: Tensor) -> Any:
        lengths = torch.tensor(LENGTHS)
        ordered = torch.sort(lengths, descending=True).values
        out = []
        for these, is_sorted in ((lengths, False), (ordered, True)):
            packing = pack_padded_sequence(x, these, batch_first=model.batch_first, enforce_sorted=is_sorted)
            output, last = call(model, packing, *start)
            assert isinstance(output, PackedSequence)
            assert torch.equal(output.batch_sizes, packing.batch_sizes)
            assert output.sorted_indices is packing.sorted_indices
            out += [output.data, last]
        return out

    for options in FEWER:
        ours, theirs = pair(kind, fast, **options, **more)
        x = draw(5, 6, 5) if options["batch_first"] else draw(6, 5, 5)
        start = states(kind, options["num_layers"], options["bidirectional"], (5,), more.get("proj_size", 0))
        assert_equal_models(ours, theirs, [x], call_ours=packed, call_theirs=packed)
        assert_equal_models(ours, theirs, [x, *start], call_ours=packed, call_theirs=packed)


@every_path
def test_one_sequence_without_a_batch(kind: str, more: dict[str, Any], fast: bool) -> None:
    for both, first in itertools.product((False, True), (False, True)):
        ours, theirs = pair(kind, fast, num_layers=2, bidirectional=both, batch_first=first, **more)
        start = states(kind, 2, both, (), more.get("proj_size", 0))
        assert_equal_models(ours, theirs, [draw(6, 5)], call_ours=call, call_theirs=call)
        assert_equal_models(ours, theirs, [draw(6, 5), *start], call_ours=call, call_theirs=call)


@every_path
def test_dropout_between_layers_draws_torchs_numbers(kind: str, more: dict[str, Any], fast: bool) -> None:
    """`assert_equal_models` sets the same seed before both, in train mode and in eval mode."""

    def both_forms(model: Any, x: Tensor) -> Any:
        return model(x), model(pack_padded_sequence(x, torch.tensor(LENGTHS), enforce_sorted=False))[0].data

    ours, theirs = pair(kind, fast, num_layers=3, dropout=0.4, bidirectional=True, **more)
    assert_equal_models(ours, theirs, [draw(6, 5, 5)], call_ours=both_forms, call_theirs=both_forms)
    x = draw(6, 5, 5).float()
    assert not torch.equal(ours.train()(x)[0], ours(x)[0])
    assert torch.equal(ours.eval()(x)[0], ours(x)[0])


@pytest.mark.parametrize(("kind", "more"), [*KINDS[:3], KINDS[4]], ids=[*NAMES[:3], NAMES[4]])
def test_cells_are_torchs(kind: str, more: dict[str, Any]) -> None:
    for bias, batch in itertools.product((True, False), ((3,), ())):
        ours = getattr(recurrent, f"{kind}Cell")(5, 4, bias, **more)
        theirs = getattr(nn, f"{kind}Cell")(5, 4, bias, **more)
        start = [state[0] for state in states(kind, 1, False, batch)]
        assert_equal_models(ours, theirs, [draw(*batch, 5)], call_ours=call, call_theirs=call)
        assert_equal_models(ours, theirs, [draw(*batch, 5), *start], call_ours=call, call_theirs=call)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell"])
def test_signature_and_initial_weights_are_torchs(kind: str) -> None:
    positional = (5, 4, 2, "relu") if kind == "RNN" else (5, 4) if kind.endswith("Cell") else (5, 4, 2, True, True)
    more: dict[str, Any] = {} if kind.endswith("Cell") else {"bidirectional": True}
    if kind == "LSTM":
        more["proj_size"] = 2
    torch.manual_seed(5)
    ours = getattr(recurrent, kind)(*positional, **more, dtype=torch.float64)
    torch.manual_seed(5)
    theirs = getattr(nn, kind)(*positional, **more, dtype=torch.float64)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for name, value in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], value), name


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_bfloat16_is_torchs_within_its_own_precision(kind: str) -> None:
    torch.manual_seed(0)
    theirs = getattr(nn, kind)(5, 8, num_layers=2, bidirectional=True)
    x, exact = draw(7, 3, 5).float(), None
    errors = {}
    for name in ("theirs", "fast", "readable"):
        model = theirs if name == "theirs" else getattr(recurrent, kind)(5, 8, num_layers=2, bidirectional=True)
        model.load_state_dict(theirs.state_dict())
        model.fast = name == "fast"
        gradients = []
        for dtype in (torch.float32, torch.bfloat16):
            model.to(dtype).zero_grad()
            output, _ = model(x.to(dtype))
            assert output.dtype == dtype
            (output.float() ** 2).sum().backward()
            gradients.append([output.detach().float()] + [p.grad.float() for p in model.parameters()])
        exact = exact or gradients[0]
        errors[name] = [(a - b).norm() / b.norm() for a, b in zip(gradients[1], exact)]
        model.float()
    for name in ("fast", "readable"):
        for ours, reference in zip(errors[name], errors["theirs"]):
            assert ours < 2 * reference + 0.01, (name, ours, reference)


def test_packing_gives_each_sequence_what_it_gets_alone() -> None:
    """Against torch.nn run on one sequence at a time: no padding leaks in either direction."""
    sequences = [draw(length, 5, seed=length + place) for place, length in enumerate(LENGTHS)]
    for kind in ("RNN", "LSTM", "GRU"):
        ours, theirs = pair(kind, True, num_layers=2, bidirectional=True)
        ours.double().load_state_dict(theirs.double().state_dict())
        output, last = ours(pack_sequence(sequences, enforce_sorted=False))
        unpacked = nn.utils.rnn.unpack_sequence(output)
        for place, sequence in enumerate(sequences):
            wanted, wanted_last = theirs(sequence)
            torch.testing.assert_close(unpacked[place], wanted, rtol=1e-12, atol=1e-12)
            for mine, reference in zip(last, wanted_last) if kind == "LSTM" else [(last, wanted_last)]:
                torch.testing.assert_close(mine[:, place], reference, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", recurrent_ladder.RUNGS)
def test_every_rung_of_the_ladder_is_torchs_lstm(name: str) -> None:
    """They are four_matmuls, fused_gates, hoisted_input_product, backward_by_hand and kernel, on random_weights."""
    weights = recurrent_ladder.random_weights(5, 4, seed=3, dtype=torch.float64)
    theirs = nn.LSTM(5, 4).double()
    theirs.load_state_dict({f"{field}_l0": value for field, value in weights._asdict().items() if value is not None})
    x, along = draw(7, 3, 5), draw(7, 3, 4, seed=2)
    found = []
    for run, parameters in (
        (lambda x: recurrent_ladder.RUNGS[name](x, weights), weights[:4]),
        (lambda x: theirs(x)[0], list(theirs.parameters())),
    ):
        inputs = x.clone().requires_grad_()
        output = run(inputs)
        found.append([output, *torch.autograd.grad((output * along).sum(), [inputs, *parameters])])
    for mine, reference in zip(*found, strict=True):
        torch.testing.assert_close(mine, reference, rtol=1e-12, atol=1e-12)
