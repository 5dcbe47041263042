"""Every exercise of the course passes its audit, and the audit finds what it should: each rule, broken on purpose."""

# ruff: noqa: E501  (one broken exercise a line reads best)

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dlstudy.course.checking.audit import audit
from dlstudy.course.checking.automatic import NEW_KINDS
from dlstudy.course.checking.caserules import RULES
from dlstudy.course.checking.verdict import Verdict
from dlstudy.course.checking.worker import Worker
from dlstudy.course.content.exercises import all_exercise_ids
from tests.exercises.pending import PENDING


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Worker() as made:
        yield made


def each_exercise() -> Iterator[Any]:
    """Every exercise of the course; `make check` takes the first of each lesson, `make test` all."""
    lessons = set()
    for name in all_exercise_ids():
        lesson = name.partition("/")[0]
        yield pytest.param(name, marks=pytest.mark.slow) if lesson in lessons else name
        lessons.add(lesson)


@pytest.mark.parametrize("name", list(each_exercise()))
def test_every_exercise_of_the_course_is_sound(name: str, worker: Worker) -> None:
    findings = audit(name, worker=worker)
    assert [str(finding) for finding in findings if finding.rule not in PENDING.get(name, ())] == []


def test_what_is_pending_is_an_exercise_and_a_rule_that_exist() -> None:
    assert PENDING.keys() <= set(all_exercise_ids())
    assert {rule for rules in PENDING.values() for rule in rules} <= {*NEW_KINDS, *RULES}


def test_lesson_01_has_its_seven_exercises_in_the_order_of_the_page() -> None:
    slugs = [name.partition("/")[2] for name in all_exercise_ids() if name.startswith("01/")]
    assert slugs == [
        "flat-index", "view-or-copy", "broadcast-shape", "sum-to-shape", "matmul-backward", "inplace-repair",
        "backward-pass",
    ]  # fmt: skip


def rules(tmp_path: Path, **options: Any) -> list[str]:
    return [finding.rule for finding in audit("90/column-means", tmp_path, **options)]


def test_the_sound_exercise_is_sound(make: Callable[..., Any], tmp_path: Path) -> None:
    make()
    assert audit("90/column-means", tmp_path) == []


BLIND_TO_DTYPE = ("def oracle(x):", "def run(answer, x):\n    return answer(x).astype(np.float64)\n\n\ndef oracle(x):")
SHAPES_ALONE = ("def oracle(x):", "def run(answer, x):\n    return answer(x).shape\n\n\ndef oracle(x):")
TENSORS = [
    ("import numpy as np\n", "import torch\n"),
    ("np.array([[1.0, 2, 3], [3, 4, 8]]), expected=np.array([2.0, 3, 5.5])", "torch.tensor([[1.0, 2, 3], [3, 4, 8]])"),
    ("rng.normal(size=(3, 3))", "torch.tensor(rng.normal(size=(3, 3)))"),
    ("rng.normal(size=(20, 4))", "torch.tensor(rng.normal(size=(20, 4)))"),
    ("np.array([sum(column) / len(column) for column in x.T.tolist()])", "x.mean(0)"),
]
SECOND = [
    ("[3, 4, 8]]), expected=np.array([2.0, 3, 5.5])", "[3, 4, 8]]), np.ones(2)"),
    ("rng.normal(size=(3, 3))", "rng.normal(size=(3, 3)), np.ones(2)"),
    ("rng.normal(size=(20, 4))", "rng.normal(size=(20, 4)), np.ones(2)"),
    ("def oracle(x):", "def run(answer, x, y):\n    return answer(x, y.copy())\n\n\ndef oracle(x, y):"),
]
WRONG_ROWS = 'hint = "You get one number a row. Which axis vanishes in a sum?"'

BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "a check that refuses what is right": ({"check": ("expected=np.array([2.0, 3, 5.5])", "expected=np.array([2.0, 3, 5])")}, "solution-fails"),
    "an accepted answer that is not right": ({"accepted": "def column_means(x):\n    return x.sum(axis=0)\n"}, "accepted-fails"),
    "no other right answer": ({"accepted": None}, "few-accepted"),
    "a stub that is the solution": (
        {"toml": ('kind = "body"\n', 'kind = "body"\nblanks = [{ find = "x.sum(axis=0)", replace = "x.sum(0)" }]\n')}, "stub-passes"),
    "an edit that changes nothing that counts": ({"toml": ('replace = "axis=1"', 'replace = "axis=-2"')}, "wrong-passes"),
    "two mistakes that do the same": (
        {"toml": [('find = "len(x)"', 'find = "total / len(x)"'), ('replace = "x.shape[1]"', 'replace = "1 * total"')]},
        "other-hint"),
    "a hint that nothing reaches": (
        {"toml": [('find = "len(x)"', 'find = "total / len(x)"'), ('replace = "x.shape[1]"', 'replace = "1 * total"')]},
        "unreachable"),
    "two mistakes with one hint": (
        {"toml": ("You divide by the number of columns. How many numbers were added up?",
                  "You get one number a row. Which axis vanishes in a sum?")}, "other-hint"),
    "a hint that goes by the text": (
        {"solution": ("count = 1", "count = 1 if 'total' in locals() else 3"),
         "toml": ('find = "total / len(x)"\nreplace = "total"', "find = \"'total' in locals()\"\nreplace = \"'totals' in locals()\"")},
        "renamed"),
    "an edit that no longer matches": ({"toml": ('find = "axis=0"', 'find = "axis=2"')}, "edit"),
    "an edit that matches twice": ({"toml": ('find = "axis=0"\nreplace = "axis=1"', 'find = "count"\nreplace = "n"')}, "edit"),
    "an edit that is not Python": ({"toml": ('replace = "axis=1"', 'replace = "axis="')}, "edit"),
    "two wrong answers": (
        {"toml": (f'[[wrong]]\nid = "rows"\nfind = "axis=0"\nreplace = "axis=1"\n{WRONG_ROWS}\n', "")}, "few-wrong"),
    "two hints": ({"toml": ('"How many rows?", ', "")}, "few-hints"),
    "a hint that speaks of a case it does not spoil": (
        {"toml": (WRONG_ROWS, f'{WRONG_ROWS}\non = "a case that is not there"')}, "shown"),
    "a hint without a question": (
        {"toml": ("You divide by the number of columns. How many numbers were added up?", "Divide by the rows.")}, "no-question"),
    "a hint that gives the line away": (
        {"toml": ("Which axis vanishes in a sum?", "Have you tried total = x.sum(axis=0)?")}, "gives-away"),
    "a check that cannot tell float32": ({"check": BLIND_TO_DTYPE}, "automatic-passes"),
    "a check of shapes alone": (
        {"check": [SHAPES_ALONE, ("expected=np.array([2.0, 3, 5.5])", "expected=(3,)"),
                   ("return np.array([sum(column) / len(column) for column in x.T.tolist()])", "return x.shape[1:]")]},
        "automatic-passes"),
    "a check that lets the input be changed": ({"check": ("import numpy as np\n", "import numpy as np\n\nMUTATES = True\n")}, "automatic-passes"),
    "something that cannot apply, without a reason": ({"toml": ('transposed = "the result has one dimension"\n', "")}, "undeclared"),
    "a reason for something that does apply": ({"toml": ("[cannot]\n", '[cannot]\nzeros = "no"\n')}, "undeclared"),
    "a reason for something unknown": ({"toml": ("[cannot]\n", '[cannot]\nzeroes = "no"\n')}, "spec"),
    "a dtype that no case has": ({"toml": ('float64 = "a mean keeps the dtype that came"\n', "")}, "float64"),
    "no zero": ({"toml": ('case-zero = "a mean treats zero like every number"\n', "")}, "case-zero"),
    "no axis of one": ({"toml": ('case-one = "the mean of one row is the row"\n', "")}, "case-one"),
    "no ties": ({"check": ("[3, 4, 8]]), expected=np.array([2.0, 3, 5.5])", "[4, 5, 8]])")}, "case-ties"),
    "nothing but order": (
        {"check": [("[3, 4, 8]]), expected=np.array([2.0, 3, 5.5])", "[3, 3, 8]])"), ("rng.normal(size=(3, 3))", "np.arange(9.0).reshape(3, 3)"),
                   ("rng.normal(size=(20, 4))", "np.arange(80.0).reshape(20, 4)")]}, "case-order"),
    "a reason for what the cases have": ({"toml": ("[cannot]\n", '[cannot]\ncase-ties = "no"\n')}, "undeclared"),
    "a promise that no case holds": (
        {"solution": ("of each column of `x` (n, d).", "of each column of `x` (n, d).\n\n    Raises ValueError: it is empty.\n    ")}, "promised-error"),
    "a promise of the task": ({"toml": ("mean of each column.", "mean of each column; raise a `ValueError` for none.")}, "promised-error"),
    "an error that the check does not hold": (
        {"check": ('        Case("a square"', '        Case("a sum", np.ones((2, 2)), raises=ValueError),\n        Case("a square"')}, "no-error"),
    "a generator that no case hands in": ({"solution": ("def column_means(x):", "def column_means(x, rng=None):")}, "own-generator"),
    "a gradient that no case asks for": ({"check": TENSORS}, "detached"),
    "a gradient that the check does not look at": (
        {"check": [*TENSORS, ("def oracle(x):", "def run(answer, x):\n    return answer(x.clone().requires_grad_())\n\n\ndef oracle(x):")]}, "detached"),
    "a second input that may be spoiled": ({"check": SECOND, "solution": ("def column_means(x):", "def column_means(x, y):")}, "mutated-last"),
    "an input of zeros": ({"check": ("rng.normal(size=(3, 3))", "np.zeros((3, 3))")}, "zeros"),
    "two cases with one label": ({"check": ('"a square"', '"a long table"')}, "cases"),
    "two cases": ({"check": ('        Case("a square", rng.normal(size=(3, 3))),\n', "")}, "cases"),
    "an oracle that is the solution": ({"check": ("def oracle(x):", "SEE = 'solution.py'\n\n\ndef oracle(x):")}, "oracle"),
    "a name that is not allowed": ({"solution": ("x.sum(axis=0)", "math.fsum([]) + x.sum(axis=0)")}, "names"),
    "a check that does not load": ({"check": ("import numpy as np\n", "import numpy as np\nimport nothing_like_this\n")}, "check"),
    "an oracle that fails": ({"check": ("x.T.tolist()", "x.T.to_list()")}, "check"),
    "a picture that is no picture": (
        {"check": ("def oracle(x):", "def picture(expected, got, x):\n    return '<svg'\n\n\ndef oracle(x):")}, "picture"),
    "a picture that says nothing": (
        {"check": ("def oracle(x):", "def picture(expected, got, x):\n    return '<svg></svg>'\n\n\ndef oracle(x):")}, "picture"),
    "a text that is not TOML": ({"toml": ('title = "Column means"', "title = Column means")}, "spec"),
    "an endless answer that ends": (
        {"toml": (WRONG_ROWS, f'{WRONG_ROWS}\noutcome = "timeout"\non = "a square"')}, "wrong-passes"),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_the_audit_finds(what: str, make: Callable[..., Any], tmp_path: Path) -> None:
    changes, rule = BROKEN[what]
    make(**changes, load=False)
    findings = audit("90/column-means", tmp_path)
    assert rule in [finding.rule for finding in findings if finding.error], [str(finding) for finding in findings]


