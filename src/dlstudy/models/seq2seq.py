"""Sequence to sequence with attention: read a sequence in both directions, write another, and look back at each step.

Paper: Bahdanau, Cho, Bengio, "Neural Machine Translation by Jointly Learning to Align and Translate", 2014 (arXiv
1409.0473), in its appendix called RNNsearch. A recurrent encoder made one vector of a whole sentence before; here the
decoder keeps all of the encoder's states and weighs them anew for each symbol that it writes.

Symbols: x source, y target, h_j the encoder's state at place j, s_i the decoder's state after symbol i, c_i what it
reads at step i.
"""

from types import ModuleType

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from dlstudy.layers import recurrent


class AdditiveAttention(nn.Module):
    """Weigh the places of a memory by how well each fits a query: a small network gives the score (section 3.1).

    e_j = v . tanh(W s + U h_j);  a = softmax(e);  c = sum over j of a_j h_j

    Args:
        query_dim: length of s, the decoder's state.
        memory_dim: length of each h_j.
        attention_dim: units of the small network.

    Query (B, query_dim), memory (B, S, memory_dim), mask (B, S), True where there is something to read, at least once
    in each row; returns c (B, memory_dim) and the weights a (B, S). `keys` is `self.memory(memory)`, which is the same
    at every step of a decoder, where it has been worked out before.
    """

    def __init__(self, query_dim: int, memory_dim: int, attention_dim: int) -> None:
        super().__init__()
        self.query = nn.Linear(query_dim, attention_dim, bias=False)  # W
        self.memory = nn.Linear(memory_dim, attention_dim, bias=False)  # U
        self.score = nn.Linear(attention_dim, 1, bias=False)  # v

    def forward(
        self, query: Tensor, memory: Tensor, mask: Tensor | None = None, keys: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        keys = self.memory(memory) if keys is None else keys  # (B, S, attention_dim)
        scores = self.score(torch.tanh(self.query(query).unsqueeze(1) + keys)).squeeze(2)  # (B, S)
        if mask is not None:
            scores = scores.masked_fill(~mask, float("-inf"))  # e to the minus infinity is 0: no weight at all
        weights = scores.softmax(1)
        return (weights.unsqueeze(1) @ memory).squeeze(1), weights


class Encoder(nn.Module):
    """Read the source forward and backward, so that the state at a place knows what stands on both sides of it.

    Source (B, S) of ids and its lengths (B,), None where nothing is padded; returns the states h (B, S, 2 hidden_dim),
    zeros beyond the end of each source.
    """

    def __init__(self, symbols: int, embed_dim: int, hidden_dim: int, lib: ModuleType) -> None:
        super().__init__()
        self.embedding = nn.Embedding(symbols, embed_dim)
        self.gru = lib.GRU(embed_dim, hidden_dim, batch_first=True, bidirectional=True)

    def forward(self, source: Tensor, lengths: Tensor | None = None) -> Tensor:
        embedded = self.embedding(source)  # (B, S, embed_dim)
        if lengths is None:
            return self.gru(embedded)[0]
        # Packed, the way back begins at the last real symbol and not in the padding.
        packed = pack_padded_sequence(embedded, lengths.cpu(), batch_first=True, enforce_sorted=False)
        states, _ = self.gru(packed)
        return pad_packed_sequence(states, batch_first=True, total_length=source.shape[1])[0]


class Decoder(nn.Module):
    """Write one symbol at a time: look back, go on, say what comes next (sections 3.1 and A.2).

    Proven equal to the same steps composed of `torch.nn` modules.
    """

    def __init__(
        self, symbols: int, embed_dim: int, hidden_dim: int, attention_dim: int, readout_dim: int, lib: ModuleType
    ) -> None:
        super().__init__()
        memory_dim = 2 * hidden_dim
        self.embedding = nn.Embedding(symbols, embed_dim)
        self.start = nn.Linear(hidden_dim, hidden_dim)
        self.attention = AdditiveAttention(hidden_dim, memory_dim, attention_dim)
        self.cell = lib.GRUCell(embed_dim + memory_dim, hidden_dim)
        self.readout = nn.Linear(hidden_dim + embed_dim + memory_dim, 2 * readout_dim)
        self.output = nn.Linear(readout_dim, symbols)

    def first_state(self, memory: Tensor) -> Tensor:
        """s_0 (B, hidden_dim): from the backward state at the first place, which has read the whole source."""
        return torch.tanh(self.start(memory[:, 0, memory.shape[2] // 2 :]))

    def forward(
        self, token: Tensor, state: Tensor, memory: Tensor, mask: Tensor | None, keys: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One step: the symbol before (B,) and the state give logits (B, symbols), the next state, the weights."""
        embedded = self.embedding(token)  # (B, embed_dim)
        context, weights = self.attention(state, memory, mask, keys)
        state = self.cell(torch.cat([embedded, context], 1), state)
        readout = self.readout(torch.cat([state, embedded, context], 1))
        largest = readout.unflatten(1, (-1, 2)).amax(2)  # maxout: of each pair the larger, (B, readout_dim)
        return self.output(largest), state, weights


class Seq2Seq(nn.Module):
    """An encoder, and a decoder that attends to it.

    Args:
        source_symbols, target_symbols: sizes of the two vocabularies.
        embed_dim: length of a symbol's vector, m in the paper.
        hidden_dim: units of each GRU, n.
        attention_dim: units of the network that scores, n'; hidden_dim if None.
        readout_dim: units of the layer before the output, l; half of hidden_dim if None.
        lib: where GRU and GRUCell come from: ours, or `torch.nn` for its faster kernels, with the same weights' names.

    Source (B, S) and target_in (B, T), the target moved by one so that it begins with the start symbol: this is
    teacher forcing, each step is given the right symbol before it. lengths (B,) are those of the source, None where
    nothing is padded. Returns logits (B, T, target_symbols) and attention weights (B, T, S), 0 on padding.

    Differences from the paper: the GRU resets after its product, as torch's does; the readout sees s_i, not s_(i-1).
    Proven equal to a composition of `torch.nn` modules with the same weights, outputs and gradients.
    """

    def __init__(
        self,
        source_symbols: int,
        target_symbols: int,
        embed_dim: int = 32,
        hidden_dim: int = 64,
        attention_dim: int | None = None,
        readout_dim: int | None = None,
        lib: ModuleType = recurrent,
    ) -> None:
        super().__init__()
        self.encoder = Encoder(source_symbols, embed_dim, hidden_dim, lib)
        self.decoder = Decoder(
            target_symbols, embed_dim, hidden_dim, attention_dim or hidden_dim, readout_dim or hidden_dim // 2, lib
        )

    def forward(self, source: Tensor, target_in: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        memory, mask, keys, state = self.read(source, lengths)
        logits, weights = [], []
        for token in target_in.unbind(1):
            step_logits, state, step_weights = self.decoder(token, state, memory, mask, keys)
            logits.append(step_logits)
            weights.append(step_weights)
        return torch.stack(logits, 1), torch.stack(weights, 1)

    def read(self, source: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor | None, Tensor, Tensor]:
        """Return what the decoder's steps need: the memory h, its mask, U h for the attention, and the state s_0."""
        memory = self.encoder(source, lengths)  # (B, S, 2 hidden_dim)
        mask = None
        if lengths is not None:
            places = torch.arange(source.shape[1], device=source.device)
            mask = places < lengths.to(source.device).unsqueeze(1)  # (B, S)
        return memory, mask, self.decoder.attention.memory(memory), self.decoder.first_state(memory)

    @torch.no_grad()
    def write(
        self, source: Tensor, lengths: Tensor | None = None, *, bos: int, eos: int, max_length: int
    ) -> tuple[Tensor, Tensor]:
        """Decode greedily: each step is given the likeliest symbol of the step before.

        `bos` and `eos` are the ids that begin and end a target. Returns ids (B, T), T at most `max_length`, with `eos`
        in every place after a row's end, and the attention weights (B, T, S). Stops when every row has ended.
        """
        memory, mask, keys, state = self.read(source, lengths)
        token = source.new_full((len(source),), bos)
        ended = torch.zeros_like(token, dtype=torch.bool)
        written: list[Tensor] = []
        weights: list[Tensor] = []
        while len(written) < max_length and not ended.all():
            logits, state, step_weights = self.decoder(token, state, memory, mask, keys)
            token = logits.argmax(1).masked_fill(ended, eos)
            ended = ended | (token == eos)
            written.append(token)
            weights.append(step_weights)
        return torch.stack(written, 1), torch.stack(weights, 1)


def rnnsearch(source_symbols: int = 30_000, target_symbols: int = 30_000) -> Seq2Seq:
    """The paper's sizes (appendix A.2.3 and B.1): m = 620, n = n' = 1000, l = 500, the 30,000 commonest words."""
    return Seq2Seq(source_symbols, target_symbols, 620, 1000, 1000, 500)
