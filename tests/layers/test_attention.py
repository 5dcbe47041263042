"""What attention must do whoever computes it: masks, rows of nothing, caches, order; parity is in tests/parity."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from dlstudy.layers import attention
from dlstudy.layers.attention import KeyValueCache, MultiHeadAttention, causal_mask, padding_mask
from tests.parity.tools import off_initial_values


def normal(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def made(embed_dim: int = 12, num_heads: int = 3, **options: Any) -> MultiHeadAttention:
    torch.manual_seed(0)
    layer = MultiHeadAttention(embed_dim, num_heads, **options).double()
    off_initial_values(layer)
    return layer


def test_sizes_that_do_not_fit_are_named() -> None:
    with pytest.raises(ValueError, match="embed_dim 10 and num_heads 4"):
        MultiHeadAttention(10, 4)
    with pytest.raises(ValueError, match="num_heads 0"):
        MultiHeadAttention(10, 0)
    layer, x = made(), normal(2, 5, 12)
    with pytest.raises(ValueError, match=r"a query of shape \(B, length, 12\); got \(2, 5, 11\)"):
        layer(normal(2, 5, 11))
    with pytest.raises(ValueError, match=r"a key of shape .*; got \(5, 12\)"):
        layer(x, normal(5, 12))
    with pytest.raises(ValueError, match=r"value \(2, 6, 12\)"):
        layer(x, normal(2, 7, 12), normal(2, 6, 12))
    with pytest.raises(ValueError, match="as many examples"):
        layer(x, normal(3, 7, 12))
    for shape in ((2, 5), (5, 6), (3, 1, 5, 5), (2, 2, 5, 5), (5,), (1, 2, 1, 5, 5)):
        with pytest.raises(ValueError, match=r"\(B, H, T, S\) = \(2, 3, 5, 5\)"):
            layer(x, mask=torch.ones(shape, dtype=torch.bool))


def test_attention_by_hand() -> None:
    """One head of width 4, so that scores are halved: written out with Python's own numbers."""
    q, k, v = (normal(1, 1, n, 4, seed=n) for n in (2, 3, 3))
    output, weights = attention.scaled_dot_product_attention(
        q, k, v, torch.tensor([[True, True, True], [True, False, True]])
    )
    for t, allowed in enumerate([(0, 1, 2), (0, 2)]):
        scores = {s: sum(q[0, 0, t, d].item() * k[0, 0, s, d].item() for d in range(4)) / 2 for s in allowed}
        total = sum(math.exp(score) for score in scores.values())
        wanted = [math.exp(scores[s]) / total if s in scores else 0.0 for s in range(3)]
        assert weights[0, 0, t].tolist() == pytest.approx(wanted, rel=1e-12)
        for d in range(4):
            assert output[0, 0, t, d].item() == pytest.approx(
                sum(w * v[0, 0, s, d].item() for s, w in enumerate(wanted))
            )


def test_the_root_keeps_scores_at_one_whatever_the_width() -> None:
    """A sum of D products of independent numbers has the variance D (section 3.2.1, footnote 4)."""
    for dim in (4, 64, 1024):
        q, k = normal(1, 400, dim, seed=dim), normal(1, 400, dim, seed=dim + 1)
        _, weights = attention.scaled_dot_product_attention(q, k, k)
        spread = weights.log().std(dim=-1)  # the logarithms of the weights are the scores up to a constant
        assert spread.pow(2).mean().sqrt().item() == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("numbers", [False, True], ids=["of booleans", "of numbers"])
