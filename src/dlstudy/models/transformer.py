"""The Transformer: an encoder that reads a sequence and a decoder that writes one, of attention and little else.

Paper: Vaswani et al., "Attention Is All You Need", 2017 (arXiv 1706.03762). Figure 1 is the table of contents of this
file: `EncoderLayer` is the left box, `DecoderLayer` the right one.

The paper normalises behind each sub-layer, norm(x + sublayer(x)) (section 3.1). With `norm_first` the normalisation
stands in front, x + sublayer(norm(x)), and once more behind the last layer: then nothing lies on the residual path, and
deep stacks train without a long warm-up (Xiong et al., 2020, arXiv 2002.04745).

Letters of the shapes: B examples, S tokens of the source, T of the target, E width of the model, V tokens of the
target's vocabulary.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dlstudy.layers import sampling
from dlstudy.layers.attention import KeyValueCache, MultiHeadAttention
from dlstudy.layers.positions import SinusoidalPositions

Activation = Callable[[Tensor], Tensor]


class FeedForward(nn.Module):
    """Two linear layers with an activation between them, the same at every position (equation 2).

    Input and output (B, T, E).
    """

    def __init__(self, embed_dim: int, hidden_dim: int, activation: Activation = F.relu) -> None:
        super().__init__()
        self.up = nn.Linear(embed_dim, hidden_dim)
        self.down = nn.Linear(hidden_dim, embed_dim)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        return self.down(self.activation(self.up(x)))


class EncoderLayer(nn.Module):
    """Look at the whole sequence, then think about each position.

    Args:
        embed_dim: width E.
        num_heads: heads of the attention.
        hidden_dim: width between the two linear layers.
        dropout: part that is left out in training, of the attention weights and of what each sub-layer adds.
        norm_first: normalise in front of the sub-layers and not behind them.
        activation: of the hidden units.
        eps: what the normalisation adds to the variance.

    Input and output (B, S, E); `mask` as in `MultiHeadAttention`.
    Proven equal to `torch.nn.TransformerEncoderLayer`, values and gradients; that one has one more dropout, on the
    hidden units, which the paper does not speak of.
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        hidden_dim: int,
        dropout: float = 0.1,
        *,
        norm_first: bool = False,
        activation: Activation = F.relu,
        eps: float = 1e-5,
    ) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(embed_dim, num_heads, dropout)
        self.norm1 = nn.LayerNorm(embed_dim, eps=eps)
        self.feed_forward = FeedForward(embed_dim, hidden_dim, activation)
        self.norm2 = nn.LayerNorm(embed_dim, eps=eps)
        self.dropout = nn.Dropout(dropout)
        self.norm_first = norm_first

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        if self.norm_first:
            x = x + self.dropout(self.attention(self.norm1(x), mask=mask))
            return x + self.dropout(self.feed_forward(self.norm2(x)))
        x = self.norm1(x + self.dropout(self.attention(x, mask=mask)))
        return self.norm2(x + self.dropout(self.feed_forward(x)))


class DecoderLayer(nn.Module):
    """Look at what has been written so far, then at what the encoder has read, then think about each position.

    The arguments are those of `EncoderLayer`. Input and output (B, T, E), `memory` (B, S, E) from the encoder. `mask`
    holds for the target, beside the causal mask that is always there, and `memory_mask` for the memory. `cache` is one
    pair of `Transformer.new_cache`.
    Proven equal to `torch.nn.TransformerDecoderLayer` with a causal mask, values and gradients; that one has one more
    dropout, on the hidden units.
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        hidden_dim: int,
        dropout: float = 0.1,
        *,
        norm_first: bool = False,
        activation: Activation = F.relu,
        eps: float = 1e-5,
    ) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(embed_dim, num_heads, dropout)
        self.norm1 = nn.LayerNorm(embed_dim, eps=eps)
        self.cross_attention = MultiHeadAttention(embed_dim, num_heads, dropout)
        self.norm2 = nn.LayerNorm(embed_dim, eps=eps)
        self.feed_forward = FeedForward(embed_dim, hidden_dim, activation)
        self.norm3 = nn.LayerNorm(embed_dim, eps=eps)
        self.dropout = nn.Dropout(dropout)
        self.norm_first = norm_first

    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        cache: tuple[KeyValueCache, KeyValueCache] | None = None,
    ) -> Tensor:
        own, across = cache or (None, None)

        def look_back(x: Tensor) -> Tensor:
            return self.dropout(self.self_attention(x, mask=mask, is_causal=True, cache=own))

        def look_across(x: Tensor) -> Tensor:
            return self.dropout(self.cross_attention(x, memory, mask=memory_mask, cache=across))

        if self.norm_first:
            x = x + look_back(self.norm1(x))
            x = x + look_across(self.norm2(x))
            return x + self.dropout(self.feed_forward(self.norm3(x)))
        x = self.norm1(x + look_back(x))
        x = self.norm2(x + look_across(x))
        return self.norm3(x + self.dropout(self.feed_forward(x)))


Cache = list[tuple[KeyValueCache, KeyValueCache]]
"""For each layer of the decoder: what it keeps of the target, which grows, and of the encoder's output, which stays."""


