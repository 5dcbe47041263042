import torch
import torch.nn.functional as F


def next_token_loss(logits, tokens, pad=None):
    """Return the mean cross-entropy of guessing, at every position, the token that comes next.

    logits (B, T, V): at position t what the model says after reading tokens 0 to t. tokens (B, T). Guesses of the token
    `pad`, which fills up short sequences, do not count. The result has no axes.
    """
    guesses = logits[:, :-1]  # the last position has nothing to guess
    targets = tokens[:, 1:]  # the first token is guessed by nobody
    losses = F.cross_entropy(guesses.flatten(0, 1), targets.flatten(), reduction="none")
    counts = torch.ones_like(losses) if pad is None else (targets.flatten() != pad).to(losses.dtype)
    return (losses * counts).sum() / counts.sum()
