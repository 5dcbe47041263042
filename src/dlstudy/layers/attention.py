"""Attention: every position looks at all the others and takes from each as much as it finds fitting.

Paper: Vaswani et al., "Attention Is All You Need", 2017 (arXiv 1706.03762), sections 3.2.1 and 3.2.2. This is the one
attention of the project: every model that attends imports it.

Letters of the shapes: B examples, H heads, T queries, S keys (and values), E width of the model, D = E / H width of a
head.

A mask of booleans says where a query may attend: True is yes, as in `torch.nn.functional.scaled_dot_product_attention`
(and the other way round in `torch.nn.MultiheadAttention`). A mask of floating-point numbers is added to the scores, so
that -inf forbids. A query that may attend nowhere gets zeros, no NaN, and sends no gradient back: there is nothing that
it could take. PyTorch's fused function does the same; `torch.nn.MultiheadAttention` gives NaN there.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Bool, Float, Integer, Shaped
from torch import Tensor, nn
from torch.nn import functional as F


def scaled_dot_product_attention(
    query: Float[Tensor, "*batch T D"],
    key: Float[Tensor, "*batch S D"],
    value: Float[Tensor, "*batch S V"],
    mask: Shaped[Tensor, "..."] | None = None,
    dropout_p: float = 0.0,
    training: bool = True,
) -> tuple[Float[Tensor, "*batch T V"], Float[Tensor, "*batch T S"]]:
    """Return the output and the weights of equation 1, softmax(Q K^T / sqrt(D)) V: the way to read it.

    Args:
        query: what each position looks for.
        key: what each position can be found by.
        value: what each position has to give.
        mask: booleans (True: may attend) or numbers that are added to the scores; any shape that broadcasts to
            (*batch, T, S).
        dropout_p: part of the weights that is left out while `training`.
        training: whether dropout is on.

    The weights are those before dropout: each row sums to 1, or to 0 where a query may attend nowhere.
    Proven equal to `torch.nn.functional.scaled_dot_product_attention`, values and gradients.
    """
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])  # (B, H, T, S)
    if mask is not None:
        if mask.dtype == torch.bool:
            scores = scores.masked_fill(~mask, -math.inf)
        else:
            scores = scores + mask
        nowhere = (scores == -math.inf).all(dim=-1, keepdim=True)  # (B, H, T, 1)
        scores = scores.masked_fill(nowhere, 0.0)  # softmax of nothing but -inf would be NaN
        weights = scores.softmax(dim=-1).masked_fill(nowhere, 0.0)
    else:
        weights = scores.softmax(dim=-1)
    return F.dropout(weights, dropout_p, training) @ value, weights


def causal_mask(
    length: int, total: int | None = None, *, device: torch.device | str | None = None
) -> Bool[Tensor, "T S"]:
    """Return the mask under which no position sees a later one: True on and below the diagonal.

    With `total` the `length` queries are the last of `total` positions, as in decoding with a cache: query i stands at
    position total - length + i. ValueError for a `total` below `length`.
    """
    total = length if total is None else total
    if total < length:
        raise ValueError(f"expected at least as many keys as queries; got {length} queries and {total} keys")
    return torch.ones(length, total, dtype=torch.bool, device=device).tril(total - length)


def padding_mask(lengths: Integer[Tensor, " B"], total: int | None = None) -> Bool[Tensor, "B 1 1 S"]:
    """Return the mask that hides the filling behind sequences of these lengths; `total` is the longest unless given."""
    total = int(lengths.max()) if total is None else total
    return torch.arange(total, device=lengths.device) < lengths.view(-1, 1, 1, 1)


class KeyValueCache:
    """The keys and values that one attention has computed so far, so that no token is computed twice.

    With `grows` each call of the attention adds its new positions (self-attention of a decoder). Without, what the
    first call computes is used again by all later ones (attention to an encoder's output, which stays the same).
    """

    def __init__(self, grows: bool = True) -> None:
        self.grows = grows
        self.key: Tensor | None = None  # (B, H, S, D)
        self.value: Tensor | None = None  # (B, H, S, D)

    @property
    def length(self) -> int:
        """Positions held."""
        return 0 if self.key is None else self.key.shape[2]

    def extend(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Add keys and values (B, H, T, D) behind the ones held, and return them all."""
        if self.key is not None and self.value is not None:
            key, value = torch.cat([self.key, key], dim=2), torch.cat([self.value, value], dim=2)
        self.key, self.value = key, value
        return key, value

    def select(self, rows: Tensor) -> None:
        """Keep these rows of the batch in this order; a row may come more than once (beam search)."""
        if self.key is not None and self.value is not None:
            self.key, self.value = self.key[rows], self.value[rows]


class MultiHeadAttention(nn.Module):
    """Attention of several heads side by side, each in its own small space (section 3.2.2, figure 2).

    Args:
        embed_dim: width E of queries, keys, values and output.
        num_heads: number of heads H; each works in E / H dimensions.
        dropout: part of the attention weights that is left out in training.
        bias: whether the four projections have one.

    Called as attention(x) it is self-attention; attention(x, memory) lets x look at `memory`, and with a third tensor
    the values come from there.

    query (B, T, E), key and value (B, S, E). `mask` is (T, S), (B, T, S) or anything that broadcasts to (B, H, T, S);
    for filled-up sequences see `padding_mask`. With `is_causal` no query sees a later position (the last query is at
    the last key); both together allow what both allow. With `cache` the keys and values of earlier calls are kept
    there and used. Returns the output (B, T, E), with `need_weights` also the weights (B, H, T, S).

    Without weights PyTorch's fused function computes the same without holding a T x S table in memory.
    Raises ValueError where sizes do not fit.
    Proven equal to `torch.nn.MultiheadAttention`, values and gradients, initial weights included.
    """

    def __init__(self, embed_dim: int, num_heads: int, dropout: float = 0.0, bias: bool = True) -> None:
        super().__init__()
        if num_heads < 1 or embed_dim % num_heads:
            raise ValueError(
                f"expected an embed_dim that num_heads divides, for each head gets an equal part; "
                f"got embed_dim {embed_dim} and num_heads {num_heads}"
            )
        self.embed_dim = embed_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.q_proj = nn.Linear(embed_dim, embed_dim, bias=bias)
        self.k_proj = nn.Linear(embed_dim, embed_dim, bias=bias)
        self.v_proj = nn.Linear(embed_dim, embed_dim, bias=bias)
        self.out_proj = nn.Linear(embed_dim, embed_dim, bias=bias)
        self.kept_weights: list[Tensor] | None = None
        """Where `attention_maps` collects the weights of each call."""
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Glorot's uniform distribution as torch takes it, for the three input projections as one (3 E, E) matrix."""
        bound = math.sqrt(6 / (4 * self.embed_dim))
        for projection in (self.q_proj, self.k_proj, self.v_proj):
            nn.init.uniform_(projection.weight, -bound, bound)
        self.out_proj.reset_parameters()
        for projection in (self.q_proj, self.k_proj, self.v_proj, self.out_proj):
            if projection.bias is not None:
                nn.init.zeros_(projection.bias)

    def split(self, x: Tensor) -> Tensor:
        """Cut the width into heads: (B, T, E) to (B, H, T, D)."""
        batch, length, _ = x.shape
        return x.view(batch, length, self.num_heads, -1).transpose(1, 2)

    def merge(self, x: Tensor) -> Tensor:
        """Lay the heads side by side again: (B, H, T, D) to (B, T, E)."""
        batch, _, length, _ = x.shape
        return x.transpose(1, 2).reshape(batch, length, self.embed_dim)

    def forward(
        self,
        query: Tensor,
        key: Tensor | None = None,
        value: Tensor | None = None,
        mask: Tensor | None = None,
        is_causal: bool = False,
        need_weights: bool = False,
        *,
        cache: KeyValueCache | None = None,
    ) -> Tensor | tuple[Tensor, Tensor]:
        key = query if key is None else key
        value = key if value is None else value
        self._check(query, key, value)
        q = self.split(self.q_proj(query))  # (B, H, T, D)
        if cache is not None and not cache.grows and cache.key is not None and cache.value is not None:
            k, v = cache.key, cache.value
        else:
            k, v = self.split(self.k_proj(key)), self.split(self.v_proj(value))  # (B, H, S, D)
            if cache is not None:
                k, v = cache.extend(k, v)
        length, total = q.shape[2], k.shape[2]
        mask = _fitting(mask, (q.shape[0], self.num_heads, length, total))

        readable = need_weights or self.kept_weights is not None
        if length == 1:  # the last position sees everything
            is_causal = False
        if is_causal and (readable or mask is not None or length != total):
            # torch's own causal mask goes with no other, and would put the first query at the first key
            mask, is_causal = both(mask, causal_mask(length, total, device=q.device)), False
        if readable:
            heads, weights = scaled_dot_product_attention(q, k, v, mask, self.dropout, self.training)
            if self.kept_weights is not None:
                self.kept_weights.append(weights.detach())
            output = self.out_proj(self.merge(heads))  # (B, T, E)
            return (output, weights) if need_weights else output
        dropout = self.dropout if self.training else 0.0
        heads = F.scaled_dot_product_attention(q, k, v, mask, dropout, is_causal)  # (B, H, T, D)
        return self.out_proj(self.merge(heads))  # (B, T, E)

    def _check(self, query: Tensor, key: Tensor, value: Tensor) -> None:
        for name, given in (("query", query), ("key", key), ("value", value)):
            if given.dim() != 3 or given.shape[2] != self.embed_dim:
                raise ValueError(f"expected a {name} of shape (B, length, {self.embed_dim}); got {tuple(given.shape)}")
        if key.shape[:2] != value.shape[:2] or query.shape[0] != key.shape[0]:
            raise ValueError(
                "expected one value for each key, and as many examples of queries as of keys; "
                f"got query {tuple(query.shape)}, key {tuple(key.shape)}, value {tuple(value.shape)}"
            )


def _fitting(mask: Tensor | None, wanted: tuple[Any, ...]) -> Tensor | None:
    if mask is None:
        return None
    if mask.dim() == 3:
        mask = mask.unsqueeze(1)  # (B, 1, T, S)
    sizes = (1,) * (4 - mask.dim()) + tuple(mask.shape)
    if mask.dim() not in (2, 4) or any(size not in (1, full) for size, full in zip(sizes, wanted)):
        raise ValueError(
            f"expected a mask that fits (B, H, T, S) = {wanted}: (T, S), (B, T, S), (B, 1, T, S), or for filled-up "
            f"sequences (B, 1, 1, S); got {tuple(mask.shape)}"
        )
    return mask


def both(mask: Tensor | None, allowed: Tensor) -> Tensor:
    """Return the mask (of booleans or of numbers) under which a query may attend where `allowed` says so as well."""
    if mask is None:
        return allowed
    return mask & allowed if mask.dtype == torch.bool else mask.masked_fill(~allowed, -math.inf)


@contextmanager
def attention_maps(model: nn.Module) -> Iterator[dict[str, list[Tensor]]]:
    """Collect the weights of every attention in `model` while the block runs, by the attention's name in the model.

    >>> with attention_maps(model) as maps:
    ...     model(tokens)
    >>> maps["blocks.0.attention"][0]  # (B, H, T, S) of the first call

    Meanwhile attention is computed in the readable way, which holds the whole T x S table in memory.
    """
    layers = {name: part for name, part in model.named_modules() if isinstance(part, MultiHeadAttention)}
    maps: dict[str, list[Tensor]] = {name: [] for name in layers}
    for name, layer in layers.items():
        layer.kept_weights = maps[name]
    try:
        yield maps
    finally:
        for layer in layers.values():
            layer.kept_weights = None