def test_a_worker_that_ends_is_found(make: Callable[..., Any], tmp_path: Path) -> None:
    class Broken(Worker):
        def check(self, *args: Any, **kwargs: Any) -> Verdict:
            return Verdict("crashed", "Your answer ended the whole Python process.")

    make()
    assert rules(tmp_path, worker=Broken()) == ["worker", "worker"]


def test_too_few_automatic_wrong_answers(make: Callable[..., Any], tmp_path: Path) -> None:
    # A word as the answer leaves few automatic wrong answers that make sense.
    make(
        solution=(
            "    return total / len(x) * count",
            "    return ('long' if x.shape[0] > 2 else 'short') or total / len(x) * count",
        ),
        check=[
            ("expected=np.array([2.0, 3, 5.5])", "expected='short'"),
            ("return np.array([sum(column) / len(column) for column in x.T.tolist()])", "return 'long'"),
            ("import numpy as np\n", "import numpy as np\n\nMUTATES = True\n"),
        ],
        load=False,
    )
    assert "few-automatic" not in rules(tmp_path)  # identity, none and constant do apply
    make(
        solution=("    return total / len(x) * count", "    return 'short' or total / len(x) * count"),
        check=[
            ("expected=np.array([2.0, 3, 5.5])", "expected='short'"),
            ("return np.array([sum(column) / len(column) for column in x.T.tolist()])", "return 'short'"),
            ("import numpy as np\n", "import numpy as np\n\nMUTATES = True\n"),
        ],
        load=False,
    )
    assert "few-automatic" in rules(tmp_path)  # a constant is right here: only identity and none are left


