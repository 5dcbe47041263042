"""Oracle: NumPy broadcasts two arrays that take no memory, and tells the shape of what it got."""

from html import escape

import numpy as np

from dlstudy.course.checking import Case


def cases(rng):
    m, n = (int(size) for size in rng.choice(np.arange(2, 9), 2, replace=False))
    return [
        Case("a column and a row", (3, 1), (4,), expected=(3, 4)),
        Case("a photo and three factors", (400, 600, 3), (3,), expected=(400, 600, 3)),
        Case("the shorter shape comes first", (5,), (2, 1), expected=(2, 5)),
        Case("the example of the task", (8, 1, 5), (4, 5), expected=(8, 4, 5)),
        Case("equal shapes", (m, n), (m, n)),
        Case("a single number", (), (m, n)),
        Case("two single numbers", (), (), expected=()),
        Case("ones on both sides", (1, m, 1), (n, 1, 1)),
        Case("an empty batch", (0, 3), (1, 3), expected=(0, 3)),
        Case("an empty batch, the other way round", (1,), (0,), expected=(0,)),
        Case("five dimensions and two", (2, 1, m, 1, n), (m + 1, 1), expected=(2, 1, m, m + 1, n)),
        Case("two empty batches", (0, 3), (0, 1), expected=(0, 3)),
        Case("ones alone", (1, 1), (1,), expected=(1, 1)),
        Case("sizes that do not fit", (3,), (4,), raises=ValueError),
        Case("sizes that do not fit, and not in the last dimension", (2, 1, 3), (4, 5, 3), raises=ValueError),
        Case("sizes that do not fit, the larger one a multiple", (2, 3), (4, 3), raises=ValueError),
        Case("a full batch and an empty one", (2, 3), (0, 3), raises=ValueError),
        Case("four predictions and two targets", (4,), (2,), raises=ValueError),
        Case("they would fit at the left", (3, 4), (3,), raises=ValueError),
        Case("an empty batch and a full one", (0, 3), (2, 3), raises=ValueError),
    ]


def oracle(a, b):
    return np.broadcast(np.broadcast_to(1.0, a), np.broadcast_to(1.0, b)).shape


def picture(expected, got, a, b):
    """Both shapes right-aligned above the result, with the sizes that are wrong or missing in a box."""
    if not isinstance(got, tuple | list) or len(got) > 12:
        return ""
    rows = [("a", a), ("b", b), ("expected", expected), ("your result", got)]
    width = max(len(shape) for _, shape in rows)
    parts = []
    for line, (name, shape) in enumerate(rows):
        y = 20 + 24 * line
        parts.append(f'<text x="8" y="{y}">{name}</text>')
        for column in range(width):
            x = 120 + 44 * (width - column)
            size, right = (row[-1 - column] if column < len(row) else None for row in (shape, expected))
            if size is not None:
                parts.append(f'<text x="{x}" y="{y}" text-anchor="end">{escape(str(size)[:4])}</text>')
            if line == 3 and size != right:
                box = f'x="{x - 36}" y="{y - 16}" width="42" height="22"'
                parts.append(f'<rect {box} fill="none" stroke="#D55E00" stroke-width="2"/>')
    label = escape(f"Shapes {a} and {b} give {expected}; your result is {tuple(got)}.")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{label}" viewBox="0 0 {136 + 44 * width} 104" '
        f'width="{136 + 44 * width}" height="104" fill="currentColor" font-family="monospace" font-size="14">'
        f"<title>{label}</title>{''.join(parts)}</svg>"
    )