@pytest.mark.parametrize("need_weights", [False, True])
def test_a_query_that_may_attend_nowhere_gets_nothing_and_sends_nothing_back(need_weights: bool, numbers: bool) -> None:
    layer, x = made(), normal(2, 4, 12).requires_grad_()
    mask = torch.ones(2, 1, 4, 4, dtype=torch.bool)
    mask[0, 0, 2] = False
    if numbers:
        mask = torch.zeros(2, 1, 4, 4, dtype=torch.float64).masked_fill(~mask, -math.inf)
    found = layer(x, normal(2, 4, 12, seed=2), mask=mask, need_weights=need_weights)
    output = found[0] if need_weights else found
    torch.testing.assert_close(output[0, 2], layer.out_proj.bias)
    if need_weights:
        assert (found[1][0, :, 2] == 0).all()
        assert found[1].sum(dim=-1)[1].allclose(torch.ones(3, 4, dtype=torch.float64))
    (output * normal(2, 4, 12, seed=3)).sum().backward()
    assert x.grad is not None
    assert (x.grad[0, 2] == 0).all()
    assert x.grad[0, 1].abs().min() > 0
    for parameter in layer.parameters():
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all()


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("kind", ["none", "(T, S)", "(B, T, S)", "(B, 1, T, S)", "(B, 1, 1, S)", "numbers"])
def test_with_and_without_weights_it_computes_the_same(kind: str, causal: bool) -> None:
    some = torch.rand(2, 1, 5, 5, generator=torch.Generator().manual_seed(2)) < 0.6
    masks = {
        "none": None, "(T, S)": some[0, 0], "(B, T, S)": some[:, 0], "(B, 1, T, S)": some,
        "(B, 1, 1, S)": padding_mask(torch.tensor([5, 3])), "numbers": normal(5, 5, seed=4),
    }  # fmt: skip
    mask, layer, x = masks[kind], made(), normal(2, 5, 12)
    fast = layer(x, mask=mask, is_causal=causal)
    output, weights = layer(x, mask=mask, is_causal=causal, need_weights=True)
    torch.testing.assert_close(fast, output, rtol=1e-12, atol=1e-12)
    # and the weights are those that make the output
    v = layer.split(layer.v_proj(x))
    torch.testing.assert_close(layer.out_proj(layer.merge(weights @ v)), output, rtol=1e-12, atol=1e-12)
    if causal:
        assert (weights.triu(1) == 0).all()
    if mask is not None and mask.dtype == torch.bool:
        assert (weights.masked_fill(mask if mask.dim() != 3 else mask.unsqueeze(1), 0.0) == 0).all()


def test_heads_are_split_and_merged_as_the_paper_has_it() -> None:
    """Head h takes the columns h D to (h + 1) D: what MultiHead(Q, K, V) = Concat(head_1, ...) says, head by head."""
    layer, x, memory = made(), normal(2, 5, 12), normal(2, 7, 12, seed=2)
    heads = []
    for head in range(3):
        part = slice(4 * head, 4 * head + 4)
        q = F.linear(x, layer.q_proj.weight[part], layer.q_proj.bias[part])
        k = F.linear(memory, layer.k_proj.weight[part], layer.k_proj.bias[part])
        v = F.linear(memory, layer.v_proj.weight[part], layer.v_proj.bias[part])
        heads.append(attention.scaled_dot_product_attention(q, k, v)[0])
    torch.testing.assert_close(layer(x, memory), layer.out_proj(torch.cat(heads, dim=2)), rtol=1e-12, atol=1e-12)


def test_masks_by_hand() -> None:
    assert causal_mask(3).tolist() == [[True, False, False], [True, True, False], [True, True, True]]
    assert causal_mask(2, 4).tolist() == [[True, True, True, False], [True, True, True, True]]
    with pytest.raises(ValueError, match="4 queries and 3 keys"):
        causal_mask(4, 3)
    assert padding_mask(torch.tensor([1, 3])).tolist() == [[[[True, False, False]]], [[[True, True, True]]]]
    assert padding_mask(torch.tensor([1, 0]), 2).tolist() == [[[[True, False]]], [[[False, False]]]]


def test_two_masks_allow_what_both_allow() -> None:
    allowed = causal_mask(3)
    assert attention.both(None, allowed) is allowed
    some = torch.tensor([[True, True, True], [False, True, True], [True, False, True]])
    assert attention.both(some, allowed).tolist() == [[True, False, False], [False, True, False], [True, False, True]]
    numbers = attention.both(torch.arange(9.0).view(3, 3), allowed)
    assert numbers.tolist() == [[0, -math.inf, -math.inf], [3, 4, -math.inf], [6, 7, 8]]


