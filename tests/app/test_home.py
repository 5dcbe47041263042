from __future__ import annotations

import dataclasses
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dlstudy.app.home import machine
from dlstudy.app.home import page as home
from dlstudy.course.content import catalogue
from dlstudy.course.learner import notes
from dlstudy.course.learner.progress import Progress
from tests.app.conftest import CONTENT

SMALL = catalogue.load(CONTENT)


def snapshot(last: str | None = None, *, done: bool = False, ago: timedelta = timedelta(0)) -> dict[str, object]:
    moment = (datetime.now(UTC) - ago).isoformat()
    exercises = {"scale": {"attempts": 1, "passed": done, "hints": 0, "solution": False}}
    lessons = {last: {"seconds": 90.0, "last": moment, "exercises": exercises, "quiz": {}}} if last else {}
    return {"version": 1, "last": last, "problem": None, "lessons": lessons}


def test_every_lesson_stands_below_all_that_it_needs() -> None:
    rows = home.rows(SMALL)
    tracks = {lesson.number: lesson.track for lesson in SMALL.lessons}
    for lesson in SMALL.lessons:
        for need in lesson.needs:
            if lesson.track == tracks[need] == home.TRUNK:
                continue
            assert rows[need] < rows[lesson.number], (need, lesson.number)
    places = [(tracks[number], row) for number, row in rows.items() if tracks[number] != home.TRUNK]
    assert len(places) == len(set(places)), "two lessons in one place"


def test_the_style_sheet_has_a_place_for_every_card() -> None:
    css = (Path(home.__file__).with_name("home.css")).read_text(encoding="utf-8")
    for row in set(home.rows(SMALL).values()):
        assert f".r{row} {{ grid-row:" in css
    tracks = {lesson.track for lesson in SMALL.lessons}
    trunk = [lesson for lesson in SMALL.lessons if lesson.track == home.TRUNK]
    assert len(tracks) - 1 <= 5
    assert len(trunk) <= 5


@pytest.mark.parametrize(
    ("state", "number", "been_there"),
    [
        (snapshot(), 1, False),
        (snapshot("01"), 1, True),
        (snapshot("01", done=True), 2, False),
        (snapshot("02"), 2, True),
        (snapshot("00"), 1, False),
        (snapshot("17"), 1, False),
    ],
)
def test_the_lesson_on_offer(state: dict[str, object], number: int, been_there: bool) -> None:
    lesson, before = home.next_lesson(SMALL, state)
    assert lesson is not None
    assert (lesson.number, before) == (number, been_there)


def test_after_a_finished_lesson_comes_the_next_one_though_an_earlier_is_open() -> None:
    first, second, third = SMALL.lessons[0], SMALL.lessons[1], dataclasses.replace(SMALL.lessons[2], written=True)
    second = dataclasses.replace(second, exercises=("scale",), core=frozenset({"scale"}))
    three = catalogue.Catalogue((catalogue.Group("Basics", "", (first, second, third)),), SMALL.overview)
    assert home.next_lesson(three, snapshot("02", done=True)) == (third, False)


def test_when_all_that_is_written_is_done_the_page_says_so() -> None:
    first = SMALL.lessons[0]
    only = catalogue.Catalogue(
        (catalogue.Group("Basics", "", (first, dataclasses.replace(SMALL.lessons[1], written=False))),), SMALL.overview
    )
    assert home.next_lesson(only, snapshot("01", done=True)) == (None, True)


@pytest.mark.parametrize(
    ("minutes", "text"),
    [(180, "3 h"), (165, "2¾ h"), (150, "2½ h"), (135, "2¼ h"), (90, "1½ h"), (45, "¾ h"), (300, "5 h")],
)
def test_hours_as_people_say_them(minutes: int, text: str) -> None:
    assert home.hours(minutes) == text


@pytest.mark.parametrize(
    ("ago", "text"), [(0, "opened today"), (1, "opened yesterday"), (9, "opened 9 days ago"), (-1, "opened today")]
)
def test_days_as_people_say_them(ago: int, text: str) -> None:
    moment = datetime.now(UTC).astimezone() - timedelta(days=ago)
    assert home._ago(moment.isoformat()) == text
    assert home._ago(None) == home._ago("nonsense") == ""


def test_names_from_files_cannot_break_the_page(tmp_path: Path) -> None:
    evil = dataclasses.replace(SMALL.lessons[0], title='<img src=x onerror="x">', topics="a & b")
    group = catalogue.Group("Basics", "", (evil,))

    class Stand:
        base = ""
        version = "1"
        progress = Progress(tmp_path / "progress.sqlite")
        learner = Path("/<b>learner")
        catalogue = catalogue_ = catalogue.Catalogue((group,), SMALL.overview)

        def has_page(self, file: str) -> bool:
            return True

    notes.save(Stand.progress, "01_Tensors_and_Autograd.md", '"><b>', "<i>title</i>", "<script>note</script>")
    html = home.render(Stand(), snapshot("01") | {"problem": "<script>alert(1)</script>"})  # type: ignore[arg-type]
    assert "<img src=x" not in html
    assert "<script>alert" not in html
    assert "<script>note" not in html
    assert "<i>title" not in html
    assert '"><b>' not in html
    assert "/<b>learner" not in html
    assert "a &amp; b" in html
    assert "opened today" in html
    assert not re.search(r'\sstyle="', html), "the policy of the home page forbids inline styles"


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for nvidia-smi is a script")
@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        ("NVIDIA H200, 143771", "NVIDIA H200, 140 GB"),
        ("NVIDIA A, 24576\nNVIDIA B, 8192", "NVIDIA A, 24 GB; NVIDIA B, 8 GB"),
        ("Odd, [N/A]", "Odd, [N/A]"),
    ],
)
def test_graphics_cards_are_named(answer: str, shown: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\ncat <<'END'\n{answer}\nEND\n", encoding="utf-8")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert machine._graphics() == shown


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for nvidia-smi is a script")
def test_a_broken_driver_is_no_graphics_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'has failed because it could not communicate with the driver'\nexit 9\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert "none found" in machine._graphics() or "Apple" in machine._graphics()
