"""A small exercise, complete and sound, that tests break in one place at a time."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dlstudy.course.content.exercises import Exercise, load_exercise

TOML = """
title = "Column means"
level = "core"
kind = "body"
order = 1
source = "solution.py:column_means"
uses = ["import numpy as np"]
task = "Return the mean of each column."
hints = ["Which axis?", "How many rows?", "Sum over the rows, then divide by their number."]
explanation = "A mean is a sum divided by a count."

[cannot]
transposed = "the result has one dimension"
float64 = "a mean keeps the dtype that came"
case-zero = "a mean treats zero like every number"
case-one = "the mean of one row is the row"

[[wrong]]
id = "sum"
find = "total / len(x)"
replace = "total"
hint = "Twice as many rows, twice the result. Should that be so?"

[[wrong]]
id = "rows"
find = "axis=0"
replace = "axis=1"
hint = "You get one number a row. Which axis vanishes in a sum?"

[[wrong]]
id = "columns"
find = "len(x)"
replace = "x.shape[1]"
hint = "You divide by the number of columns. How many numbers were added up?"
"""

SOLUTION = '''import numpy as np


def column_means(x):
    """Return the mean of each column of `x` (n, d)."""
    # add up the rows
    total = x.sum(axis=0)
    count = 1
    return total / len(x) * count
'''

CHECK = """import numpy as np

from dlstudy.course.checking import Case


def cases(rng):
    return [
        Case("a small table", np.array([[1.0, 2, 3], [3, 4, 8]]), expected=np.array([2.0, 3, 5.5])),
        Case("a square", rng.normal(size=(3, 3))),
        Case("a long table", rng.normal(size=(20, 4))),
    ]


def oracle(x):
    return np.array([sum(column) / len(column) for column in x.T.tolist()])
"""

ACCEPTED = """import numpy as np


def column_means(x):
    return np.einsum("nd->d", x) / x.shape[0]
"""

Change = tuple[str, str]


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Exercise]:
    """Write the exercise with some texts replaced, and load it: `make(toml=(old, new), check=[(old, new), ...])`."""

    def build(
        toml: Change | list[Change] = (), check: Change | list[Change] = (), solution: Change | list[Change] = (),
        accepted: str | None = ACCEPTED, load: bool = True,
    ) -> Exercise:  # fmt: skip
        folder = tmp_path / "90" / "column-means"
        (folder / "accept").mkdir(parents=True, exist_ok=True)
        for name, text, changes in (("exercise.toml", TOML, toml), ("check.py", CHECK, check),
                                    ("solution.py", SOLUTION, solution)):  # fmt: skip
            for old, new in [changes] if isinstance(changes, tuple) and changes else changes:
                assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {name}"
                text = text.replace(old, new)
            (folder / name).write_text(text, encoding="utf-8")
        if accepted is not None:
            (folder / "accept" / "einsum.py").write_text(accepted, encoding="utf-8")
        return load_exercise("90/column-means", tmp_path) if load else None

    return build