def test_a_slow_check_is_a_warning_and_a_very_slow_one_an_error(make: Callable[..., Any], tmp_path: Path) -> None:
    busy = (
        "    return total / len(x) * count",
        "    for _ in range(400_000):\n        count = 1\n    return total / len(x) * count",
    )
    make(solution=busy, load=False)
    # Three runs of 400,000 rounds take some tenths of a second of CPU time; the budget is set around that.
    slow = [finding for finding in audit("90/column-means", tmp_path, budget=1e-4) if finding.rule == "slow"]
    assert [finding.error for finding in slow] == [True]
    assert "slow" not in rules(tmp_path, budget=60.0)


def test_twice_the_budget_decides_between_warning_and_error(
    make: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(load=False)
    for taken, expected in ((0.9, []), (1.5, [False]), (2.5, [True])):
        ticks = iter([0.0, taken])
        monkeypatch.setattr("dlstudy.course.checking.audit.time.process_time", lambda ticks=ticks: next(ticks))
        found = audit("90/column-means", tmp_path)
        assert [finding.error for finding in found if finding.rule == "slow"] == expected


def test_forms_in_files_are_held_to_their_hint(make: Callable[..., Any], tmp_path: Path) -> None:
    folder = make().folder / "wrong"
    folder.mkdir()
    (folder / "rows.2.py").write_text("def column_means(x):\n    return x.sum(axis=1) / len(x)\n", encoding="utf-8")
    assert rules(tmp_path) == []
    (folder / "rows.3.py").write_text("def column_means(x):\n    return x.sum(axis=0)\n", encoding="utf-8")
    assert rules(tmp_path) == ["other-hint", "renamed"]
    (folder / "rows.3.py").write_text("def column_means(x):\n    return x.mean(axis=0)\n", encoding="utf-8")
    assert rules(tmp_path) == ["wrong-passes", "wrong-passes"]
    (folder / "rows.3.py").rename(folder / "row.3.py")
    assert rules(tmp_path) == ["spec"]


def test_an_endless_wrong_answer_gets_its_hint(make: Callable[..., Any], tmp_path: Path) -> None:
    exercise = make(
        toml=(
            f'find = "axis=0"\nreplace = "axis=1"\n{WRONG_ROWS}',
            f'find = "count = 1"\nreplace = "while len(x) == 3: count = 1"\n{WRONG_ROWS}\noutcome = "timeout"\non = "a square"',
        )
    )
    with Worker(root=tmp_path) as worker:
        verdict = worker.check(exercise, exercise.wrong_source(exercise.wrong_answer("rows")))
    assert (verdict.status, verdict.hint_id) == ("timeout", "rows")
    assert "A square" in verdict.given
