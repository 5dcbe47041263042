import torch


def unroll(step, state, target, bos, forced):
    """Return what a decoder says at each step while it is led along `target`: logits (B, T, V).

    `step(token, state)` is one step of the decoder: it takes a symbol (B,) for each row and gives logits (B, V) and the
    next state. The first token is `bos` in every row. target (B, T) holds the right symbols. `forced`, a list of T
    truth values, says after each step whether the next one is given the right symbol (teacher forcing) or the likeliest
    of the decoder's own.
    """
    # Start with the begin symbol; then, for each place: take a step, keep its logits, choose the next token.
    token = torch.full_like(target[:, 0], bos)
    logits = []
    for t in range(target.shape[1]):
        scores, state = step(token, state)
        logits.append(scores)
        token = target[:, t] if forced[t] else scores.argmax(1)
    return torch.stack(logits, dim=1)
