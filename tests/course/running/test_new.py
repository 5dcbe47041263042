"""A lesson and an exercise are begun by a command: what it writes passes as far as an empty frame can."""

import tomllib
from pathlib import Path

import pytest

from dlstudy.course.checking.audit import audit
from dlstudy.course.content import catalogue, links, paths, questions
from dlstudy.course.content.exercises import UNWRITTEN, load_exercise
from dlstudy.course.content.lessonfile import LessonFile
from dlstudy.course.running import new, sync
from dlstudy.course.running.runner import parts_of, run_lesson

PAGE = "lessons/11_Training_Optimization.md"
FRAME = [
    "exercises/11/predictions.toml", "exercises/11/quiz.toml", PAGE, "src/dlstudy/course/content/roadmap.toml",
    "src/dlstudy/lessons/lesson11/__init__.py", "tests/lessons/lesson11/__init__.py",
    "tests/lessons/lesson11/test_lesson11.py",
]  # fmt: skip
ROADMAP = """[[group.lesson]]
file = "11_Training_Optimization.md"
title = "Training Optimization"
stars = 3
topics = "AMP"
track = "Practical"
minutes = 165
when = "week 5"
needs = [5]

[[group.lesson]]
file = "12_Model_Saving_Deployment.md"
title = "Model Saving and Deployment"
needs = [6, 11]
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for folder in ("lessons", "exercises", "src/dlstudy/lessons", "src/dlstudy/course/content", "tests/lessons"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "src/dlstudy/course/content/roadmap.toml").write_text(ROADMAP, encoding="utf-8")
    monkeypatch.setenv(paths.CONTENT_VARIABLE, str(tmp_path))
    return tmp_path


def files(folder: Path) -> dict[str, str]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in found}


def test_a_lesson_s_frame_is_a_sound_page_and_all_that_belongs_to_it(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    planned = catalogue.load().find("11")
    assert not planned.written
    assert new.main(["11"]) == 0
    said = capsys.readouterr().out
    assert list(files(checkout)) == sorted(FRAME)
    assert all(f"wrote {name}" in said for name in FRAME if "roadmap" not in name)
    assert "dlstudy run 11 --opened" in said
    page = LessonFile.read(checkout / PAGE)
    facts = page.facts()
    assert (facts.number, facts.title, facts.stars, facts.track, facts.minutes, facts.needs) == (
        11, planned.title, planned.stars, planned.track, planned.minutes, planned.needs,
    )  # fmt: skip
    lesson = catalogue.load().find("11")
    assert lesson.written
    assert (lesson.exercises, lesson.quiz) == ((), ())
    assert [section.depth for section in page.sections].count(1) == 1
    assert {"Check yourself", "Summary"} <= {section.title for section in page.sections}
    assert any(section.level == "further" for section in page.sections)
    assert not any(parts_of(page).values())
    assert not links.problems_of(page)
    assert sync.main(["--check", str(checkout / PAGE)]) == 0
    for section, (heading, what) in zip(page.sections[1:], new.SECTIONS, strict=True):
        assert section.text == heading.lstrip("# ")
        assert f"{UNWRITTEN}: {what}" in page.text


def test_the_plan_moves_to_the_page(checkout: Path) -> None:
    assert new.main(["11"]) == 0
    begun, planned = tomllib.loads(files(checkout)["src/dlstudy/course/content/roadmap.toml"])["group"]["lesson"]
    assert begun == {"file": "11_Training_Optimization.md", "topics": "AMP", "when": "week 5"}
    assert planned == {
        "file": "12_Model_Saving_Deployment.md", "title": "Model Saving and Deployment", "needs": [6, 11],
    }  # fmt: skip


def test_the_examples_in_the_comments_are_right(checkout: Path) -> None:
    assert new.main(["11"]) == 0
    for name, read in (("quiz.toml", questions.read_quiz), ("predictions.toml", questions.read_predictions)):
        file = checkout / "exercises" / "11" / name
        assert read("11") == ()
        _, *example = file.read_text(encoding="utf-8").split("#\n", 1)
        file.write_text("".join(example).replace("# ", ""), encoding="utf-8")
        assert len(read("11")) == 1


@pytest.mark.parametrize("there", [name for name in FRAME if "roadmap" not in name])
def test_nothing_is_overwritten(checkout: Path, there: str, capsys: pytest.CaptureFixture[str]) -> None:
    (checkout / there).parent.mkdir(parents=True, exist_ok=True)
    text = "" if there == PAGE else "x = 1\n"
    (checkout / there).write_text(text, encoding="utf-8")
    before = files(checkout)
    assert new.main(["11"]) == 1
    assert files(checkout) == before
    if there != PAGE:
        assert f"Nothing has been written, since this is there already: {there}" in capsys.readouterr().err


def test_what_cannot_be_begun_is_said(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert new.main(["77"]) == 1
    assert "There is no lesson 77" in capsys.readouterr().err
    assert new.main(["11", "--exercise", "Loss_Scale"]) == 1
    assert "small letters and hyphens" in capsys.readouterr().err
    (checkout / "src/dlstudy/lessons").rmdir()
    assert new.main(["11"]) == 1
    assert "is none" in capsys.readouterr().err


def test_an_exercise_s_frame_is_read_and_the_audit_says_what_is_missing(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert new.main(["11"]) == 0
    assert new.main(["11", "--exercise", "scale-loss"]) == 0
    assert new.main(["11", "--exercise", "add-up"]) == 0
    said = capsys.readouterr().out
    assert 'name="exercise_scale_loss"' in said
    assert 'page.check("scale-loss", lambda: scale_loss)' in said
    first, second = load_exercise("11/scale-loss"), load_exercise("11/add-up")
    assert (first.order, second.order) == (1, 2)
    assert first.is_stub(first.stub)
    found = {finding.rule: finding.message for finding in audit("11/scale-loss", checkout / "exercises")}
    assert {"unwritten", "few-wrong", "few-hints", "few-accepted", "cases"} <= set(found)
    assert found["few-wrong"] == "there are 0 wrong answers, and 3 are needed"
    assert "check.py, line 1 is still that of the empty frame" in found["unwritten"]


@pytest.mark.slow
def test_the_empty_frame_runs_as_opened(checkout: Path) -> None:
    assert new.main(["11"]) == 0
    assert run_lesson(checkout / PAGE, "opened", exercises=checkout / "exercises").problems == []
