"""GPT: a stack of attention blocks that predicts, at every position of a text, the token that comes next.

Papers: Radford et al., "Improving Language Understanding by Generative Pre-Training", 2018 (GPT), and "Language Models
are Unsupervised Multitask Learners", 2019 (GPT-2), whose shape this is: section 2.3 moves the normalisation to the
front of each sub-block, adds one behind the last block, and scales the weights that end on the residual path.

Letters of the shapes: B texts, T tokens, S tokens that attention can see, E width of the model, V tokens of the
vocabulary.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dlstudy.layers import sampling
from dlstudy.layers.attention import KeyValueCache, MultiHeadAttention
from dlstudy.layers.positions import LearnedPositions


class MLP(nn.Module):
    """To four times the width, GELU (in its approximation by tanh, as GPT-2 was trained), and back.

    Input and output (B, T, E).
    """

    def __init__(self, embed_dim: int) -> None:
        super().__init__()
        self.up = nn.Linear(embed_dim, 4 * embed_dim)
        self.down = nn.Linear(4 * embed_dim, embed_dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(F.gelu(self.up(x), approximate="tanh"))


class Block(nn.Module):
    """Two steps on the residual path: look at the tokens before (attention), then think about it (MLP).

    Input and output (B, T, E).
    """

    def __init__(self, embed_dim: int, num_heads: int, dropout: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(embed_dim)
        self.attention = MultiHeadAttention(embed_dim, num_heads, dropout)
        self.norm2 = nn.LayerNorm(embed_dim)
        self.mlp = MLP(embed_dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None, cache: KeyValueCache | None = None) -> Tensor:
        x = x + self.dropout(self.attention(self.norm1(x), mask=mask, is_causal=True, cache=cache))
        return x + self.dropout(self.mlp(self.norm2(x)))


class GPT(nn.Module):
    """The whole model: token and position embeddings, blocks, a last normalisation, and the embeddings again as head.

    Args:
        vocab_size: number of different tokens V.
        context_length: the longest text that it can see; there are as many learned positions.
        embed_dim: width E.
        num_layers: number of blocks.
        num_heads: heads of each attention; must divide embed_dim.
        dropout: part that is left out in training, of the embeddings, of the attention weights, and of what each
            sub-block adds.

    Input: tokens, integers (B, T) with T up to context_length. Output: scores (B, T, V), not yet softmax; those at
    position t belong to the token at t + 1 and depend on the tokens up to t only.

    With `cache`, made by `new_cache`, the tokens go on from those of the calls before. `padding` (B,) tells how many
    tokens at the *start* of each row are filling, so that prompts of different lengths fit into one batch; what comes
    out at the filling means nothing.

    Raises ValueError for a text that is longer than the context.
    Proven equal to `transformers.GPT2LMHeadModel`, values, gradients and dropout, gpt2 in full size included.
    """

    def __init__(
        self,
        vocab_size: int,
        context_length: int,
        embed_dim: int,
        num_layers: int,
        num_heads: int,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.context_length = context_length
        self.token_embedding = nn.Embedding(vocab_size, embed_dim)
        self.positions = LearnedPositions(context_length, embed_dim)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(Block(embed_dim, num_heads, dropout) for _ in range(num_layers))
        self.norm = nn.LayerNorm(embed_dim)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """N(0, 0.02) for weights and embeddings, 0 for biases.

        Each block adds to the residual path twice, so that its variance would grow with the depth; the matrices that
        end there start smaller by the square root of the number of additions (GPT-2, section 2.3).
        """
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)
        for module in self.modules():
            if isinstance(module, Block):
                for last in (module.attention.out_proj, module.mlp.down):
                    nn.init.normal_(last.weight, std=0.02 / math.sqrt(2 * len(self.blocks)))

    def new_cache(self) -> list[KeyValueCache]:
        """Return an empty cache, one part for each block."""
        return [KeyValueCache() for _ in self.blocks]

    def hidden(self, tokens: Tensor, cache: list[KeyValueCache] | None = None, padding: Tensor | None = None) -> Tensor:
        """Return the vectors (B, T, E) behind the last normalisation."""
        start = cache[0].length if cache else 0
        total = start + tokens.shape[1]  # S
        if total > self.context_length:
            raise ValueError(f"expected at most {self.context_length} tokens, the context length; got {total}")
        places = torch.arange(total, device=tokens.device)  # (S,)
        positions = places[start:]  # (T,)
        mask: Tensor | None = None
        if padding is not None:
            positions = (positions - padding.unsqueeze(1)).clamp(min=0)  # (B, T)
            mask = places >= padding.view(-1, 1, 1, 1)  # (B, 1, 1, S)
        x = self.dropout(self.positions(self.token_embedding(tokens), positions))  # (B, T, E)
        for number, block in enumerate(self.blocks):
            x = block(x, mask, cache[number] if cache else None)
        return self.norm(x)

    def head(self, x: Tensor) -> Tensor:
        """Return the scores (..., V) for vectors (..., E): how well each token's own embedding fits."""
        return F.linear(x, self.token_embedding.weight)

    def forward(
        self, tokens: Tensor, cache: list[KeyValueCache] | None = None, padding: Tensor | None = None
    ) -> Tensor:
        return self.head(self.hidden(tokens, cache, padding))  # (B, T, V)

    @torch.no_grad()
    def generate(
        self,
        tokens: Tensor,
        max_new_tokens: int,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        num_beams: int = 1,
        length_penalty: float = 1.0,
        stop: int | None = None,
        padding: Tensor | None = None,
        use_cache: bool = True,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Continue each prompt by up to `max_new_tokens` tokens.

        Args:
            tokens: the prompts, integers (B, T), T at least 1.
            max_new_tokens: how far to go on.
            temperature: below 1 likely tokens gain, and 0 takes the likeliest at each step.
            top_k: draw among the so many likeliest tokens.
            top_p: draw among the likeliest tokens that have this probability together.
            num_beams: more than 1 looks for the likeliest text; temperature, top_k and top_p then play no part.
            length_penalty: see `dlstudy.layers.sampling.beam_search`.
            stop: a text ends with this token; shorter ones are filled up with it.
            padding: for prompts of different lengths, the number of tokens at the start of each row that are filling.
            use_cache: keep keys and values (quicker; the result is the same).
            generator: where the random numbers come from.

        Returns prompts and continuations, (B, T + at most max_new_tokens). Dropout is off meanwhile. When the text gets
        longer than the context, the model sees the last context_length tokens: all positions move, so that a cache
        would be of no use from there on.
        """
        if tokens.dim() != 2 or tokens.shape[1] == 0:
            raise ValueError(f"expected prompts (B, T) of at least one token; got shape {tuple(tokens.shape)}")
        cache = self.new_cache() if use_cache else None
        repeats = num_beams if num_beams > 1 else 1
        filling = None if padding is None else padding.repeat_interleave(repeats)  # beams share their prompt's

        def next_logits(tokens: Tensor, rows: Tensor | None) -> Tensor:
            nonlocal cache
            dropped = max(tokens.shape[1] - self.context_length, 0)
            if dropped:
                cache = None
            if cache and rows is not None:
                for part in cache:
                    part.select(rows)
            seen = cache[0].length if cache else dropped
            left = None if filling is None else (filling - dropped).clamp(min=0)
            return self.head(self.hidden(tokens[:, seen:], cache, left)[:, -1])  # (B, V)

        was_training = self.training
        self.eval()
        try:
            if num_beams > 1:
                return sampling.beam_search(
                    next_logits, tokens, max_new_tokens, num_beams, stop=stop, length_penalty=length_penalty
                )[0]
            return sampling.sample(
                next_logits, tokens, max_new_tokens,
                t=temperature, k=top_k, p=top_p, stop=stop, generator=generator,
            )  # fmt: skip
        finally:
            self.train(was_training)


def gpt2(vocab_size: int = 50257, context_length: int = 1024, dropout: float = 0.1) -> GPT:
    """GPT-2 in its smallest size: 12 layers of width 768 (GPT-2, table 2)."""
    return GPT(vocab_size, context_length, 768, 12, 12, dropout)


def gpt2_medium(vocab_size: int = 50257, context_length: int = 1024, dropout: float = 0.1) -> GPT:
    """GPT-2 with 24 layers of width 1024 (table 2)."""
    return GPT(vocab_size, context_length, 1024, 24, 16, dropout)


def gpt2_large(vocab_size: int = 50257, context_length: int = 1024, dropout: float = 0.1) -> GPT:
    """GPT-2 with 36 layers of width 1280 (table 2)."""
    return GPT(vocab_size, context_length, 1280, 36, 20, dropout)


def gpt2_xl(vocab_size: int = 50257, context_length: int = 1024, dropout: float = 0.1) -> GPT:
    """GPT-2 with 48 layers of width 1600 (table 2)."""
    return GPT(vocab_size, context_length, 1600, 48, 25, dropout)
