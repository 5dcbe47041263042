"""The page API as a lesson's cells use it, with the real checking process, outside the browser."""

import json
from pathlib import Path

import marimo as mo
import pytest

from dlstudy.course import page as module
from dlstudy.course.checking.answers import without_docstrings
from dlstudy.course.checking.worker import Worker
from dlstudy.course.content.exercises import ExerciseError
from dlstudy.course.page import Page

CONTENT = Path(__file__).parent / "page_content"
SOLUTION = "return 2 * x"
Stop = mo.MarimoStopError


@pytest.fixture(scope="module")
def worker():
    with Worker(limit=1.0, root=CONTENT / "exercises") as worker:
        yield worker


@pytest.fixture
def make(tmp_path, worker, monkeypatch):
    monkeypatch.delenv("DLSTUDY_RUN", raising=False)
    monkeypatch.delenv("DLSTUDY_RUN_LOG", raising=False)
    pages = []

    def make(mode=""):
        if mode:
            monkeypatch.setenv("DLSTUDY_RUN", mode)
        pages.append(Page(90, content=CONTENT, learner=tmp_path, worker=worker))
        return pages[-1]

    yield make
    for page in pages:
        page.progress.close()


def stub(x):
    """Return twice `x`."""
    raise NotImplementedError("your turn")


def double(x):
    # my own way
    return x + x


def squared(x):
    return x * x


def endless(x):
    print("so far")
    while True:
        pass


def named(function):
    """The answer has to be called as the exercise calls it."""
    function.__name__ = "double"
    return function


def state(card):
    return json.dumps(card.get_state(), default=str)


def test_an_untouched_exercise_is_not_a_try(make):
    page = make()
    card = page.check("double", lambda: named(stub))
    assert card.data["status"] == "not-yet"
    assert card.data["attempts"] == 0
    assert page.progress.snapshot()["lessons"]["90"]["exercises"] == {}
    assert SOLUTION not in state(card)


def test_a_wrong_answer_gets_its_hint_and_counts_as_an_honest_try(make):
    page = make()
    card = page.check("double", squared)
    assert card.data["status"] == "failed"
    assert "Which operation did you write?" in card.data["hint"]
    assert card.data["attempts"] == 1
    assert card.data["may_show"]
    assert card.data["picture"].startswith("<svg")
    assert SOLUTION not in state(card)
    (attempt,) = page.progress.attempts("90/double")
    assert "return x * x" in attempt.source
    assert (attempt.verdict, attempt.hint_id, attempt.passed) == ("failed", "squared", False)


def test_hints_solution_and_pass_survive_a_reload_of_the_page(make):
    page = make()
    card = page.check("double", squared)
    card.event = {"do": "hint", "at": 1}
    card.event = {"do": "hint", "at": 2}
    card.event = {"do": "solution", "at": 3}
    assert SOLUTION in card.data["solution"]["source"]
    again = make().check("double", squared)
    assert again.data["opened"] == 2
    assert again.data["attempts"] == 1  # the same answer, checked again because the page was opened again
    assert SOLUTION in again.data["solution"]["source"]
    assert make().check("double", double).data["status"] == "passed"
    assert make().check("double", squared).data["passed_before"]
    assert make().progress.snapshot()["lessons"]["90"]["exercises"]["double"]["passed"]


def test_the_solution_needs_an_honest_try_or_giving_up(make):
    page = make()
    card = page.check("double", stub)
    assert not card.data["may_show"]
    card.event = {"do": "solution", "at": 1}
    assert card.data["solution"] is None
    card.event = {"do": "give-up", "at": 2}
    assert SOLUTION in card.data["solution"]["source"]
    found = page.progress.snapshot()["lessons"]["90"]["exercises"]["double"]
    assert (found["solution"], found["gave_up"], found["passed"]) == (True, True, False)


def test_after_passing_the_learner_sees_both_answers_and_why(make):
    card = make().check("double", double)
    assert card.data["status"] == "passed"
    assert "# my own way" in card.data["solution"]["yours"]
    assert SOLUTION in card.data["solution"]["source"]
    assert '"""' not in card.data["solution"]["source"]
    assert "<code>2 * x</code>" in card.data["solution"]["explanation"]


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ('def f(x):\n    """One.\n\n    More.\n    """\n\n    # why\n    return x',
         "def f(x):\n    # why\n    return x"),
        ('class A:\n    \'One.\'\n    def f(self):\n        r"""Two."""\n        return 1',
         "class A:\n    def f(self):\n        return 1"),
        ('import math\n\ndef f():\n    "One."\n    return 1\n\n\ndef g():\n    "Two."\n    return 2',
         "import math\n\ndef f():\n    return 1\n\n\ndef g():\n    return 2"),
        ('def f():\n    """Only this."""', 'def f():\n    """Only this."""'),
        ('def f(): "One."; return 1', 'def f(): "One."; return 1'),
        ('def f():\n    "One."; x = 1\n    return x', 'def f():\n    "One."; x = 1\n    return x'),
        ('def f():\n    x = """none"""\n    return x', 'def f():\n    x = """none"""\n    return x'),
        ("def f(:", "def f(:"),
    ],
)  # fmt: skip
def test_an_answer_is_shown_without_its_docstring(source, shown):
    assert without_docstrings(source) == shown


