def attend(query, key, value, mask=None):
    """Return (output, weights) of scaled dot-product attention: each query looks at all keys, takes a mean of values.

    query (..., T, d) asks, key (..., S, d) answers, value (..., S, e) is what is fetched. mask (T, S) of booleans says
    with True which key a query may see. output is (..., T, e), weights (..., T, S).
    """
    d = query.shape[-1]
    scores = query @ key.mT / d**0.5  # (..., T, S)
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    weights = scores.softmax(-1)  # each row adds up to 1
    return weights @ value, weights
