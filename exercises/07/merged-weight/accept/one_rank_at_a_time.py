def merged_weight(weight, A, B, alpha):
    rank = A.shape[0]
    result = weight.clone()
    for k in range(rank):
        row = A[k]
        column = B[:, k].reshape(-1, *[1] * row.ndim)
        result += alpha / rank * column * row
    return result
