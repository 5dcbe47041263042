"""Attention and the Transformer are torch.nn's; GPT-2 and BERT are the transformers library's: values, gradients."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dlstudy.layers import attention, sampling
from dlstudy.layers.attention import MultiHeadAttention
from dlstudy.models import bert, bert_names, gpt, gpt_names
from dlstudy.models.transformer import DecoderLayer, EncoderLayer, Transformer
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


GPT2_MAPPED: dict[str, Any] = {
    "to_ours": gpt_names.to_ours,
    "to_theirs": gpt_names.to_official,
    "call_theirs": logits_of,
}


def test_a_small_gpt_is_gpt2() -> None:
    assert_equal_models(*small_gpt2(), [tokens(3, 13, 29)], **GPT2_MAPPED)


@pytest.mark.proof
@pytest.mark.slow
def test_gpt2_in_full_size_is_gpt2() -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    theirs = GPT2LMHeadModel(GPT2Config(resid_pdrop=0, embd_pdrop=0, attn_pdrop=0, attn_implementation="eager"))
    assert_equal_models(gpt.gpt2(dropout=0.0), theirs, [tokens(1, 9, 50257)], modes=(False,), **GPT2_MAPPED)


def test_gpt_drops_what_gpt2_drops() -> None:
    """With the same random numbers: of the embeddings, of the weights of attention, of what each sub-block adds."""
    ours, theirs = small_gpt2(dropout=0.3)

    assert_equal_models(ours, theirs, [tokens(3, 13, 29)], call_ours=readable, **GPT2_MAPPED)


def test_gpt_begins_as_gpt2_does() -> None:
    ours, theirs = small_gpt2(vocab_size=500, context=400)
    reference = gpt_names.to_ours(theirs.state_dict())
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
    ours.load_state_dict(gpt_names.to_ours(theirs.state_dict()), strict=True)
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


# -- the Transformer ---------------------------------------------------------------------------------------
ENCODER_NAMES = {"attention.": "self_attn.", "feed_forward.up.": "linear1.", "feed_forward.down.": "linear2."}
DECODER_NAMES = {
    "self_attention.": "self_attn.", "cross_attention.": "multihead_attn.",
    "feed_forward.up.": "linear1.", "feed_forward.down.": "linear2.",
}  # fmt: skip


def layer_maps(names: dict[str, str]) -> dict[str, Any]:
    def to_ours(state: dict[str, Tensor]) -> dict[str, Tensor]:
        found = in_proj_to_ours(state)
        for mine, other in names.items():
            found = {name.replace(other, mine): value for name, value in found.items()}
        return found

    def to_theirs(state: dict[str, Tensor]) -> dict[str, Tensor]:
        for mine, other in names.items():
            state = {name.replace(mine, other): value for name, value in state.items()}
        return ours_to_in_proj(state)

    return {"to_ours": to_ours, "to_theirs": to_theirs}


@pytest.mark.parametrize("activation", [F.relu, F.gelu])
@pytest.mark.parametrize("norm_first", [False, True])
def test_an_encoder_layer_is_torchs(norm_first: bool, activation: Any) -> None:
    ours = EncoderLayer(12, 3, 20, 0.0, norm_first=norm_first, activation=activation, eps=1e-3)
    theirs = nn.TransformerEncoderLayer(
        12, 3, 20, 0.0, activation=activation, batch_first=True, norm_first=norm_first, layer_norm_eps=1e-3
    )
    real = attention.padding_mask(torch.tensor([3, 6]))
    assert_equal_models(ours, theirs, [normal(2, 6, 12)], **layer_maps(ENCODER_NAMES))
    assert_equal_models(
        ours,
        theirs,
        [normal(2, 6, 12)],
        call_ours=lambda model, x: model(x, real),
        call_theirs=lambda model, x: model(x, src_key_padding_mask=~real[:, 0, 0]),
        **layer_maps(ENCODER_NAMES),
    )


@pytest.mark.parametrize("norm_first", [False, True])
def test_a_decoder_layer_is_torchs(norm_first: bool) -> None:
    ours = DecoderLayer(12, 3, 20, 0.0, norm_first=norm_first)
    theirs = nn.TransformerDecoderLayer(12, 3, 20, 0.0, batch_first=True, norm_first=norm_first)
    target, memory = attention.padding_mask(torch.tensor([5, 4])), attention.padding_mask(torch.tensor([7, 2]))
    assert_equal_models(
        ours,
        theirs,
        [normal(2, 5, 12), normal(2, 7, 12, seed=2)],
        call_ours=lambda model, x, m: model(x, m, target, memory),
        call_theirs=lambda model, x, m: model(
            x, m, tgt_mask=~attention.causal_mask(5), tgt_key_padding_mask=~target[:, 0, 0],
            memory_key_padding_mask=~memory[:, 0, 0],
        ),
        **layer_maps(DECODER_NAMES),
    )  # fmt: skip


def transformer_maps() -> dict[str, Any]:
    """torch.nn.Transformer has no embeddings; ours stay as they are on the way to it and back."""
    encoder, decoder = layer_maps(ENCODER_NAMES), layer_maps(DECODER_NAMES)

    def to_ours(state: dict[str, Tensor]) -> dict[str, Tensor]:
        state = {re.sub(r"^(en|de)coder\.(layers\.|(?=norm))", r"\1coder.", name): v for name, v in state.items()}
        state = {name.replace("coder.norm", "coder_norm"): value for name, value in state.items()}
        parts = {start: {n: v for n, v in state.items() if n.startswith(start)} for start in ("encoder", "decoder")}
        return encoder["to_ours"](parts["encoder"]) | decoder["to_ours"](parts["decoder"])

    def to_theirs(state: dict[str, Tensor]) -> dict[str, Tensor]:
        parts = {start: {n: v for n, v in state.items() if n.startswith(start)} for start in ("encoder", "decoder")}
        found = encoder["to_theirs"](parts["encoder"]) | decoder["to_theirs"](parts["decoder"])
        found = {name.replace("coder_norm", "coder.norm"): value for name, value in found.items()}
        return {re.sub(r"^(en|de)coder\.(?=\d)", r"\1coder.layers.", name): value for name, value in found.items()}

    return {"to_ours": to_ours, "to_theirs": to_theirs}


class BehindTheEmbeddings(nn.Module):
    """Our Transformer on vectors instead of tokens: what torch.nn.Transformer computes."""

    def __init__(self, model: Transformer) -> None:
        super().__init__()
        self.encoder, self.encoder_norm = model.encoder, model.encoder_norm
        self.decoder, self.decoder_norm = model.decoder, model.decoder_norm

    def forward(self, source: Tensor, target: Tensor, real: Tensor) -> Tensor:
        for layer in self.encoder:
            source = layer(source, real)
        memory = self.encoder_norm(source)
        for layer in self.decoder:
            target = layer(target, memory, None, real)
        return self.decoder_norm(target)


def torchs_transformer(norm_first: bool, layers: int = 2) -> nn.Transformer:
    theirs = nn.Transformer(12, 3, layers, layers, 20, 0.0, batch_first=True, norm_first=norm_first)
    if not norm_first:  # the paper's figure 1 has none
        theirs.encoder.norm = theirs.decoder.norm = None
    return theirs


@pytest.mark.filterwarnings("ignore:enable_nested_tensor is True:UserWarning:torch.nn.modules.transformer")
@pytest.mark.parametrize("norm_first", [False, True])
def test_the_transformer_is_torchs(norm_first: bool) -> None:
    ours = Transformer(9, embed_dim=12, num_layers=2, num_heads=3, hidden_dim=20, dropout=0.0, norm_first=norm_first)
    real = attention.padding_mask(torch.tensor([7, 4]))
    assert_equal_models(
        BehindTheEmbeddings(ours),
        torchs_transformer(norm_first),
        [normal(2, 7, 12), normal(2, 5, 12, seed=2)],
        call_ours=lambda model, x, y: model(x, y, real),
        call_theirs=lambda model, x, y: model(
            x, y, tgt_mask=~attention.causal_mask(5), src_key_padding_mask=~real[:, 0, 0],
            memory_key_padding_mask=~real[:, 0, 0],
        ),
        **transformer_maps(),
    )  # fmt: skip


@pytest.mark.filterwarnings("ignore:enable_nested_tensor is True:UserWarning:torch.nn.modules.transformer")
def test_the_transformer_begins_as_torchs_does() -> None:
    ours = Transformer(9, embed_dim=64, num_layers=2, num_heads=4, hidden_dim=128).state_dict()
    theirs = transformer_maps()["to_ours"](nn.Transformer(64, 4, 2, 2, 128, batch_first=True).state_dict())
    for name in [name for name in ours if not name.endswith("embedding.weight")]:
        assert (ours[name] == 0).all() == (theirs[name] == 0).all() or name.endswith(("up.bias", "down.bias")), name
        if ours[name].dim() > 1:
            assert ours[name].abs().max().item() == pytest.approx(theirs[name].abs().max().item(), rel=0.01), name


def test_the_embeddings_of_the_transformer_by_hand() -> None:
    """Section 3.4: times sqrt(E); section 3.5: plus sin and cos of the position; the head is the same matrix."""
    model = Transformer(9, 11, embed_dim=6, num_layers=0, num_heads=3, hidden_dim=4).double()
    source, target = tokens(2, 5, 9), tokens(2, 4, 11)
    wanted = torch.zeros(2, 4, 6, dtype=torch.float64)
    for row in range(2):
        for place in range(4):
            for column in range(6):
                angle = place / 10000 ** ((column // 2 * 2) / 6)
                wave = math.cos(angle) if column % 2 else math.sin(angle)
                weight = model.head.weight[target[row, place], column].item()
                wanted[row, place, column] = weight * math.sqrt(6) + wave
    torch.testing.assert_close(
        model.eval()(source, target), wanted @ model.head.weight.T.detach(), rtol=1e-6, atol=1e-6, check_dtype=False
    )
    assert model.head.weight.shape == (11, 6)
    assert Transformer(9, embed_dim=6, num_layers=0, num_heads=3, hidden_dim=4).head.weight.shape == (9, 6)


# -- BERT --------------------------------------------------------------------------------------------------
def small_bert(dropout: float = 0.0, masked: bool = False) -> tuple[nn.Module, Any]:
    from transformers import BertConfig, BertForMaskedLM, BertModel

    config = BertConfig(
        vocab_size=31, hidden_size=24, num_hidden_layers=2, num_attention_heads=4, intermediate_size=40,
        max_position_embeddings=16, hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout,
        pad_token_id=None,  # else its embedding gets no gradient
    )  # fmt: skip
    config._attn_implementation = "eager"
    ours = bert.BERT(31, 16, 24, 2, 4, 40, dropout, pooler=not masked)
    if masked:
        return bert.MaskedLanguageModel(ours), BertForMaskedLM(config)
    return ours, BertModel(config)


def bert_inputs(batch: int = 3, length: int = 11, vocab_size: int = 31) -> list[Tensor]:
    segments = (torch.arange(length) > 4).long().repeat(batch, 1)
    real = torch.arange(length) < torch.tensor([length, length - 4, 2]).unsqueeze(1)[:batch]
    return [tokens(batch, length, vocab_size), segments, real]


def call_bert(model: Any, given: Tensor, segments: Tensor, real: Tensor) -> Any:
    found = model(input_ids=given, token_type_ids=segments, attention_mask=real.long())
    return found.logits if "logits" in found else (found.last_hidden_state, found.pooler_output)


def readable(model: nn.Module, *inputs: Tensor) -> Any:
    """Attention in the readable way: the fused function may draw dropout's numbers in another order."""
    with attention.attention_maps(model):
        return model(*inputs)


BERT_MAPPED: dict[bool, dict[str, Any]] = {
    False: {"to_ours": bert_names.to_ours, "to_theirs": bert_names.to_official, "call_theirs": call_bert},
    True: {"to_ours": bert_names.masked_to_ours, "to_theirs": bert_names.masked_to_official, "call_theirs": call_bert},
}


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_a_small_bert_is_bert(masked: bool, dropout: float) -> None:
    call = readable if dropout else None
    assert_equal_models(*small_bert(dropout, masked), bert_inputs(), call_ours=call, **BERT_MAPPED[masked])


def test_segments_and_mask_may_be_left_out() -> None:
    ours = small_bert()[0].eval().double()
    given = bert_inputs()[0]
    for one, two in zip(ours(given), ours(given, torch.zeros_like(given), given >= 0), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-12, atol=1e-12)


@pytest.mark.proof
@pytest.mark.slow
def test_bert_base_in_full_size_is_bert() -> None:
    from transformers import BertConfig, BertModel

    theirs = BertModel(BertConfig(attn_implementation="eager", pad_token_id=None))
    assert_equal_models(bert.bert_base(), theirs, bert_inputs(2, 9, 30522), modes=(False,), **BERT_MAPPED[False])