class Transformer(nn.Module):
    """The whole model of figure 1.

    Args:
        vocab_size: number of different tokens of the source, and of the target as well unless that has its own.
        target_vocab_size: number of different tokens of the target, where it has a vocabulary of its own. Without, one
            matrix is the embedding of both sides and the head (section 3.4); with it, source and target have an
            embedding each, and the target's is the head.
        embed_dim: width E.
        num_layers: layers of the encoder, and of the decoder.
        num_heads: heads of each attention; must divide embed_dim.
        hidden_dim: width between the two linear layers of each layer.
        dropout: part that is left out in training, of the embeddings, of the attention weights, and of what each
            sub-layer adds.
        norm_first: normalise in front of the sub-layers and not behind them.

    Input: `source` (B, S) and `target` (B, T), integers; `source_mask` (B, S), booleans, is True for tokens and False
    for the filling behind shorter sequences. Output: scores (B, T, V), not yet softmax; those at position t depend on
    the target up to t only, and belong to the token that comes next.
    Proven equal to `torch.nn.Transformer`, values and gradients, on what the embeddings give (the paper's model has no
    normalisation behind the last layer, so that torch's is given an encoder and a decoder without it).
    """

    def __init__(
        self,
        vocab_size: int,
        target_vocab_size: int | None = None,
        *,
        embed_dim: int = 512,
        num_layers: int = 6,
        num_heads: int = 8,
        hidden_dim: int = 2048,
        dropout: float = 0.1,
        norm_first: bool = False,
    ) -> None:
        super().__init__()
        self.embed_dim = embed_dim
        self.source_embedding = nn.Embedding(vocab_size, embed_dim)
        self.target_embedding = None if target_vocab_size is None else nn.Embedding(target_vocab_size, embed_dim)
        self.positions = SinusoidalPositions(embed_dim)
        self.dropout = nn.Dropout(dropout)
        sizes = (embed_dim, num_heads, hidden_dim, dropout)
        self.encoder = nn.ModuleList(EncoderLayer(*sizes, norm_first=norm_first) for _ in range(num_layers))
        self.encoder_norm = nn.LayerNorm(embed_dim) if norm_first else nn.Identity()
        self.decoder = nn.ModuleList(DecoderLayer(*sizes, norm_first=norm_first) for _ in range(num_layers))
        self.decoder_norm = nn.LayerNorm(embed_dim) if norm_first else nn.Identity()
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Glorot's uniform distribution for the matrices, as in `torch.nn.Transformer`; embeddings N(0, 1 / sqrt(E)).

        The paper does not say how it begins. Times sqrt(E) the embeddings have size 1, like the positions.
        """
        for module in self.modules():
            if isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=self.embed_dim**-0.5)
            elif isinstance(module, MultiHeadAttention):
                module.reset_parameters()
                nn.init.xavier_uniform_(module.out_proj.weight)
            elif isinstance(module, FeedForward):
                nn.init.xavier_uniform_(module.up.weight)
                nn.init.xavier_uniform_(module.down.weight)

    @property
    def head(self) -> nn.Embedding:
        """The embedding of the target, whose matrix gives the scores as well."""
        return self.source_embedding if self.target_embedding is None else self.target_embedding

    def embed(self, tokens: Tensor, embedding: nn.Embedding, start: int = 0) -> Tensor:
        """Return embeddings times sqrt(E) plus positions from `start` on (section 3.4): (B, T) to (B, T, E)."""
        positions = None if start == 0 else torch.arange(start, start + tokens.shape[1], device=tokens.device)
        return self.dropout(self.positions(embedding(tokens) * math.sqrt(self.embed_dim), positions))

    def encode(self, source: Tensor, source_mask: Tensor | None = None) -> Tensor:
        """Return what the encoder makes of the source: (B, S) to (B, S, E)."""
        x = self.embed(source, self.source_embedding)
        for layer in self.encoder:
            x = layer(x, _for_keys(source_mask))
        return self.encoder_norm(x)

    def new_cache(self) -> Cache:
        """Return an empty cache for `decode`."""
        return [(KeyValueCache(), KeyValueCache(grows=False)) for _ in self.decoder]

    def decode(
        self, target: Tensor, memory: Tensor, source_mask: Tensor | None = None, cache: Cache | None = None
    ) -> Tensor:
        """Return the scores (B, T, V) for a target (B, T) and what the encoder made of the source, (B, S, E).

        With `cache` the target goes on from the calls before, and `memory` must be the same each time.
        """
        x = self.embed(target, self.head, cache[0][0].length if cache else 0)
        for number, layer in enumerate(self.decoder):
            x = layer(x, memory, None, _for_keys(source_mask), cache[number] if cache else None)
        return F.linear(self.decoder_norm(x), self.head.weight)

    def forward(self, source: Tensor, target: Tensor, source_mask: Tensor | None = None) -> Tensor:
        return self.decode(target, self.encode(source, source_mask), source_mask)  # (B, T, V)

    @torch.no_grad()
    def generate(
        self,
        source: Tensor,
        max_new_tokens: int,
        *,
        start: int,
        stop: int | None = None,
        source_mask: Tensor | None = None,
        temperature: float = 0.0,
        top_k: int | None = None,
        top_p: float | None = None,
        num_beams: int = 1,
        length_penalty: float = 1.0,
        use_cache: bool = True,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Write a target for each source (B, S), from the token `start` on until `stop` or `max_new_tokens`.

        The likeliest token at each step unless there is a `temperature`, or the likeliest text with several beams; the
        other arguments are those of `dlstudy.models.gpt.GPT.generate`. Returns (B, 1 + at most max_new_tokens), `start`
        included. Dropout is off meanwhile.
        """
        was_training = self.training
        self.eval()
        try:
            memory = self.encode(source, source_mask)
            if num_beams > 1:  # beams share their source
                memory = memory.repeat_interleave(num_beams, dim=0)
                source_mask = None if source_mask is None else source_mask.repeat_interleave(num_beams, dim=0)
            cache = self.new_cache() if use_cache else None

            def next_logits(tokens: Tensor, rows: Tensor | None) -> Tensor:
                if cache is None:
                    return self.decode(tokens, memory, source_mask)[:, -1]
                if rows is not None:
                    for own, _ in cache:
                        own.select(rows)
                seen = cache[0][0].length
                return self.decode(tokens[:, seen:], memory, source_mask, cache)[:, -1]  # (B, V)

            first = torch.full((source.shape[0], 1), start, device=source.device)
            if num_beams > 1:
                return sampling.beam_search(
                    next_logits, first, max_new_tokens, num_beams, stop=stop, length_penalty=length_penalty
                )[0]
            return sampling.sample(
                next_logits, first, max_new_tokens,
                t=temperature, k=top_k, p=top_p, stop=stop, generator=generator,
            )  # fmt: skip
        finally:
            self.train(was_training)


def _for_keys(mask: Tensor | None) -> Tensor | None:
    return None if mask is None else mask[:, None, None, :]  # (B, 1, 1, S)


def transformer_base(
    vocab_size: int = 37000, target_vocab_size: int | None = None, dropout: float = 0.1
) -> Transformer:
    """The base model of table 3, with the vocabulary of about 37,000 tokens that both languages share (section 5.1)."""
    return Transformer(vocab_size, target_vocab_size, dropout=dropout)


def transformer_big(vocab_size: int = 37000, target_vocab_size: int | None = None, dropout: float = 0.3) -> Transformer:
    """The big model of table 3: twice the width and twice the heads."""
    return Transformer(
        vocab_size, target_vocab_size, embed_dim=1024, num_heads=16, hidden_dim=4096, dropout=dropout
    )  # fmt: skip
