"""The audit's other words for one program: different text, the same results."""

import ast

import pytest

from dlstudy.course.checking import rewrite
from dlstudy.course.content.exercises import all_exercise_ids, load_exercise

SOURCE = """
def f(x, k=2):
    a = x + 1
    b = x * k
    total = 0
    for i in range(3):
        total += i * a

    def inner(y, k):
        z = y + total
        return z * k

    pairs = [(i, j) for i, j in zip(range(a), range(b))]
    return total + inner(b, k=k) + len(pairs)
"""


def run(source: str) -> list[int]:
    names: dict[str, object] = {}
    exec(source, names)
    return [names["f"](x) for x in (1, 2, 5)]  # type: ignore[operator]


def stored(source: str) -> set[str]:
    return {
        node.id
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def test_renaming_changes_every_local_name_and_no_result() -> None:
    changed = rewrite.renamed(SOURCE)
    assert run(changed) == run(SOURCE)
    assert not stored(changed) & stored(SOURCE)
    assert "inner(" not in changed
    assert "def f(x, k=2)" in changed


def test_reordering_exchanges_what_is_independent_and_nothing_else() -> None:
    changed = rewrite.reordered(SOURCE)
    assert run(changed) == run(SOURCE)
    assert changed.index("b = x * k") < changed.index("a = x + 1")
    assert changed.index("a = x + 1") < changed.index("total = 0") < changed.index("for i")


@pytest.mark.parametrize(
    "body",
    [
        "a = x\n    b = a",  # reads what the first writes
        "a = b\n    b = x",  # writes what the first reads
        "a = 1\n    a = 2",  # both write
        "a = x.pop()\n    b = 1",  # may change x
        "a = 1\n    b = f(x)",  # an unknown function may do anything
        "x[0] = 1\n    b = 2",  # writes into something
        "a = x.add_(1)\n    b = 2",
        "a = 1\n    return a",
    ],
)
def test_dependent_statements_stay_in_place(body: str) -> None:
    source = f"def g(x, b=0):\n    {body}"
    assert ast.dump(ast.parse(rewrite.reordered(source))) == ast.dump(ast.parse(source))


def test_unknown_names_are_found() -> None:
    assert rewrite.unknown_names(SOURCE, ()) == []
    assert rewrite.unknown_names("def f(x: Shape):\n    return np.sum(math.pi)", ("np",)) == ["Shape", "math"]


@pytest.mark.parametrize("name", all_exercise_ids())
def test_other_words_differ_in_text(name: str) -> None:
    exercise = load_exercise(name)
    tree = ast.parse(exercise.solution)
    arguments = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}  # callers may use their names
    assert rewrite.renamed(exercise.solution) != ast.unparse(tree) or not stored(exercise.solution) - arguments