def test_an_endless_answer_is_ended_and_the_page_goes_on(make):
    page = make()
    card = page.check("double", endless)
    assert card.data["status"] == "timeout"
    assert ("Printed", "so far") in card.data["rows"]
    assert page.check("double", double).data["status"] == "passed"


def test_a_name_that_does_not_exist_is_told_kindly_and_is_not_a_try(make):
    page = make()
    card = page.check("double", lambda: no_such_name)  # noqa: F821
    assert "There is no <code>no_such_name</code> to check" in card.data["message"]
    assert card.data["status"] == "not-yet"
    assert page.progress.attempts("90/double") == []


def test_a_lambda_with_a_parameter_is_an_answer(make):
    assert make().check("double", lambda x: x + x).data["status"] == "passed"


def test_an_exercise_that_does_not_exist_is_named(make):
    with pytest.raises(ExerciseError, match=r"no exercise 90/nope.*90/double"):
        make().check("nope", double)


def test_the_text_comes_from_the_saved_page_where_python_does_not_know_it(make, tmp_path):
    (tmp_path / "90_Cards.md").write_text(
        "---\ntitle: Cards\n---\n\n"
        '```python {.marimo name="exercise_double"}\ndef double(x):\n    return x + x  # saved\n```\n',
        encoding="utf-8",
    )
    namespace = {}
    exec("def double(x):\n    return x + x\n", namespace)
    page = make()
    page.check("double", namespace["double"])
    assert "# saved" in page.progress.attempts("90/double")[0].source


def test_quiz_answers_are_recorded_and_shown_again(make):
    page = make()
    card = page.quiz("sum")
    assert card.choice == ""
    card.event = {"do": "answer", "option": "a", "at": 1}
    assert page.progress.snapshot()["lessons"]["90"]["quiz"]["sum"] == {"option": "a", "correct": False}
    again = make().quiz("sum")
    assert again.choice == "a"
    again.event = {"do": "answer", "option": "b", "at": 2}
    assert make().progress.snapshot()["lessons"]["90"]["quiz"]["sum"] == {"option": "b", "correct": True}
    with pytest.raises(KeyError, match="it holds sum"):
        page.quiz("nope")


def test_a_recorded_option_that_no_longer_exists_is_asked_again(make):
    page = make()
    page.progress.record_quiz("90", "sum", "gone", True)
    page.progress.record_prediction("90", "coin", "gone")
    assert page.quiz("sum").choice == ""
    assert page.predict("coin").choice == ""


def test_a_prediction_opens_its_experiment(make):
    page = make()
    coin = page.predict("coin")
    with pytest.raises(Stop) as stopped:
        page.reveal(coin)
    assert "once you have said what you expect" in stopped.value.output.text
    coin.choice = "tails"
    page.reveal(coin)
    shown = page.verdict(coin, "heads").text
    assert "You expected: tails, <code>0</code>." in shown
    assert "Measured here: heads." in shown
    assert "✗" in shown
    assert "Open <em>What happened, and why</em> below." in shown
    coin.choice = "heads"
    assert "✓" in page.verdict(coin, "heads").text
    assert "What happened" not in page.verdict(coin, "heads").text
    page.reveal(make().predict("coin"))  # remembered: nothing is asked twice
    with pytest.raises(KeyError, match='no option "edge"'):
        page.verdict(coin, "edge")
    with pytest.raises(KeyError, match="it holds coin"):
        page.predict("nope")


def test_just_show_me_is_enough(make):
    page = make()
    coin = page.predict("coin")
    coin.choice = "just-show-me"
    page.reveal(coin)
    assert "You looked first." in page.verdict(coin, "heads").text
    assert make().predict("coin").choice == "just-show-me"


def test_an_unexpected_measurement_is_shown_to_a_learner_and_fails_the_suite(make):
    page = make()
    assert "Measured here: tails" in page.verdict(page.predict("coin"), "tails").text
    page = make("worked")
    with pytest.raises(AssertionError, match="came out as tails, the page says heads"):
        page.verdict(page.predict("coin"), "tails")


