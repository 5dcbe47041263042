import torch


def attend_with_cache(tokens, cache, table, positions, w):
    """Return (output, cache) for new tokens (n,) that follow those in the cache.

    table (V, D) holds a vector for each token, positions (L, D) one for each position; w = (wq, wk, wv), each (D, D).
    cache is None or the pair of keys and values (S, D) of the S tokens before. output is (n, D).
    """
    wq, wk, wv = w
    start = 0 if cache is None else len(cache[0])
    n = len(tokens)
    x = table[tokens] + positions[start : start + n]
    query, key, value = x @ wq, x @ wk, x @ wv
    if cache is not None:
        key = torch.cat([cache[0], key])
        value = torch.cat([cache[1], value])
    may_see = torch.ones(n, start + n, dtype=torch.bool).tril(start)
    scores = query @ key.T / key.shape[1] ** 0.5
    weights = scores.masked_fill(~may_see, float("-inf")).softmax(-1)
    return weights @ value, (key, value)
