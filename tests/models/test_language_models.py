"""What holds for models of text: no look ahead, cached decoding is full decoding, filling plays no part, generation."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from dlstudy.models import bert, gpt, transformer
from tests.parity.tools import off_initial_values


def tokens(batch: int, length: int, vocab_size: int = 23, seed: int = 1) -> Tensor:
    return torch.randint(vocab_size, (batch, length), generator=torch.Generator().manual_seed(seed))


def lively(model: nn.Module) -> nn.Module:
    """In float64, and with weights so large that every input matters to every output."""
    off_initial_values(model)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(0.4 / parameter.std())
    return model.double().eval()


def small_gpt(dropout: float = 0.0, context: int = 16) -> gpt.GPT:
    torch.manual_seed(0)
    model = lively(gpt.GPT(23, context, 16, 2, 4, dropout))
    assert isinstance(model, gpt.GPT)
    return model


def small_transformer(norm_first: bool = False, dropout: float = 0.0, seed: int = 0) -> transformer.Transformer:
    torch.manual_seed(seed)
    model = transformer.Transformer(
        23, 19, embed_dim=16, num_layers=2, num_heads=4, hidden_dim=24, dropout=dropout, norm_first=norm_first
    )
    lively(model)
    return model


def small_bert() -> bert.BERT:
    torch.manual_seed(0)
    model = lively(bert.BERT(23, 16, 16, 2, 4, dropout=0.0))
    assert isinstance(model, bert.BERT)
    return model


Read = Callable[[Tensor], Tensor]


def decoders() -> dict[str, tuple[Read, nn.Embedding]]:
    """What reads from left to right, as a function of its tokens, and the embedding that they go through."""
    found: dict[str, tuple[Read, nn.Embedding]] = {}
    model = small_gpt()
    found["gpt"] = (model, model.token_embedding)
    for name, norm_first in (("transformer", False), ("norm first", True)):
        other = small_transformer(norm_first)
        found[name] = ((lambda target, other=other: other(tokens(2, 5), target)), other.head)
    return found


@pytest.mark.parametrize("kind", ["gpt", "transformer", "norm first"])
def test_no_token_influences_what_comes_before_it(kind: str) -> None:
    model, embedding = decoders()[kind]
    given = tokens(2, 9, 19)
    wanted = model(given)
    for place in range(9):
        other = given.clone()
        other[:, place] = (other[:, place] + 1) % 19
        found = model(other)
        assert torch.equal(found[:, :place], wanted[:, :place])
        assert ((found[:, place:] - wanted[:, place:]).abs().amax(dim=-1) > 1e-6).all(), "and all that come after it"

    vectors: list[Tensor] = []

    def keep(module: nn.Module, args: object, output: Tensor) -> Tensor:
        vectors.append(output.detach().requires_grad_())
        return vectors[-1]

    hook = embedding.register_forward_hook(keep)
    result = model(given)
    hook.remove()
    for place in range(9):
        (gradient,) = torch.autograd.grad(result[:, place].pow(2).sum(), vectors[-1], retain_graph=True)
        assert (gradient[:, place + 1 :] == 0).all()
        assert (gradient[:, : place + 1].abs().amax(dim=-1) > 1e-9).all()


def test_bert_looks_both_ways() -> None:
    model, given = small_bert(), tokens(2, 9)
    wanted = model(given)[0]
    for place in range(9):
        other = given.clone()
        other[:, place] = (other[:, place] + 1) % 23
        assert ((model(other)[0] - wanted).abs().amax(dim=-1) > 1e-6).all()


def test_what_stands_in_the_filling_does_not_matter_to_bert() -> None:
    model, given = small_bert(), tokens(3, 9)
    lengths = torch.tensor([9, 5, 1])
    real = torch.arange(9) < lengths.unsqueeze(1)
    other = torch.where(real, given, tokens(3, 9, seed=7))
    assert not torch.equal(given, other)
    wanted = model(given, mask=real)
    for one, two in zip(model(other, mask=real), wanted, strict=True):
        one, two = (value if value.dim() == 2 else value[real] for value in (one, two))
        torch.testing.assert_close(one, two, rtol=1e-11, atol=1e-11)
    for row, length in enumerate(lengths):  # and without any
        vectors, pooled = model(given[row : row + 1, :length])
        torch.testing.assert_close(vectors[0], wanted[0][row, :length], rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(pooled[0], wanted[1][row], rtol=1e-10, atol=1e-10)
    with pytest.raises(ValueError, match="there are 16 positions; got a sequence of 17"):
        model(tokens(1, 17))


def test_without_positions_bert_does_not_know_the_order() -> None:
    model, given, order = small_bert(), tokens(2, 6), torch.tensor([3, 0, 5, 1, 4, 2])
    assert not model(given[:, order])[0].allclose(model(given)[0][:, order], atol=1e-3)
    with torch.no_grad():
        model.positions.weight.zero_()
    torch.testing.assert_close(model(given[:, order])[0], model(given)[0][:, order], rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("norm_first", [False, True])
def test_what_stands_in_the_filling_does_not_matter_to_the_transformer(norm_first: bool) -> None:
    model, source, target = small_transformer(norm_first), tokens(3, 7), tokens(3, 5, 19, seed=2)
    lengths = torch.tensor([7, 4, 1])
    real = torch.arange(7) < lengths.unsqueeze(1)
    wanted = model(source, target, real)
    torch.testing.assert_close(model(torch.where(real, source, 0), target, real), wanted, rtol=1e-11, atol=1e-11)
    for row, length in enumerate(lengths):
        alone = model(source[row : row + 1, :length], target[row : row + 1])
        torch.testing.assert_close(alone[0], wanted[row], rtol=1e-10, atol=1e-10)
    without = model(source, target)
    assert not without[1].allclose(wanted[1], atol=1e-3)
    torch.testing.assert_close(without[0], wanted[0], rtol=1e-11, atol=1e-11)


PIECES = pytest.mark.parametrize("pieces", [(1,) * 9, (9,), (4, 1, 1, 3), (1, 8), (2, 5, 2)])


@PIECES
def test_gpt_piece_by_piece_is_gpt_at_once(pieces: tuple[int, ...]) -> None:
    model, given = small_gpt(), tokens(3, 9)
    cache = model.new_cache()
    found = torch.cat([model(piece, cache) for piece in given.split(pieces, dim=1)], dim=1)
    torch.testing.assert_close(found, model(given), rtol=1e-10, atol=1e-10)
    assert [part.length for part in cache] == [9, 9]


@PIECES
@pytest.mark.parametrize("norm_first", [False, True])
def test_the_decoder_piece_by_piece_is_the_decoder_at_once(pieces: tuple[int, ...], norm_first: bool) -> None:
    model, source, target = small_transformer(norm_first), tokens(3, 7), tokens(3, 9, 19)
    real = torch.arange(7) < torch.tensor([[7], [4], [1]])
    memory, cache = model.encode(source, real), model.new_cache()
    found = torch.cat([model.decode(piece, memory, real, cache) for piece in target.split(pieces, dim=1)], dim=1)
    torch.testing.assert_close(found, model(source, target, real), rtol=1e-10, atol=1e-10)


@PIECES
def test_filling_before_a_prompt_does_not_matter(pieces: tuple[int, ...]) -> None:
    model, given = small_gpt(), tokens(3, 9)
    padding = torch.tensor([0, 3, 8])
    whole = model(given, padding=padding)
    for row, filling in enumerate(padding):
        alone = model(given[row : row + 1, filling:])
        torch.testing.assert_close(alone[0], whole[row, filling:], rtol=1e-10, atol=1e-10)
    cache = model.new_cache()
    found = torch.cat([model(piece, cache, padding) for piece in given.split(pieces, dim=1)], dim=1)
    for row, filling in enumerate(padding):
        torch.testing.assert_close(found[row, filling:], whole[row, filling:], rtol=1e-10, atol=1e-10)
    assert whole.isfinite().all()


def test_a_text_longer_than_the_context_is_refused() -> None:
    model, cache = small_gpt(), small_gpt().new_cache()
    with pytest.raises(ValueError, match="at most 16 tokens, the context length; got 17"):
        model(tokens(1, 17))
    model(tokens(1, 12), cache)
    with pytest.raises(ValueError, match="at most 16 tokens, the context length; got 17"):
        model(tokens(1, 5), cache)
    with pytest.raises(ValueError, match="at least one token"):
        model.generate(tokens(2, 0), 3)
    with pytest.raises(ValueError, match="at least one token"):
        model.generate(tokens(2, 3)[0], 3)


HOW: dict[str, dict[str, float]] = {
    "greedy": {"temperature": 0},
    "drawn": {"temperature": 1.3},
    "top-k and top-p": {"top_k": 9, "top_p": 0.8},
    "beams": {"num_beams": 4},
    "beams with a stop": {"num_beams": 4, "stop": 3, "length_penalty": 0.5},
    "drawn with a stop": {"stop": 3},
}


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("how", HOW)
def test_the_cache_changes_no_text_even_beyond_the_context(how: str, padded: bool) -> None:
    model, prompt = small_gpt(context=8), tokens(3, 5)
    padding = torch.tensor([0, 2, 4]) if padded else None
    texts = [
        model.generate(
            prompt, 12, use_cache=use_cache, padding=padding, generator=torch.Generator().manual_seed(5), **HOW[how]
        )
        for use_cache in (True, False)
    ]
    assert torch.equal(*texts)
    assert torch.equal(texts[0][:, :5], prompt)


def test_beyond_the_context_the_last_tokens_decide() -> None:
    model, prompt = small_gpt(context=8), tokens(2, 5)
    text = model.generate(prompt, 12, temperature=0)
    assert text.shape == (2, 17)
    for end in range(5, 17):
        wanted = model(text[:, max(end - 8, 0) : end])[:, -1].argmax(dim=-1)
        assert torch.equal(text[:, end], wanted)


@pytest.mark.parametrize("how", ["greedy", "beams", "beams with a stop"])
def test_each_prompt_of_a_batch_is_continued_as_if_alone(how: str) -> None:
    model, prompt, padding = small_gpt(context=8), tokens(3, 5), torch.tensor([0, 2, 4])
    together = model.generate(prompt, 12, padding=padding, **HOW[how])
    for row, filling in enumerate(padding):
        alone = model.generate(prompt[row : row + 1, filling:], 12, **HOW[how])[0, 5 - filling :]
        assert torch.equal(together[row, 5 : 5 + len(alone)], alone)


def test_dropout_is_off_while_a_text_is_written_and_on_again_afterwards() -> None:
    model, prompt = small_gpt(dropout=0.5), tokens(2, 4)
    wanted = model.generate(prompt, 9, temperature=0)
    model.train()
    assert torch.equal(model.generate(prompt, 9, temperature=0), wanted)
    assert model.training
    assert model.blocks[0].attention.training
    with pytest.raises(ValueError, match="at least one token"):
        model.generate(prompt, 3, top_k=0)
    assert model.training


def test_the_same_generator_writes_the_same_text() -> None:
    model, prompt = small_gpt(), tokens(2, 4)
    one, two, three = (model.generate(prompt, 9, generator=torch.Generator().manual_seed(n)) for n in (1, 1, 2))
    assert torch.equal(one, two)
    assert not torch.equal(one, three)


def writer(seed: int) -> transformer.Transformer:
    """A model that does not write the same token again and again: more of it comes from attention, less from itself."""
    model = small_transformer(norm_first=True, seed=seed)
    with torch.no_grad():
        model.head.weight.mul_(0.5)
        for name, parameter in model.named_parameters():
            if name.endswith(("v_proj.weight", "out_proj.weight")):
                parameter.mul_(4)
    return model


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("how", HOW)
def test_the_transformer_writes_the_same_with_and_without_cache(how: str, seed: int) -> None:
    model, source = writer(seed), tokens(3, 7, seed=seed + 1)
    real = torch.arange(7) < torch.tensor([[7], [4], [1]])
    texts = [
        model.generate(
            source, 9, start=1, source_mask=real, use_cache=use, generator=torch.Generator().manual_seed(5), **HOW[how]
        )
        for use in (True, False)
    ]
    assert torch.equal(*texts)
    assert (texts[0][:, 0] == 1).all()
    assert not torch.equal(texts[0][0], texts[0][1]), "each source has its text"
    if how in ("greedy", "beams"):
        for row, length in enumerate((7, 4, 1)):
            alone = model.generate(source[row : row + 1, :length], 9, start=1, **HOW[how])
            assert torch.equal(alone[0], texts[0][row])
    if how == "greedy":
        again = model(source, texts[0][:, :-1], real).argmax(dim=-1)
        assert torch.equal(again, texts[0][:, 1:])


def test_a_pooler_that_nothing_trains_is_refused() -> None:
    with pytest.raises(ValueError, match="pooler=False"):
        bert.MaskedLanguageModel(bert.BERT(23, 16, 16, 1, 4))


def test_the_additions_to_the_residual_path_do_not_grow_with_the_depth() -> None:
    """What the smaller start of the last matrices is for (GPT-2, section 2.3)."""
    spreads = {}
    for layers in (2, 32):
        torch.manual_seed(0)
        model = gpt.GPT(50, 16, 64, layers, 4)
        x = model.positions(model.token_embedding(tokens(4, 16, 50)))
        begin = x
        for block in model.blocks:
            x = block(x)
        spreads[layers] = (x - begin).std().item()
    assert spreads[32] / spreads[2] == pytest.approx(1.0, abs=0.25)
