"""Attention and the Transformer are torch.nn's; GPT-2 and BERT are the transformers library's: values, gradients."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dlstudy.layers import attention, sampling
from dlstudy.layers.attention import MultiHeadAttention
from dlstudy.models import gpt
from dlstudy.weights.transformers import gpt2_to_ours, ours_to_gpt2
from tests.parity.tools import assert_equal_models, off_initial_values


def normal(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def tokens(batch: int, length: int, vocab_size: int, seed: int = 1) -> Tensor:
    return torch.randint(vocab_size, (batch, length), generator=torch.Generator().manual_seed(seed))


def some_mask(*shape: int, seed: int = 5) -> Tensor:
    """About half of everything, and each query at least one key."""
    mask = torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < 0.5
    mask[..., 0] = True
    return mask


# -- attention ---------------------------------------------------------------------------------------------
MASKS: dict[str, Callable[[], Tensor | None]] = {
    "none": lambda: None,
    "of all heads": lambda: some_mask(5, 7),
    "of each example": lambda: some_mask(2, 1, 5, 7),
    "of each head": lambda: some_mask(2, 3, 5, 7),
    "of the padding": lambda: some_mask(2, 1, 1, 7),
    "of numbers": lambda: normal(5, 7, seed=8).masked_fill(~some_mask(5, 7), -math.inf),
    "with rows of nothing": lambda: some_mask(5, 7) & (torch.arange(5) % 2 == 0).unsqueeze(1),
}


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_the_readable_attention_is_the_fused_one(mask: Callable[[], Tensor | None]) -> None:
    results = []
    for compute in (attention.scaled_dot_product_attention, F.scaled_dot_product_attention):
        q, k, v = (normal(2, 3, n, 4, seed=n).requires_grad_() for n in (5, 7, 7))
        found = compute(q, k, v, mask())  # type: ignore[operator]
        output = found[0] if isinstance(found, tuple) else found
        (output * normal(2, 3, 5, 4, seed=9)).sum().backward()
        results.append([output, q.grad, k.grad, v.grad])
    for mine, reference in zip(*results, strict=True):
        assert mine.isfinite().all()
        torch.testing.assert_close(mine, reference, rtol=1e-12, atol=1e-12)


def in_proj_to_ours(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """torch.nn.MultiheadAttention keeps the matrices of queries, keys and values in one (3 E, E)."""
    ours: dict[str, Tensor] = {}
    for name, value in state.items():
        before, found, kind = name.rpartition("in_proj_")
        if not found:
            ours[name] = value
            continue
        for part, piece in zip(("q_proj", "k_proj", "v_proj"), value.chunk(3), strict=True):
            ours[f"{before}{part}.{kind}"] = piece
    return ours


def ours_to_in_proj(state: dict[str, Tensor]) -> dict[str, Tensor]:
    theirs: dict[str, Tensor] = {}
    for name, value in state.items():
        if ".k_proj." in f".{name}" or ".v_proj." in f".{name}":
            continue
        if ".q_proj." in f".{name}":
            pieces = [state[name.replace("q_proj", part)] for part in ("q_proj", "k_proj", "v_proj")]
            theirs[name.replace("q_proj.", "in_proj_")] = torch.cat(pieces)
        else:
            theirs[name] = value
    return theirs


MAPPED: dict[str, Any] = {"to_ours": in_proj_to_ours, "to_theirs": ours_to_in_proj}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("kind", ["self", "cross", "causal", "padding", "both", "numbers"])
def test_multi_head_attention_is_torchs(kind: str, need_weights: bool, bias: bool) -> None:
    ours = MultiHeadAttention(12, 3, bias=bias)
    theirs = nn.MultiheadAttention(12, 3, bias=bias, batch_first=True)
    x, memory = normal(2, 5, 12), normal(2, 7, 12, seed=2)
    causal, real = attention.causal_mask(5), attention.padding_mask(torch.tensor([3, 5]))
    numbers = normal(5, 7, seed=8)
    mine: dict[str, dict[str, Any]] = {
        "self": {}, "cross": {}, "causal": {"is_causal": True}, "padding": {"mask": real},
        "both": {"mask": real, "is_causal": True}, "numbers": {"mask": numbers},
    }  # fmt: skip
    other: dict[str, dict[str, Any]] = {
        "self": {}, "cross": {}, "causal": {"attn_mask": ~causal}, "padding": {"key_padding_mask": ~real[:, 0, 0]},
        "both": {"attn_mask": ~causal, "key_padding_mask": ~real[:, 0, 0]}, "numbers": {"attn_mask": numbers},
    }  # fmt: skip
    crossing = kind in ("cross", "numbers")
    inputs = [x, memory, normal(2, 7, 12, seed=3)] if crossing else [x]

    def call_ours(model: nn.Module, *given: Tensor) -> Any:
        return model(*given, need_weights=need_weights, **mine[kind])

    def call_theirs(model: nn.Module, *given: Tensor) -> Any:
        query, key, value = given if crossing else (given[0],) * 3
        output, weights = model(
            query, key, value, need_weights=need_weights, average_attn_weights=False, **other[kind]
        )  # fmt: skip
        return (output, weights) if need_weights else output

    assert_equal_models(ours, theirs, inputs, call_ours=call_ours, call_theirs=call_theirs, **MAPPED)


def test_initial_weights_of_attention_are_those_of_torch() -> None:
    ours, theirs = MultiHeadAttention(256, 4).state_dict(), nn.MultiheadAttention(256, 4)
    for name, reference in in_proj_to_ours(theirs.state_dict()).items():
        assert (ours[name] == 0).all() == (reference == 0).all()
        if reference.any():  # the same bound of a uniform distribution, which 65,536 numbers come close to
            assert ours[name].abs().max().item() == pytest.approx(reference.abs().max().item(), rel=1e-3)
            assert ours[name].std().item() == pytest.approx(reference.std().item(), rel=0.02)


# -- GPT-2 -------------------------------------------------------------------------------------------------
def small_gpt2(dropout: float = 0.0, vocab_size: int = 29, context: int = 16, layers: int = 3) -> tuple[gpt.GPT, Any]:
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=vocab_size, n_positions=context, n_embd=24, n_layer=layers, n_head=4,
        resid_pdrop=dropout, embd_pdrop=dropout, attn_pdrop=dropout, bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    config._attn_implementation = "eager"
    return gpt.GPT(vocab_size, context, 24, layers, 4, dropout), GPT2LMHeadModel(config)


def logits_of(model: nn.Module, *inputs: Tensor) -> Tensor:
    return model(*inputs).logits


GPT2_MAPPED: dict[str, Any] = {"to_ours": gpt2_to_ours, "to_theirs": ours_to_gpt2, "call_theirs": logits_of}


def test_a_small_gpt_is_gpt2() -> None:
    assert_equal_models(*small_gpt2(), [tokens(3, 13, 29)], **GPT2_MAPPED)


@pytest.mark.slow
def test_gpt2_in_full_size_is_gpt2() -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    theirs = GPT2LMHeadModel(GPT2Config(resid_pdrop=0, embd_pdrop=0, attn_pdrop=0, attn_implementation="eager"))
    assert_equal_models(gpt.gpt2(dropout=0.0), theirs, [tokens(1, 9, 50257)], modes=(False,), **GPT2_MAPPED)


def test_gpt_drops_what_gpt2_drops() -> None:
    """With the same random numbers: of the embeddings, of the weights of attention, of what each sub-block adds."""
    ours, theirs = small_gpt2(dropout=0.3)

    def readable(model: nn.Module, *inputs: Tensor) -> Tensor:
        with attention.attention_maps(model):  # the fused function may draw its numbers in another order
            return model(*inputs)

    assert_equal_models(ours, theirs, [tokens(3, 13, 29)], call_ours=readable, **GPT2_MAPPED)


def test_gpt_begins_as_gpt2_does() -> None:
    ours, theirs = small_gpt2(vocab_size=500, context=400)
    reference = gpt2_to_ours(theirs.state_dict())
    for name, value in ours.state_dict().items():
        assert value.mean().item() == pytest.approx(reference[name].mean().item(), abs=0.004), name
        if value.numel() > 500:
            assert value.std().item() == pytest.approx(reference[name].std().item(), rel=0.15), name
        else:
            assert torch.equal(value, reference[name]), name


def pair_to_generate(seed: int) -> tuple[gpt.GPT, Any]:
    ours, theirs = small_gpt2()
    off_initial_values(theirs, seed)
    with torch.no_grad():
        for value in theirs.parameters():
            if value.dim() > 1:
                value.mul_(6)  # scores that differ enough for choices to matter
    ours.load_state_dict(gpt2_to_ours(theirs.state_dict()), strict=True)
    return ours.eval().double(), theirs.eval().double()


def theirs_generated(theirs: Any, prompt: Tensor, new: int, stop: int | None, **options: Any) -> Tensor:
    options.setdefault("attention_mask", torch.ones_like(prompt))
    return theirs.generate(
        prompt, max_new_tokens=new, eos_token_id=stop, pad_token_id=0 if stop is None else stop, **options
    )


@pytest.mark.parametrize("seed", range(4))
def test_greedy_texts_are_those_of_transformers(seed: int) -> None:
    ours, theirs = pair_to_generate(seed)
    prompt = tokens(3, 4, 29, seed)
    free = theirs_generated(theirs, prompt, 11, None, do_sample=False)
    assert torch.equal(ours.generate(prompt, 11, temperature=0), free)
    stop = int(free[0, 6])  # so the first row ends early, the others later or never
    wanted = theirs_generated(theirs, prompt, 11, stop, do_sample=False)
    assert torch.equal(ours.generate(prompt, 11, temperature=0, stop=stop), wanted)
    assert (wanted[0, 6:] == stop).all()


@pytest.mark.parametrize("length_penalty", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("seed", range(6))
def test_beam_search_is_that_of_transformers(seed: int, length_penalty: float) -> None:
    ours, theirs = pair_to_generate(seed)
    prompt = tokens(3, 4, 29, seed)
    for num_beams in (2, 5):
        options = {"num_beams": num_beams, "length_penalty": length_penalty}
        free = theirs_generated(theirs, prompt, 9, None, do_sample=False, **options)
        assert torch.equal(ours.generate(prompt, 9, **options), free)
        for place in (5, 6, 8):
            stop = int(free[0, place])
            wanted = theirs_generated(theirs, prompt, 9, stop, do_sample=False, **options)
            assert torch.equal(ours.generate(prompt, 9, stop=stop, **options), wanted)


def test_beams_find_likelier_texts_than_greed() -> None:
    def score(model: gpt.GPT, text: Tensor) -> Tensor:
        found = model(text[:, :-1]).log_softmax(dim=-1).gather(2, text[:, 1:, None])[..., 0]
        return found[:, 3:].sum(dim=1)

    gains = []
    with torch.no_grad():
        for seed in range(4):
            model, prompt = pair_to_generate(seed)[0], tokens(4, 4, 29, seed)
            gains.append(score(model, model.generate(prompt, 9, num_beams=6)))
            gains[-1] -= score(model, model.generate(prompt, 9, temperature=0))
    found = torch.cat(gains)
    assert (found > 1e-6).sum() > 4
    assert found.mean() > 0.1


@pytest.mark.parametrize("seed", range(3))
def test_prompts_of_different_lengths_are_continued_as_transformers_continues_them(seed: int) -> None:
    ours, theirs = pair_to_generate(seed)
    prompt, padding = tokens(3, 6, 29, seed), torch.tensor([0, 2, 5])
    real = torch.arange(6) >= padding.unsqueeze(1)
    for options in ({}, {"num_beams": 3}):
        wanted = theirs_generated(theirs, prompt, 8, None, do_sample=False, attention_mask=real.long(), **options)
        got = ours.generate(prompt, 8, temperature=0, padding=padding, **options)
        assert torch.equal(got[:, 6:], wanted[:, 6:])


@pytest.mark.parametrize("seed", range(3))
def test_the_filters_are_those_of_transformers(seed: int) -> None:
    from transformers.generation import logits_process as reference

    scores = 3 * normal(5, 40, seed=seed)
    scores[0, 3:9] = scores[0, 3]  # ties
    no_tokens = torch.zeros(5, 0, dtype=torch.long)
    for t in (0.3, 1.0, 2.5):
        torch.testing.assert_close(
            sampling.temperature(scores, t), reference.TemperatureLogitsWarper(t)(no_tokens, scores), rtol=0, atol=0
        )
    for k in (1, 2, 7, 40, 100):
        assert torch.equal(sampling.top_k(scores, k), reference.TopKLogitsWarper(k)(no_tokens, scores))
    for p in (1e-6, 0.1, 0.5, 0.9, 0.999, 1.0):
        assert torch.equal(sampling.top_p(scores[1:], p), reference.TopPLogitsWarper(p)(no_tokens, scores[1:]))