@pytest.mark.parametrize("need_weights", [False, True])
@pytest.mark.parametrize("pieces", [(1,) * 7, (7,), (3, 1, 3), (1, 6), (2, 2, 3)])
def test_piece_by_piece_with_a_cache_is_all_at_once(pieces: tuple[int, ...], need_weights: bool) -> None:
    layer, x = made(), normal(2, 7, 12)
    whole = layer(x, is_causal=True)
    real = padding_mask(torch.tensor([7, 4]))
    whole_masked = layer(x, mask=real, is_causal=True)
    cache, masked = KeyValueCache(), KeyValueCache()
    found, found_masked = [], []
    for piece in x.split(pieces, dim=1):
        total = cache.length + piece.shape[1]
        one = layer(piece, is_causal=True, cache=cache, need_weights=need_weights)
        two = layer(piece, mask=real[..., :total], is_causal=True, cache=masked, need_weights=need_weights)
        found.append(one[0] if need_weights else one)
        found_masked.append(two[0] if need_weights else two)
        assert cache.length == total
    torch.testing.assert_close(torch.cat(found, dim=1), whole, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(torch.cat(found_masked, dim=1), whole_masked, rtol=1e-12, atol=1e-12)


def test_a_cache_that_does_not_grow_keeps_what_it_saw_first() -> None:
    layer, x, memory = made(), normal(2, 3, 12), normal(2, 7, 12, seed=2)
    cache = KeyValueCache(grows=False)
    wanted = layer(x, memory)
    torch.testing.assert_close(layer(x, memory, cache=cache), wanted)
    assert cache.length == 7
    other = torch.full_like(memory, math.nan)  # it is not even looked at
    torch.testing.assert_close(layer(x, other, cache=cache), wanted)


def test_a_cache_follows_the_beams() -> None:
    layer, x = made(), normal(3, 5, 12)
    cache = KeyValueCache()
    layer(x[:, :4], is_causal=True, cache=cache)
    rows = torch.tensor([2, 0, 0])
    cache.select(rows)
    last = layer(x[rows, 4:], is_causal=True, cache=cache)
    torch.testing.assert_close(last, layer(x, is_causal=True)[rows, 4:], rtol=1e-12, atol=1e-12)
    empty = KeyValueCache()
    empty.select(rows)
    assert empty.length == 0


def test_without_positions_the_order_plays_no_part() -> None:
    layer, x, order = made(), normal(2, 6, 12), torch.tensor([3, 0, 5, 1, 4, 2])
    torch.testing.assert_close(layer(x[:, order]), layer(x)[:, order], rtol=1e-12, atol=1e-12)
    memory = normal(2, 6, 12, seed=2)
    torch.testing.assert_close(layer(x, memory[:, order]), layer(x, memory), rtol=1e-12, atol=1e-12)
    assert not layer(x[:, order], is_causal=True).allclose(layer(x, is_causal=True)[:, order], atol=1e-3)


@pytest.mark.parametrize("need_weights", [False, True])
def test_dropout_leaves_weights_out_in_training_and_the_mean_stays(need_weights: bool) -> None:
    layer, x = made(dropout=0.4), normal(1, 4, 12)

    def output() -> Tensor:
        found = layer(x, need_weights=need_weights)
        return found[0] if need_weights else found

    layer.eval()
    wanted = output()
    assert torch.equal(output(), wanted)
    layer.train()
    with torch.no_grad():
        torch.manual_seed(0)
        drawn = torch.stack([output() for _ in range(3000)])
    assert drawn.std(dim=0).min() > 0.01
    error = (drawn.mean(dim=0) - wanted).abs() / (drawn.std(dim=0) / 3000**0.5)
    assert error.max() < 4.5
    if need_weights:
        weights = layer(x, need_weights=True)[1]
        torch.testing.assert_close(weights.sum(dim=-1), torch.ones_like(weights[..., 0]))


def test_maps_of_every_attention_in_a_model() -> None:
    model = torch.nn.ModuleDict({"one": made(), "two": made(num_heads=4)})
    x = normal(2, 5, 12)
    wanted = {name: layer(x, is_causal=True, need_weights=True) for name, layer in model.items()}
    with attention.attention_maps(model) as maps:
        for name, layer in model.items():
            torch.testing.assert_close(layer(x, is_causal=True), wanted[name][0])
        model["one"](x)
    assert list(maps) == ["one", "two"]
    assert [len(found) for found in maps.values()] == [2, 1]
    for name in maps:
        torch.testing.assert_close(maps[name][0], wanted[name][1])
    assert model["one"].kept_weights is None
    with pytest.raises(RuntimeError, match="stop"), attention.attention_maps(model):
        raise RuntimeError("stop")
    assert model["two"].kept_weights is None
