"""What the cards show and record, on Python's side; the browser's side is in test_cards_browser.py."""

import json

import msgspec
import pytest

from dlstudy.course.checking.verdict import Verdict
from dlstudy.course.content import prose
from dlstudy.course.content.questions import Question
from dlstudy.course.page import cards


def exercise_data(**changes):
    data = {
        "id": "90/double",
        "title": "Twice",
        "level": "core",
        "status": "failed",
        "tone": "bad",
        "icon": "x",
        "headline": "Not right yet",
        "message": "m",
        "rows": [],
        "hint": "",
        "picture": "",
        "hints": ["one", "two", "three"],
        "opened": 0,
        "attempts": 1,
        "passed_before": False,
        "may_show": False,
        "solution": None,
        "problem": None,
    }
    return data | changes


def say(card, **event):
    """What the browser sends: anywidget sets the trait."""
    card.event = event


def test_every_verdict_has_a_headline_with_icon_and_words():
    from typing import get_args

    from dlstudy.course.checking.verdict import Status

    assert set(cards.HEADLINES) == set(get_args(Status))
    assert all(icon.strip() and words.strip() for _, icon, words in cards.HEADLINES.values())


def test_hints_open_one_by_one_and_are_recorded_in_order():
    opened = []
    card = cards.ExerciseCard(exercise_data(), open_hint=opened.append, open_solution=lambda gave_up: None)
    for n in range(5):
        say(card, do="hint", at=n)
    assert opened == [1, 2, 3]
    assert card.data["opened"] == 3


@pytest.mark.parametrize(("action", "gave_up"), [("solution", False), ("give-up", True)])
def test_the_solution_comes_only_when_asked_for_and_granted(action, gave_up):
    asked = []
    answer = {"source": "SECRET", "explanation": "", "yours": ""}

    def open_solution(gave_up):
        asked.append(gave_up)
        return answer if len(asked) > 1 else None

    card = cards.ExerciseCard(exercise_data(), open_hint=print, open_solution=open_solution)
    assert "SECRET" not in json.dumps(card.get_state(), default=str)
    say(card, do=action, at=1)
    assert card.data["solution"] is None
    say(card, do=action, at=2)
    assert card.data["solution"] == answer
    assert asked == [gave_up, gave_up]


def question(*options):
    return msgspec.convert({"id": "q", "question": "Well?", "options": options}, Question)


def test_a_quiz_answer_is_judged_by_python_not_by_the_browser():
    options = prose.options_of(question({"text": "no"}, {"text": "yes", "correct": True}))
    heard = []
    card = cards.QuizCard({"options": options}, choice=None, answered=lambda *facts: heard.append(facts))
    say(card, do="answer", option="a", at=1)
    say(card, do="answer", option="b", at=2)
    say(card, do="answer", option="no such", at=3)
    assert heard == [("a", False), ("b", True)]


def test_a_prediction_is_recorded_by_one_click():
    heard = []
    data = {"id": "p", "options": [{"id": "up", "text": "<em>up</em>"}]}
    card = cards.PredictCard(data, choice=None, predicted=heard.append)
    assert card.choice == ""
    card.choice = "up"
    assert heard == ["up"]
    assert card.text_of("up") == "<em>up</em>"
    with pytest.raises(KeyError, match='no option "down"; it has up'):
        card.text_of("down")


def test_options_without_ids_are_lettered_by_place_and_text_is_rendered():
    mine = {"id": "mine", "text": "b", "why": "*so*", "correct": True}
    first, second = prose.options_of(question({"text": "`a`"}, mine))
    assert first == {"id": "a", "text": "<code>a</code>", "correct": False, "why": ""}
    assert (second["id"], second["why"]) == ("mine", "<p><em>so</em></p>")


QUESTIONS = [
    {"id": name, "lesson": lesson, "options": [{"id": "a", "correct": True}, {"id": "b", "correct": False}]}
    for name, lesson in (("python", None), ("slope", 2), ("tensor", 1), ("softmax", 2))
]


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ("aaaa", {"right": 4, "start": None, "missed": [], "before": []}),
        ("abab", {"right": 2, "start": 2, "missed": [2], "before": []}),
        ("bbba", {"right": 1, "start": 1, "missed": [1, 2], "before": ["python"]}),
        ("", {"right": 0, "start": 1, "missed": [1, 2], "before": ["python"]}),  # left open counts as not known
    ],
)
def test_the_self_test_sends_to_the_first_lesson_that_teaches_what_was_missed(answers, expected):
    given = {question["id"]: option for question, option in zip(QUESTIONS, answers)}
    assert cards.recommend(QUESTIONS, given) == {"total": 4, **expected}


def test_the_self_test_keeps_answers_and_can_be_taken_again():
    heard = []

    def answered(answers):
        heard.append(dict(answers))
        return {"headline": "Start with 01", "advice": ""}

    data = {"questions": QUESTIONS, "answers": {}, "result": None}
    card = cards.SelfTestCard(data, answered=answered)
    say(card, do="answer", answers={"slope": "b"}, at=1)
    assert heard == [{"slope": "b"}]
    assert card.data["answers"] == {"slope": "b"}
    assert card.data["result"]["headline"] == "Start with 01"
    say(card, do="again", at=2)
    assert card.data["answers"] == {}
    assert card.data["result"] is None


def test_markup_in_texts_is_shown_not_interpreted():
    html = prose.to_html("a <b>bold</b> `<i>` <script>x</script> & **strong**\n\n<div>block</div>")
    assert "<strong>strong</strong>" in html
    assert "<code>&lt;i&gt;</code>" in html
    for tag in ("<b>", "<script", "<div>", "<i>"):
        assert tag not in html
    assert prose.to_html("one `two`", inline=True) == "one <code>two</code>"
    assert prose.to_html("one\n\ntwo", inline=True).count("<p>") == 2


def test_sentences_keep_names_and_products_as_they_are():
    html = prose.sentence_html("`a<b` in __init__: 2 * x * y < 3 & done")
    assert html == "<code>a&lt;b</code> in __init__: 2 * x * y &lt; 3 &amp; done"


def test_rows_repeat_nothing_that_the_sentence_says():
    said = Verdict("failed", "For x = 3: expected 6, came 9.", expected="6", got="9", given="x = 3")
    assert cards.rows_of(said) == []
    partly = Verdict("failed", "The value at [0] is 9, not 6.", expected="[6, 1]", got="[9, 1]", given="x = 3")
    assert cards.rows_of(partly) == [("For", "x = 3"), ("Expected", "[6, 1]"), ("Got", "[9, 1]")]
    printed = Verdict("error", "It stopped.", output="hello\n")
    assert cards.rows_of(printed) == [("Printed", "hello")]


def test_a_card_brings_its_style_and_asks_for_nothing_outside():
    for kind in (cards.ExerciseCard, cards.QuizCard, cards.PredictCard, cards.SelfTestCard):
        program = kind._esm
        assert "--dls-fg" in program
        assert "import " not in program.replace("@import", "")
        assert "http://" not in program.replace("http://www.w3.org", "")
        assert "https://" not in program


def test_a_note_names_its_tone_and_hides_only_the_icon_from_screen_readers():
    html = cards.note("You expected <strong>up</strong>.", "good", "✓")
    assert 'class="dls-note dls-good"' in html
    assert '<span class="dls-icon" aria-hidden="true">✓</span> You expected <strong>up</strong>.' in html
