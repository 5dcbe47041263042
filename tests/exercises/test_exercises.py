"""Reading an exercise's folder: what it makes of a good one, and what it says about a bad one."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlstudy.course.content import stubs
from dlstudy.course.content.exercises import ExerciseError, all_exercise_ids, exercise_ids, load_exercise


def test_the_stub_keeps_signature_docstring_and_comments(make: Callable[..., Any]) -> None:
    exercise = make()
    assert exercise.stub == (
        "def column_means(x):\n"
        '    """Return the mean of each column of `x` (n, d)."""\n'
        "    # add up the rows\n"
        '    raise NotImplementedError("your turn")\n'
    )
    assert exercise.stub_file == f"import numpy as np\n\n\n{exercise.stub}"
    assert (exercise.lesson, exercise.slug, exercise.function) == ("90", "column-means", "column_means")
    assert (exercise.cell_name, exercise.names) == ("exercise_column_means", ("np",))


TAIL = "    count = 1\n    return total / len(x) * count\n"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ('kind = "signature"', '    raise NotImplementedError("your turn")\n'),
        ('kind = "body"\ncomments = "none"', '    raise NotImplementedError("your turn")\n'),
        ('kind = "body"\ncomments = ["rows"]', '    # add up the rows\n    raise NotImplementedError("your turn")\n'),
        (
            'kind = "one-line"\ncut = "total = x.sum(axis=0)"\ntodo = "add up"',
            '    # add up the rows\n    raise NotImplementedError("your turn: add up")\n' + TAIL,
        ),
        (
            'kind = "bug-hunt"\nbug = "rows"\nsymptom = "The result is too short."',
            "    # add up the rows\n    total = x.sum(axis=1)\n    count = 1\n    return total / len(x) * count\n",
        ),
        (
            'kind = "body"\nblanks = [{ find = "axis=0", replace = "axis=..." }]',
            "    # add up the rows\n    total = x.sum(axis=...)\n    count = 1\n    return total / len(x) * count\n",
        ),
    ],
)
def test_each_kind_cuts_its_own_stub(kind: str, expected: str, make: Callable[..., Any]) -> None:
    exercise = make(toml=('kind = "body"', kind))
    head = 'def column_means(x):\n    """Return the mean of each column of `x` (n, d)."""\n'
    assert exercise.stub == head + expected
    assert exercise.is_stub(exercise.stub)
    assert exercise.is_stub(exercise.stub_file + "\n# a remark\n")
    assert not exercise.is_stub(exercise.solution)


def test_a_stub_is_recognised_by_its_code_alone(make: Callable[..., Any]) -> None:
    exercise = make()
    assert exercise.is_stub("import numpy as np\nx = 1\ndef column_means(x):\n  raise NotImplementedError('your turn')")
    assert not exercise.is_stub(exercise.stub.replace("your turn", "mine"))
    assert not exercise.is_stub("def column_means(x): return (")
    assert not exercise.is_stub("")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (('title = "Column means"\n', ""), '"title" is missing'),
        (('title = "Column means"', "title = 3"), '"title" must be a text'),
        (('level = "core"', 'level = "hard"'), '"level" must be one of core, further, and is'),
        (('kind = "body"', 'kind = "essay"'), '"kind" must be one of body, bug-hunt, one-line, signature'),
        (('kind = "body"', 'kind = "one-line"'), 'a one-line exercise needs "cut"'),
        (('kind = "body"', 'kind = "bug-hunt"'), 'a bug-hunt exercise needs "bug"'),
        (('kind = "body"', 'kind = "bug-hunt"\nbug = "none"\nsymptom = "x"'), "no wrong answer called 'none'"),
        (("order = 1", 'order = "1"'), '"order" must be a whole number'),
        (("order = 1", "order = 1\nhnits = []"), '"hnits" is unknown'),
        (('uses = ["import numpy as np"]', 'uses = ["np"]'), "import lines"),
        (('"How many rows?"', '" "'), '"hints 2" must be a text that is not empty'),
        (('id = "rows"', 'id = "sum"'), "two wrong answers are called 'sum'"),
        (('find = "axis=0"', 'fnid = "axis=0"'), 'wrong "rows": the key "fnid" is unknown; known keys: id, hint, find'),
        (('replace = "axis=1"\n', ""), 'wrong "rows": a wrong answer needs "find" and "replace"'),
        (('hint = "You get one', 'outcome = "timeout"\nhint = "You get one'), 'wrong "rows": "on" must name the case'),
        (
            ('transposed = "the result has one dimension"', "transposed = 1"),
            'cannot: "transposed" must be a text, and is 1',
        ),
        (('title = "Column means"', 'title = "Column means'), "is not TOML"),
    ],
)
def test_a_bad_text_is_told_in_a_sentence(change: tuple[str, str], sentence: str, make: Callable[..., Any]) -> None:
    with pytest.raises(ExerciseError, match="90/column-means") as caught:
        make(toml=change)
    assert sentence in str(caught.value)


def test_what_is_missing_is_named(make: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(ExerciseError, match=r"no exercise 90/colum-means\. Exercises of this lesson: none"):
        load_exercise("90/colum-means", tmp_path)
    exercise = make()
    with pytest.raises(ExerciseError, match="90/column-means"):
        load_exercise("90/nothing", tmp_path)
    (exercise.folder / "solution.py").unlink()
    with pytest.raises(ExerciseError, match=r"column-means/solution\.py is missing"):
        _ = load_exercise("90/column-means", tmp_path).solution


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("dlstudy.scratch.shapes:flat_indx", "nothing called flat_indx"),
        ("dlstudy.scratch.shape:flat_index", "no module dlstudy.scratch.shape"),
        ("os.path:join", "should read"),
        ("solution.py:means", "nothing called means"),
    ],
)
def test_a_source_that_is_not_there(source: str, sentence: str, make: Callable[..., Any]) -> None:
    exercise = make(toml=("solution.py:column_means", source))
    with pytest.raises(ExerciseError, match=sentence):
        _ = exercise.solution


def test_a_mistake_may_have_several_forms(make: Callable[..., Any]) -> None:
    exercise = make(toml=('find = "axis=0"\nreplace = "axis=1"\n', ""))
    with pytest.raises(ExerciseError, match=r"'rows' has neither edits nor a file wrong/rows\.py"):
        exercise.wrong_sources(exercise.wrong_answer("rows"))
    (exercise.folder / "wrong").mkdir()
    for name in ("rows.py", "rows.loop.py", "sum.2.py"):
        (exercise.folder / "wrong" / name).write_text(f"# {name}\n", encoding="utf-8")
    forms = {wrong.id: [form for form, _ in exercise.wrong_sources(wrong)] for wrong in exercise.wrong}
    assert forms == {
        "sum": ["edits", "wrong/sum.2.py"],
        "rows": ["wrong/rows.loop.py", "wrong/rows.py"],
        "columns": ["edits"],
    }


def test_exercises_come_in_the_order_of_the_page(make: Callable[..., Any], tmp_path: Path) -> None:
    text = (make().folder / "exercise.toml").read_text(encoding="utf-8")
    for slug, order in (("z-first", 0), ("a-last", 2)):
        (tmp_path / "90" / slug).mkdir()
        changed = text.replace("order = 1", f"order = {order}")
        (tmp_path / "90" / slug / "exercise.toml").write_text(changed, encoding="utf-8")
    (tmp_path / "90" / "broken").mkdir()
    (tmp_path / "90" / "broken" / "exercise.toml").write_text("order = ", encoding="utf-8")
    expected = ["90/z-first", "90/column-means", "90/a-last", "90/broken"]
    assert exercise_ids("90", tmp_path) == expected
    assert all_exercise_ids(tmp_path) == expected
    assert exercise_ids("91", tmp_path) == []


def test_types_leave_the_signature_and_nothing_else() -> None:
    source = (
        "def f(a: int, *rest: Sequence[int], b: float = 2.0, c: dict[str,\n        int] | None = None, **more: Any)"
        " -> tuple[int, ...]:\n"
        "    total: int = a  # ->: stays\n"
        '    return {"x": total, "é": (lambda y: y)(b)}\n'
    )
    assert stubs.without_annotations(source) == (
        "def f(a, *rest, b=2.0, c=None, **more):\n"
        "    total: int = a  # ->: stays\n"
        '    return {"x": total, "é": (lambda y: y)(b)}\n'
    )


def test_a_class_keeps_its_methods_heads() -> None:
    source = (
        "class Counter:\n"
        '    """Counts."""\n\n'
        "    def __init__(self,\n                 start=0):\n"
        "        # where to begin\n"
        "        self.n = start\n\n"
        "    def add(self, k):\n"
        '        """Add k."""\n'
        "        self.n += k\n"
    )
    placeholder = '        raise NotImplementedError("your turn")\n'
    assert stubs.emptied(source) == (
        "class Counter:\n"
        '    """Counts."""\n\n'
        "    def __init__(self,\n                 start=0):\n"
        f"        # where to begin\n{placeholder}\n"
        "    def add(self, k):\n"
        f'        """Add k."""\n{placeholder}'
    )


def test_a_method_and_its_decorator_are_found() -> None:
    text = "class A:\n    @staticmethod\n    def f(x):\n        return x\n\n\ndef f():\n    pass\n"
    assert stubs.definition(text, "A.f") == "@staticmethod\ndef f(x):\n    return x\n"
    assert stubs.definition(text, "f") == "def f():\n    pass\n"


def test_library_source_is_what_the_module_says() -> None:
    import inspect

    from dlstudy.scratch import shapes

    assert stubs.library_source("dlstudy.scratch.shapes:flat_index") == inspect.getsource(shapes.flat_index)


def test_reading_exercises_imports_neither_numpy_nor_torch() -> None:
    code = (
        "import sys; from dlstudy.course.content import exercises\n"
        "for name in exercises.all_exercise_ids(): exercises.load_exercise(name).stub\n"
        "print(sorted({'numpy', 'torch', 'marimo'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
