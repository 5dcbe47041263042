def leaks(train, test, size):
    """Return the numbers of the test crops that share a pixel with a training crop, in rising order, as a list.

    `train` (N, 3) and `test` (M, 3) hold a row (photo, top, left) for each crop; crops are `size` pixels a side.
    """
    found = []
    for number, (photo, top, left) in enumerate(test):
        same_photo = train[:, 0] == photo
        near = (abs(train[:, 1] - top) < size) & (abs(train[:, 2] - left) < size)
        if (same_photo & near).any():
            found.append(number)
    return found
