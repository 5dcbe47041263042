"""Sequence to sequence with attention: each part against torch.nn or numbers by hand, and what padding must not do."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dlstudy.layers import recurrent
from dlstudy.models import seq2seq
from dlstudy.models.seq2seq import AdditiveAttention, Decoder, Encoder, Seq2Seq
from tests.parity.tools import assert_equal_models, off_initial_values


def numbers(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def ids(rows: int, length: int, symbols: int, seed: int = 1) -> Tensor:
    return torch.randint(0, symbols, (rows, length), generator=torch.Generator().manual_seed(seed))


def made(**options: Any) -> Seq2Seq:
    torch.manual_seed(0)
    model = Seq2Seq(9, 7, 4, 6, 5, 3, **options).double()
    off_initial_values(model)
    return model


def test_attention_by_hand_number_by_number() -> None:
    attention = AdditiveAttention(3, 4, 2).double()
    off_initial_values(attention)
    query, memory = numbers(2, 3), numbers(2, 5, 4, seed=2)
    mask = torch.tensor([[True, True, True, True, True], [True, True, False, True, False]])
    W, U, v = (p.tolist() for p in (attention.query.weight, attention.memory.weight, attention.score.weight[0]))

    def score(row: int, place: int) -> float:
        total = 0.0
        for unit in range(2):
            inner = sum(w * s for w, s in zip(W[unit], query[row].tolist()))
            inner += sum(u * h for u, h in zip(U[unit], memory[row, place].tolist()))
            total += v[unit] * math.tanh(inner)
        return total

    context, weights = attention(query, memory, mask)
    for row in range(2):
        exps = [math.exp(score(row, place)) if mask[row, place] else 0.0 for place in range(5)]
        share = [e / sum(exps) for e in exps]
        read = [sum(a * memory[row, j, k].item() for j, a in enumerate(share)) for k in range(4)]
        assert weights[row].tolist() == pytest.approx(share, abs=1e-14)
        assert context[row].tolist() == pytest.approx(read, abs=1e-14)
    assert weights[1, 2] == weights[1, 4] == 0
    again = attention(query, memory, mask, attention.memory(memory))
    assert torch.equal(again[0], context)
    assert torch.equal(again[1], weights)


def test_attention_has_right_gradients() -> None:
    attention = AdditiveAttention(3, 4, 2).double()
    off_initial_values(attention)
    mask = torch.tensor([[True, True, True], [True, False, True]])
    inputs = (numbers(2, 3).requires_grad_(), numbers(2, 3, 4, seed=2).requires_grad_())
    assert torch.autograd.gradcheck(lambda query, memory: attention(query, memory, mask), inputs)
    _, memory = inputs
    attention(*inputs, mask)[0].sum().backward()
    assert memory.grad is not None
    assert not memory.grad[1, 1].any(), "what is masked gets no gradient"
    assert memory.grad[1, 0].all()


class Composed(nn.Module):
    """The same model of torch.nn's own parts: packed nn.GRU, nn.GRUCell, F.softmax, one step after another."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.ModuleDict({"embedding": nn.Embedding(9, 4)})
        self.encoder["gru"] = nn.GRU(4, 6, batch_first=True, bidirectional=True)
        attention = {
            "query": nn.Linear(6, 5, False),
            "memory": nn.Linear(12, 5, False),
            "score": nn.Linear(5, 1, False),
        }
        self.decoder = nn.ModuleDict({"embedding": nn.Embedding(7, 4), "start": nn.Linear(6, 6)})
        self.decoder["attention"] = nn.ModuleDict(attention)
        self.decoder["cell"] = nn.GRUCell(16, 6)
        self.decoder["readout"], self.decoder["output"] = nn.Linear(22, 6), nn.Linear(3, 7)

    def forward(self, source: Tensor, target_in: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        encoder, decoder, attention = self.encoder, self.decoder, self.decoder["attention"]
        B, S = source.shape
        sizes = [S] * B if lengths is None else lengths.tolist()
        memory = source.new_zeros(B, S, 12, dtype=torch.float64)
        starts = []
        for row, size in enumerate(sizes):  # one by one: no padding and no packing
            states, last = encoder["gru"](encoder["embedding"](source[row : row + 1, :size]))
            memory = memory.index_put((torch.tensor([row]), torch.arange(size)), states[0])
            starts.append(last[1])
        state = decoder["start"](torch.cat(starts)).tanh()
        all_logits, all_weights = [], []
        for t in range(target_in.shape[1]):
            rows = []
            for row, size in enumerate(sizes):
                h = memory[row, :size]
                scores = attention["score"]((attention["query"](state[row]) + attention["memory"](h)).tanh())[:, 0]
                rows.append(F.pad(F.softmax(scores, 0), (0, S - size)))
            weights = torch.stack(rows)
            context = torch.einsum("bs,bsd->bd", weights, memory)
            embedded = decoder["embedding"](target_in[:, t])
            state = decoder["cell"](torch.cat([embedded, context], 1), state)
            pairs = decoder["readout"](torch.cat([state, embedded, context], 1))
            all_logits.append(decoder["output"](torch.maximum(pairs[:, ::2], pairs[:, 1::2])))
            all_weights.append(weights)
        return torch.stack(all_logits, 1), torch.stack(all_weights, 1)


@pytest.mark.parametrize("lengths", [None, [5, 2, 4]])
@pytest.mark.parametrize("lib", [recurrent, nn], ids=["ours", "torch"])
def test_the_whole_is_a_composition_of_torch_modules(lengths: list[int] | None, lib: Any) -> None:
    """`Seq2Seq`, `Encoder`, `Decoder`: outputs, attention weights, and every parameter's gradient."""
    inputs: list[Any] = [ids(3, 5, 9), ids(3, 4, 7, seed=2)]
    if lengths:
        inputs.append(torch.tensor(lengths))
    assert_equal_models(made(lib=lib), Composed(), inputs)


@pytest.mark.parametrize("packed", [False, True])
def test_the_encoder_is_a_bidirectional_gru_of_torch(packed: bool) -> None:
    encoder = Encoder(9, 4, 6, recurrent).double()
    off_initial_values(encoder)
    theirs = nn.GRU(4, 6, batch_first=True, bidirectional=True).double()
    theirs.load_state_dict(encoder.gru.state_dict())
    source, lengths = ids(3, 5, 9), torch.tensor([5, 3, 1])
    embedded = encoder.embedding(source)
    if packed:
        rows = nn.utils.rnn.pack_padded_sequence(embedded, lengths, batch_first=True)
        wanted, _ = nn.utils.rnn.pad_packed_sequence(theirs(rows)[0], batch_first=True)
    else:
        wanted = theirs(embedded)[0]
    torch.testing.assert_close(encoder(source, lengths if packed else None), wanted, rtol=1e-12, atol=1e-12)


def test_padding_changes_nothing_but_the_shape() -> None:
    model = made()
    source, target, lengths = ids(3, 5, 9), ids(3, 4, 7, seed=2), torch.tensor([3, 5, 2])
    logits, weights = model(source, target, lengths)
    loss = (logits * numbers(*logits.shape, seed=5)).sum()
    loss.backward()
    gradients = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    other = torch.cat([source, ids(3, 3, 9, seed=8)], 1)  # more of it
    for row, size in enumerate(lengths.tolist()):
        other[row, size:] = ids(1, 8 - size, 9, seed=row)  # and other symbols in it
    model.zero_grad()
    more_logits, more_weights = model(other, target, lengths)
    torch.testing.assert_close(more_logits, logits, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(more_weights[:, :, :5], weights, rtol=1e-12, atol=1e-12)
    (more_logits * numbers(*logits.shape, seed=5)).sum().backward()
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.grad, gradients[name], rtol=1e-10, atol=1e-12, msg=name)
    for row, size in enumerate(lengths.tolist()):
        alone, _ = model(source[row : row + 1, :size], target[row : row + 1])
        torch.testing.assert_close(alone, logits[row : row + 1], rtol=1e-12, atol=1e-12)
        assert not weights[row, :, size:].any()
        assert weights[row, :, :size].all()


def test_later_symbols_of_the_target_do_not_change_earlier_logits() -> None:
    model, source, target = made(), ids(2, 5, 9), ids(2, 6, 7, seed=2)
    changed = target.clone()
    changed[:, 3:] = (changed[:, 3:] + 1) % 7
    before, after = model(source, target)[0], model(source, changed)[0]
    assert torch.equal(before[:, :3], after[:, :3])
    assert not torch.isclose(before[:, 3:], after[:, 3:]).all(2).any()


def test_greedy_writing_is_the_fixed_point_of_teacher_forcing() -> None:
    """Led along what it wrote itself, the model says the same again at every step; after eos comes only eos."""
    ends, model = set(), made()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(4)  # so that rows differ
    source, lengths = ids(12, 6, 9), torch.tensor([6, 3, 1, 5, 6, 2, 4, 6, 1, 3, 5, 2])
    endless = model.write(source, lengths, bos=1, eos=-1, max_length=9)[0].tolist()

    def differently(symbol: int) -> tuple[int, int]:
        """At how many different steps rows say it first, and how many rows say something else after it."""
        first = [row.index(symbol) if symbol in row else len(row) for row in endless]
        return len(set(first)), sum(set(row[place:]) > {symbol} for row, place in zip(endless, first))

    eos = max(range(7), key=lambda symbol: min(differently(symbol)))
    assert min(differently(eos)) > 1
    written, weights = model.write(source, lengths, bos=1, eos=eos, max_length=9)
    logits, forced_weights = model(source, torch.cat([torch.full((12, 1), 1), written[:, :-1]], 1), lengths)
    for row in range(12):
        said = written[row].tolist()
        end = said.index(eos) + 1 if eos in said else len(said)
        ends.add(end)
        assert logits[row, :end].argmax(1).tolist() == said[:end]
        assert set(said[end:]) <= {eos}
        torch.testing.assert_close(weights[row, :end], forced_weights[row, :end])
        alone, _ = model.write(source[row : row + 1, : lengths[row]], bos=1, eos=eos, max_length=9)
        assert alone[0].tolist() == said[: alone.shape[1]]
        assert alone.shape[1] == end
    assert len(ends) > 1, "the case should hold rows that end at different steps"


def test_writing_stops_when_every_row_has_ended() -> None:
    model = made()
    with torch.no_grad():
        model.decoder.output.bias[2] = 1e3
    written, weights = model.write(ids(3, 5, 9), bos=1, eos=2, max_length=9)
    assert written.tolist() == [[2]] * 3
    assert weights.shape == (3, 1, 5)


def test_one_step_has_right_gradients() -> None:
    decoder: Decoder = made().decoder
    memory, state = numbers(2, 4, 12), numbers(2, 6, seed=3)
    mask = torch.tensor([[True] * 4, [True, True, False, False]])
    token = torch.tensor([3, 5])
    assert torch.autograd.gradcheck(
        lambda memory, state: decoder(token, state, memory, mask),
        (memory.requires_grad_(), state.requires_grad_()),
    )


def test_the_papers_sizes() -> None:
    with torch.device("meta"):
        model = seq2seq.rnnsearch()
    assert model.encoder.gru.hidden_size == 1000
    shapes = {name: tuple(p.shape) for name, p in model.named_parameters()}
    assert shapes["encoder.embedding.weight"] == (30_000, 620)
    assert shapes["decoder.attention.score.weight"] == (1, 1000)
    assert shapes["decoder.readout.weight"] == (1000, 1000 + 620 + 2000)
    assert shapes["decoder.output.weight"] == (30_000, 500)
