def leaks(train, test, size):
    def pixels(photo, top, left):
        return {(photo, top + i, left + j) for i in range(size) for j in range(size)}

    seen = set()
    for crop in train.tolist():
        seen |= pixels(*crop)
    return [n for n, crop in enumerate(test.tolist()) if seen & pixels(*crop)]
