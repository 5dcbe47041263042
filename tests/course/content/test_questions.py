"""The files of `exercises/`: what ships is valid, and a fault is told by file, place and what was expected."""

from pathlib import Path

import pytest

from dlstudy.course.content import paths, questions
from dlstudy.course.content.questions import ExerciseError, ExerciseHead, parse

QUIZ = """
[[question]]
id = "views"
question = "Is it a view?"
options = [
  { text = "Yes", correct = true, why = "Right." },
  { text = "No" },
]

[[question]]
id = "extra"
question = "And this?"
level = "further"
options = [{ id = "yes", text = "Yes" }, { id = "no", text = "No", correct = true }]
"""
PREDICTIONS = """
[[prediction]]
id = "coin"
question = "Which side is up?"
answer = "heads"
options = [{ id = "heads", text = "heads" }, { id = "tails", text = "tails" }]
"""
SELFTEST = """
before = "Read first."

[[question]]
id = "slope"
question = "What is the slope?"
lesson = 1
options = [{ text = "9" }, { text = "6", correct = true }]
why = "It is so."
"""
FILES = {
    "quiz.toml": (QUIZ, questions.read_quiz),
    "predictions.toml": (PREDICTIONS, questions.read_predictions),
    "selftest.toml": (SELFTEST, questions.read_selftest),
}


def read(folder: Path, name: str, *change: str):
    text, reader = FILES[name]
    if change:
        assert text.count(change[0]) == 1
        text = text.replace(*change)
    (folder / "07").mkdir()
    (folder / "07" / name).write_text(text, encoding="utf-8")
    return reader("07", folder)


def test_questions_come_in_the_order_of_the_file_and_options_without_ids_are_lettered(tmp_path: Path) -> None:
    views, extra = read(tmp_path, "quiz.toml")
    assert (views.id, views.level, views.right) == ("views", "core", "a")
    assert [option.id for option in views.options] == ["a", "b"]
    assert (extra.level, extra.right) == ("further", "no")


def test_predictions_and_the_self_test_are_read(tmp_path: Path) -> None:
    (coin,) = read(tmp_path, "predictions.toml")
    assert (coin.answer, [option.id for option in coin.options]) == ("heads", ["heads", "tails"])
    (tmp_path / "07" / "selftest.toml").write_text(SELFTEST, encoding="utf-8")
    found = questions.read_selftest("07", tmp_path)
    assert (found.title, found.before) == ("Where should you start?", "Read first.")
    assert [(entry.lesson, entry.right, entry.why) for entry in found.questions] == [(1, "b", "It is so.")]


def test_a_lesson_need_not_have_questions_but_the_self_test_is_asked_for_by_name(tmp_path: Path) -> None:
    assert questions.read_quiz("07", tmp_path) == ()
    assert questions.read_predictions("07", tmp_path) == ()
    with pytest.raises(ExerciseError, match=r"^07/selftest\.toml is missing$"):
        questions.read_selftest("07", tmp_path)


@pytest.mark.parametrize(
    ("name", "old", "new", "sentence"),
    [
        ("quiz.toml", 'id = "views"\n', "", '07/quiz.toml: question 1: the key "id" is missing'),
        ("quiz.toml", '"And this?"', '" "',
         '07/quiz.toml: question "extra": "question" must be a text that is not empty, and is \' \''),
        ("quiz.toml", '{ text = "No" }', '{ why = "No." }',
         '07/quiz.toml: question "views": options 2: the key "text" is missing'),
        ("quiz.toml", 'why = "Right."', 'whi = "Right."',
         '07/quiz.toml: question "views": options 1: the key "whi" is unknown; known keys: text, id, correct, why'),
        ("quiz.toml", '"further"', '"hard"',
         '07/quiz.toml: question "extra": "level" must be one of core, further, and is \'hard\''),
        ("quiz.toml", "correct = true, why", "why",
         '07/quiz.toml: question "views": exactly one option must be correct, and 0 of 2 are'),
        ("quiz.toml", 'id = "yes", text = "Yes"', 'id = "no", text = "Yes"',
         '07/quiz.toml: question "extra": two options are called \'no\''),
        ("quiz.toml", 'id = "extra"', 'id = "views"', "07/quiz.toml: two questions are called 'views'"),
        ("quiz.toml", "correct = true, why", 'correct = "yes", why',
         '07/quiz.toml: question "views": options 1: "correct" must be true or false, and is \'yes\''),
        ("quiz.toml", '[[question]]\nid = "views"', '[question]\nid = "views"', "07/quiz.toml is not TOML"),
        ("predictions.toml", '"heads"\noptions', '"edge"\noptions',
         '07/predictions.toml: prediction "coin": "answer" must be the id of an option (heads, tails)'),
        ("predictions.toml", 'id = "tails"', 'id = "heads"',
         '07/predictions.toml: prediction "coin": two options are called \'heads\''),
        ("predictions.toml", '[{ id = "heads", text = "heads" }, { id = "tails", text = "tails" }]', "[]",
         '07/predictions.toml: prediction "coin": "options" must be a list that is not empty, and is []'),
        ("predictions.toml", "[[prediction]]", "[[predictions]]",
         '07/predictions.toml: the key "predictions" is unknown; known keys: prediction'),
        ("selftest.toml", "lesson = 1", 'lesson = "01"',
         '07/selftest.toml: question "slope": "lesson" must be a whole number, and is \'01\''),
        ("selftest.toml", "before", "befor", '07/selftest.toml: the key "befor" is unknown'),
    ],
)  # fmt: skip
def test_a_fault_is_told_in_a_sentence(tmp_path: Path, name: str, old: str, new: str, sentence: str) -> None:
    with pytest.raises(ExerciseError) as caught:
        read(tmp_path, name, old, new)
    assert str(caught.value).startswith(sentence)


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "07").mkdir()
    (tmp_path / "07" / "quiz.toml").write_bytes(b"# caf\xe9\n")
    with pytest.raises(ExerciseError, match=r"^07/quiz\.toml is not UTF-8 text$"):
        questions.read_quiz("07", tmp_path)


@pytest.mark.parametrize(
    ("text", "level", "order"),
    [
        ('title = "a"  # b\nlevel = "further"\norder = 2\ntask = """\nlevel = "core"\n"""\n', "further", 2),
        ('task = """\nlevel = "further"\n"""\nlevel = "core"\norder = 3\n', "core", 3),
        ("[cannot]\nlevel = 'x'\n", "core", float("inf")),
        ('title = "without an end of line"', "core", float("inf")),
    ],
)
def test_the_head_of_an_exercise_is_what_its_whole_file_says(
    tmp_path: Path, text: str, level: str, order: float
) -> None:
    (tmp_path / "07" / "slug").mkdir(parents=True)
    (tmp_path / "07" / "slug" / "exercise.toml").write_text(text, encoding="utf-8")
    head = questions.read_head("07/slug", tmp_path)
    assert (head.level, head.order) == (level, order)


SHIPPED = sorted(file.parent for file in paths.exercises_folder().glob("*/*/exercise.toml"))


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_the_head_of_every_exercise_agrees_with_its_file(folder: Path) -> None:
    name = f"{folder.parent.name}/{folder.name}"
    assert questions.read_head(name) == parse((folder / "exercise.toml").read_text("utf-8"), name, ExerciseHead)


def test_what_a_file_says_is_read_again_when_it_has_changed(tmp_path: Path) -> None:
    assert len(read(tmp_path, "quiz.toml")) == 2
    (tmp_path / "07" / "quiz.toml").write_text("", encoding="utf-8")
    assert questions.read_quiz("07", tmp_path) == ()
