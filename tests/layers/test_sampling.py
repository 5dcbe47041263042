"""The next token: filters by hand, frequencies, stops; beam search against trying everything."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from dlstudy.layers import sampling


def test_filters_by_hand() -> None:
    logits = torch.tensor([[0.5, 0.1, 0.3, 0.1]]).log()
    kept = {k: sampling.top_k(logits, k).softmax(dim=-1)[0].tolist() for k in (1, 2)}
    assert kept[1] == pytest.approx([1, 0, 0, 0])
    assert kept[2] == pytest.approx([0.5 / 0.8, 0, 0.3 / 0.8, 0])
    for p, wanted in [(0.49, [1, 0, 0, 0]), (0.51, [0.625, 0, 0.375, 0]), (0.79, [0.625, 0, 0.375, 0])]:
        assert sampling.top_p(logits, p).softmax(dim=-1)[0].tolist() == pytest.approx(wanted)
    assert torch.equal(sampling.top_p(logits, 1.0), logits)
    hot, cold = (sampling.temperature(logits, t).softmax(dim=-1)[0] for t in (2.0, 0.5))
    assert hot.tolist() == pytest.approx([p**0.5 / 1.8872 for p in (0.5, 0.1, 0.3, 0.1)], rel=1e-3)
    assert cold.tolist() == pytest.approx([p**2 / 0.36 for p in (0.5, 0.1, 0.3, 0.1)], rel=1e-5)


def test_all_of_many_tokens_may_come_with_p_of_one() -> None:
    logits = torch.randn(2, 50_000, generator=torch.Generator().manual_seed(0)) * 4
    assert sampling.top_p(logits, 1.0).isfinite().all(), "sums of float32 pass 1 before the last token"


def test_a_filter_that_makes_no_sense_is_refused() -> None:
    logits = torch.zeros(1, 3)
    for t in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="temperature above 0; got"):
            sampling.temperature(logits, t)
    with pytest.raises(ValueError, match="at least one token; got k = 0"):
        sampling.top_k(logits, 0)
    for p in (0.0, 1.5, -0.1, math.nan):
        with pytest.raises(ValueError, match="0 < p <= 1; got"):
            sampling.top_p(logits, p)


def test_tokens_come_as_often_as_they_should() -> None:
    logits = torch.tensor([0.4, 0.05, 0.25, 0.2, 0.1]).log()
    generator = torch.Generator().manual_seed(3)
    drawn = sampling.pick(logits.expand(20_000, 5), 2.0, 4, 0.85, generator)
    # by hand: square roots, without the least likely, then the fewest that make 0.85
    roots = torch.tensor([0.4, 0.0, 0.25, 0.2, 0.1]).sqrt()
    shares = roots / roots.sum()
    assert shares.sort(descending=True).values.cumsum(0)[2] < 0.85  # so four stay
    counts = torch.bincount(drawn, minlength=5) / 20_000
    assert counts[1] == 0
    assert ((counts - shares).abs() < 4.5 * (shares * (1 - shares) / 20_000).sqrt() + 1e-9).all()
    assert torch.equal(sampling.pick(logits.expand(3, 5), 0), torch.zeros(3, dtype=torch.long))
    likeliest = sampling.pick(logits.expand(500, 5), 1.0, None, 0.3, generator)
    assert (likeliest == 0).all()


def chain(vocab_size: int, seed: int) -> Tensor:
    """Scores of the next token after each token."""
    return 2 * torch.randn(vocab_size, vocab_size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_a_row_that_has_stopped_stays_stopped() -> None:
    scores = torch.full((4, 4), -50.0)
    for now, then in [(0, 1), (1, 2), (2, 3), (3, 0)]:
        scores[now, then] = 0.0
    calls = []

    def next_logits(tokens: Tensor, rows: Tensor | None) -> Tensor:
        calls.append(tokens.shape[1])
        return scores[tokens[:, -1]]

    start = torch.tensor([[0], [2], [3]])
    assert sampling.sample(next_logits, start, 3, t=0).tolist() == [[0, 1, 2, 3], [2, 3, 0, 1], [3, 0, 1, 2]]
    calls.clear()
    found = sampling.sample(next_logits, start, 9, t=0, stop=2)
    assert found.tolist() == [[0, 1, 2, 2, 2], [2, 3, 0, 1, 2], [3, 0, 1, 2, 2]]
    assert calls == [1, 2, 3, 4], "and when all have stopped, no more is computed"


@pytest.mark.parametrize("length_penalty", [0.0, 0.7, 1.0, 2.0])
@pytest.mark.parametrize("seed", range(5))
def test_with_enough_beams_the_best_of_all_texts_is_found(seed: int, length_penalty: float) -> None:
    """Every text of up to four tokens is tried; a text ends with the token 0, or after four."""
    vocab_size, length = 3, 4
    scores = chain(vocab_size, seed).log_softmax(dim=-1)

    def value(text: tuple[int, ...]) -> float:
        return sum(scores[a, b].item() for a, b in itertools.pairwise((1, *text))) / len(text) ** length_penalty

    texts = [
        text
        for n in range(1, length + 1)
        for text in itertools.product(range(vocab_size), repeat=n)
        if 0 not in text[:-1] and (text[-1] == 0 or n == length)
    ]
    best = max(texts, key=value)
    options = {"stop": 0, "length_penalty": length_penalty}
    found, score = sampling.beam_search(
        lambda tokens, rows: scores[tokens[:, -1]], torch.tensor([[1]]), 4, 81, **options
    )
    assert tuple(found[0, 1 : 1 + len(best)].tolist()) == best
    assert score.item() == pytest.approx(value(best), rel=1e-5)


def test_one_beam_is_greedy_and_rows_tell_where_beams_come_from() -> None:
    scores, start = chain(7, 1), torch.tensor([[2], [5]])
    greedy = sampling.sample(lambda tokens, rows: scores[tokens[:, -1]], start, 6, t=0)
    single, _ = sampling.beam_search(lambda tokens, rows: scores[tokens[:, -1]], start, 6, 1)
    assert torch.equal(single, greedy)
    before: list[Tensor] = []

    def next_logits(tokens: Tensor, rows: Tensor | None) -> Tensor:
        if rows is None:
            assert not before
        else:
            assert torch.equal(tokens[:, :-1], before[-1][rows])
        before.append(tokens)
        return scores[tokens[:, -1]]

    sampling.beam_search(next_logits, start, 6, 4)
    assert len(before) == 6
    with pytest.raises(ValueError, match="at least one beam; got 0"):
        sampling.beam_search(next_logits, start, 6, 0)