def test_a_button_is_waited_for_unless_the_page_is_worked(make):
    page = make()
    button = page.button("Run (about 2 s)")
    assert button.text.count("Run (about 2 s)") == 1
    with pytest.raises(Stop) as stopped:
        page.wait_for(button)
    assert "Press the button above" in stopped.value.output.text
    with pytest.raises(Stop) as stopped:
        page.wait_for(button, instead="recorded")
    assert stopped.value.output == "recorded"
    make("worked").wait_for(button)


def test_a_cell_that_needs_solved_exercises_names_the_open_ones(make):
    page = make()
    right, wrong, untouched = (page.check("double", answer) for answer in (double, squared, stub))
    page.when_solved(right)
    page.when_solved()
    with pytest.raises(Stop) as stopped:
        page.when_solved(right, wrong)
    title = wrong.data["title"]
    assert f"This runs once the exercise <em>{title}</em> is solved." in stopped.value.output.text
    with pytest.raises(Stop) as stopped:
        page.when_solved(untouched, right, wrong)
    assert f"once the exercises <em>{title}</em> and <em>{title}</em> are solved" in stopped.value.output.text
    page = make("worked")  # here, too, it is the verdict that counts
    with pytest.raises(Stop):
        page.when_solved(page.check("double", squared))
    page.when_solved(page.check("double", double))


def test_opened_is_a_page_as_a_newcomer_finds_it(make):
    page = make("opened")
    coin = page.predict("coin")
    assert coin.choice == ""
    assert page.quiz("sum").choice == ""
    with pytest.raises(Stop):
        page.reveal(coin)
    with pytest.raises(Stop):
        page.wait_for(page.button("Run"))


def test_worked_answers_everything_right(make):
    page = make("worked")
    assert page.predict("coin").choice == "heads"
    assert page.quiz("sum").choice == "b"
    card = page.selftest()
    assert card.data["result"]["headline"].startswith("3 of 3 right")
    found = page.progress.snapshot()["lessons"]["90"]
    assert found["quiz"]["sum"] == {"option": "b", "correct": True}
    assert found["predictions"] == {"coin": "heads"}


@pytest.mark.parametrize("mode", ["opened", "worked"])
def test_the_suite_reads_each_verdict_in_its_log(make, mode, tmp_path, monkeypatch):
    log = tmp_path / "log.jsonl"
    monkeypatch.setenv("DLSTUDY_RUN_LOG", str(log))
    page = make(mode)
    page.check("double", stub)
    page.check("double", double)
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert [(line["event"], line["exercise"], line["status"]) for line in lines] == [
        ("check", "90/double", "not-yet"),
        ("check", "90/double", "passed"),
    ]


def test_a_learner_leaves_no_log(make, tmp_path, monkeypatch):
    monkeypatch.setenv("DLSTUDY_RUN_LOG", str(tmp_path / "log.jsonl"))
    make().check("double", double)
    assert not (tmp_path / "log.jsonl").exists()


def test_the_self_test_recommends_and_remembers(make):
    page = make()
    card = page.selftest()
    assert card.data["result"] is None
    card.event = {"do": "answer", "answers": {"python": "b", "slope": "b"}, "at": 1}
    result = card.data["result"]
    assert result["headline"].startswith("1 of 3 right. Start with 02 ")
    assert "<strong>Python</strong>" in result["advice"]
    assert make().selftest().data["result"] == result
    card.event = {"do": "answer", "answers": {"python": "a", "slope": "b", "softmax": "a"}, "at": 2}
    assert card.data["result"]["headline"] == "3 of 3 right. Start where you like."
    assert "You know the foundations." in card.data["result"]["advice"]


def test_a_visit_and_a_problem_with_the_file_are_known(make, tmp_path):
    page = make()
    assert page.progress.snapshot()["last"] == "90"
    page.progress.close()
    file = tmp_path / ".dlstudy" / "progress.sqlite"
    file.write_bytes(b"rubbish " * 1000)
    damaged = make()
    assert "damaged" in damaged.check("double", squared).data["problem"]
    assert "damaged" in damaged.quiz("sum").data["problem"]


def test_pages_of_one_process_share_the_checking_process():
    first = module._shared_worker(CONTENT)
    try:
        assert module._shared_worker(CONTENT) is first
        assert module._shared_worker(CONTENT.parent) is not first
    finally:
        first.close()
        module._shared_worker(CONTENT.parent).close()
        module._shared_worker.cache_clear()
