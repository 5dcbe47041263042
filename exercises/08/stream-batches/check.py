"""Oracle: the text as one list, each number looked up by its place in the text; the picture of the task by hand."""

import numpy as np

from dlstudy.course.checking import Case


def cases(rng):
    def text(length):
        return rng.integers(0, 50, size=length)

    letters = np.array([ord(c) for c in "abcdefghijklmnopq"])

    def rows(*words):
        return np.array([[ord(c) for c in word] for word in words])

    return [
        Case(
            "the letters a to q, as in the task",
            letters,
            2,
            3,
            expected=[(rows("abc", "ijk"), rows("bcd", "jkl")), (rows("def", "lmn"), rows("efg", "mno"))],
        ),
        Case("one row", text(12), 1, 4),
        Case("windows that fill the strips exactly", text(13), 2, 3),
        Case("a text as long as a whole number of strips", text(24), 3, 4),
        Case("three rows, a rest at the end", text(41), 3, 5),
        Case("windows of one token", text(9), 2, 1),
        Case("too short for one batch", text(8), 2, 4, raises=ValueError),
    ]


def oracle(tokens, batch_size, length):
    strip, batches, n = (len(tokens) - 1) // batch_size, [], 0
    while (n + 1) * length <= strip:
        places = [[b * strip + n * length + t for t in range(length)] for b in range(batch_size)]
        batches.append(tuple(np.array([[tokens[p + ahead] for p in row] for row in places]) for ahead in (0, 1)))
        n += 1
    return batches


def run(answer, tokens, batch_size, length):
    batches = answer(tokens, batch_size, length)
    return [tuple(np.asarray(part).copy() for part in batch) for batch in batches]


def _each(change):
    return lambda solution: lambda *args: [tuple(change(part) for part in batch) for batch in solution(*args)]


AUTOMATIC = {
    "zeros": _each(lambda part: part * 0),
    "negated": _each(lambda part: -part),
    "transposed": _each(lambda part: part.T),
}
