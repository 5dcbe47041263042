"""From the scores of the next token to text: the likeliest token, a drawn one, or the likeliest sentence.

Letters of the shapes: B examples, K beams, T tokens so far, V tokens of the vocabulary. Scores ("logits") are not yet
softmax. A token that must not come has the score -inf.

Top-k: Fan, Lewis, Dauphin, "Hierarchical Neural Story Generation", 2018 (arXiv 1805.04833). Top-p, or nucleus: Holtzman
et al., "The Curious Case of Neural Text Degeneration", 2019 (arXiv 1904.09751). The tests hold each filter, and whole
generated texts, against the transformers library.
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float, Int64
from torch import Tensor

NextLogits = Callable[[Tensor, Tensor | None], Tensor]
"""A model as the loops below see it: tokens (N, T), and for each row the row of the call before that it goes on from
(None: each its own), give the scores (N, V) of the next token. A model with a cache keeps the rows of it in step."""


def greedy(logits: Float[Tensor, "*batch V"]) -> Int64[Tensor, "*batch"]:
    """Return the likeliest token."""
    return logits.argmax(dim=-1)


def temperature(logits: Float[Tensor, "*batch V"], t: float) -> Float[Tensor, "*batch V"]:
    """Divide the scores by `t`: below 1 the likely tokens gain, above 1 the unlikely. ValueError unless t > 0."""
    if not t > 0:
        raise ValueError(f"expected a temperature above 0; got {t}")
    return logits / t


def top_k(logits: Float[Tensor, "*batch V"], k: int) -> Float[Tensor, "*batch V"]:
    """Keep the `k` likeliest tokens (and what is exactly as likely as the last of them); ValueError unless k >= 1."""
    if k < 1:
        raise ValueError(f"expected to keep at least one token; got k = {k}")
    last_kept = logits.topk(min(k, logits.shape[-1])).values[..., -1:]
    return logits.masked_fill(logits < last_kept, -math.inf)


def top_p(logits: Float[Tensor, "*batch V"], p: float) -> Float[Tensor, "*batch V"]:
    """Keep the fewest tokens that have the probability `p` together: all those before which less than p has come.

    ValueError unless 0 < p <= 1.
    """
    if not 0 < p <= 1:
        raise ValueError(f"expected a probability 0 < p <= 1; got {p}")
    if p == 1:
        return logits
    ordered, order = logits.sort(dim=-1, descending=True)
    probability = ordered.softmax(dim=-1)
    before = probability.cumsum(dim=-1) - probability  # of all the tokens that are likelier; 0 for the first
    drop = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, order, before >= p)  # back into the old order
    return logits.masked_fill(drop, -math.inf)


def pick(
    logits: Float[Tensor, "B V"],
    t: float = 1.0,
    k: int | None = None,
    p: float | None = None,
    generator: torch.Generator | None = None,
) -> Int64[Tensor, " B"]:
    """Draw the next token after temperature `t`, then top-k, then top-p; `t = 0` stands for the likeliest token."""
    if t == 0:
        return greedy(logits)
    logits = temperature(logits.float(), t)
    if k is not None:
        logits = top_k(logits, k)
    if p is not None:
        logits = top_p(logits, p)
    return torch.multinomial(logits.softmax(dim=-1), 1, generator=generator).squeeze(-1)


def sample(
    next_logits: NextLogits,
    tokens: Int64[Tensor, "B T"],
    max_new_tokens: int,
    *,
    t: float = 1.0,
    k: int | None = None,
    p: float | None = None,
    stop: int | None = None,
    generator: torch.Generator | None = None,
) -> Int64[Tensor, "B U"]:
    """Continue each row token by token; see `pick` for t, k and p.

    A row that has come to the token `stop` is filled up with it, and when all have, the loop ends.
    """
    done = torch.zeros(tokens.shape[0], dtype=torch.bool, device=tokens.device)
    for _ in range(max_new_tokens):
        new = pick(next_logits(tokens, None), t, k, p, generator)  # (B,)
        if stop is not None:
            new = new.masked_fill(done, stop)
            done |= new == stop
        tokens = torch.cat([tokens, new.unsqueeze(1)], dim=1)  # (B, T + 1)
        if stop is not None and done.all():
            break
    return tokens


def beam_search(
    next_logits: NextLogits,
    tokens: Int64[Tensor, "B T"],
    max_new_tokens: int,
    num_beams: int,
    *,
    stop: int | None = None,
    length_penalty: float = 1.0,
) -> tuple[Int64[Tensor, "B U"], Float[Tensor, " B"]]:
    """Look for the likeliest continuation with `num_beams` of them in hand, and return it with its score.

    The score of a continuation of n tokens is the sum of its log-probabilities over n to the power `length_penalty`: 0
    prefers short ones, for every token makes a text less likely; 1 takes the mean. The search for an example ends when
    `num_beams` continuations have come to `stop` and the best one that still runs, scored at its present length, is no
    better than the worst of these. Rows are filled up with `stop`. ValueError for less than one beam.
    """
    if num_beams < 1:
        raise ValueError(f"expected at least one beam; got {num_beams}")
    batch, start = tokens.shape
    examples = torch.arange(batch, device=tokens.device).unsqueeze(1)  # (B, 1)
    running = tokens.unsqueeze(1).repeat(1, num_beams, 1)  # (B, K, T)
    totals = torch.full((batch, num_beams), -math.inf, device=tokens.device)  # log-probability of each beam
    totals[:, 0] = 0.0  # all beams begin alike: only one of them may go on
    rows: Tensor | None = None
    filling = 0 if stop is None else stop
    best = tokens.new_full((batch, num_beams, start + max_new_tokens), filling)  # finished continuations, best first
    best[:, :, :start] = running
    best_scores = torch.full_like(totals, -math.inf)
    best_lengths = torch.full((batch, num_beams), start, device=tokens.device)
    open_ = torch.ones(batch, 1, dtype=torch.bool, device=tokens.device)  # examples that can still improve

    for n in range(1, max_new_tokens + 1):
        logits = next_logits(running.flatten(0, 1), rows).float()  # (B K, V)
        vocab_size = logits.shape[-1]
        each = totals.unsqueeze(-1) + logits.log_softmax(dim=-1).view(batch, num_beams, vocab_size)  # (B, K, V)
        # Twice as many as beams: even if half of them stop, enough go on.
        found, place = each.flatten(1).topk(min(2 * num_beams, num_beams * vocab_size))  # (B, 2 K)
        beam, new = place // vocab_size, place % vocab_size
        candidates = torch.cat([running[examples, beam], new.unsqueeze(-1)], dim=2)  # (B, 2 K, T + n)
        ended = torch.full_like(new, n == max_new_tokens, dtype=torch.bool)
        if stop is not None:
            ended |= new == stop

        # Of the best K candidates, those that have ended compete with the ones that ended before.
        scores = (found / n**length_penalty).masked_fill(~(ended & open_), -math.inf)[:, :num_beams]
        best_scores, keep = torch.cat([best_scores, scores], dim=1).topk(num_beams)  # (B, K)
        fresh = best[:, :, :].clone()
        fresh[:, :, : start + n] = candidates[:, :num_beams]
        fresh[:, :, start + n :] = filling
        best = torch.cat([best, fresh], dim=1)[examples, keep]
        lengths = torch.full_like(best_lengths, start + n)
        best_lengths = torch.cat([best_lengths, lengths], dim=1)[examples, keep]

        # The best K that have not ended go on.
        totals, keep = found.masked_fill(ended, -math.inf).topk(num_beams)
        running = candidates[examples, keep]
        rows = (examples * num_beams + beam[examples, keep]).flatten()
        open_ = open_ & (totals[:, :1] / n**length_penalty > best_scores.min(dim=1, keepdim=True).values)
        if not open_.any():
            break
    return best[:, 0, : int(best_lengths[:, 0].max())], best_scores[:, 0]
