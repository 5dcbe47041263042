"""What comes back and when: the pauses, what begins anew, and what counts as an event."""

from __future__ import annotations

import itertools
import random
import sqlite3
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from dlstudy.course.content import catalogue
from dlstudy.course.learner import notes, review, weeks
from dlstudy.course.learner.progress import Progress
from dlstudy.course.learner.review import PAUSES, Item, schedule

START = date(2026, 3, 2)


def at(day: int, hour: int = 12, minute: int = 0) -> str:
    """A moment of the learner's own day, as the progress file writes it."""
    local = datetime(START.year, START.month, START.day, hour, minute).astimezone() + timedelta(day)
    return local.isoformat()


def left(*events: tuple[int, str]) -> tuple[int, int] | None:
    """Return (day on which it is due, step) after events of (day, what)."""
    given = [(at(day, 8, minute), what == "right", what) for minute, (day, what) in enumerate(events)]
    item = schedule("exercise", "01", "x", given)
    return ((item.due - START).days, item.step) if item else None


def test_what_never_went_wrong_never_comes_back() -> None:
    assert left() is None
    assert left((0, "right"), (5, "right")) is None


@pytest.mark.parametrize("what", ["failed", "hint", "solution"])
def test_whatever_went_wrong_comes_back_the_next_day(what: str) -> None:
    assert left((0, what)) == (1, 0)
    assert left((0, what), (0, "right")) == (1, 0), "right on the same day says nothing about memory"


def test_each_right_answer_on_its_day_makes_the_pause_longer_until_it_is_learnt() -> None:
    days = [0, *itertools.accumulate(PAUSES)]
    assert days == [0, 1, 4, 11, 27, 62]
    for count in range(len(PAUSES)):
        events = [(0, "failed"), *((day, "right") for day in days[1 : count + 1])]
        assert left(*events) == (days[count + 1], count)
    assert left((0, "failed"), *((day, "right") for day in days[1:])) is None


def test_too_early_does_not_count_late_counts_from_the_day_it_was_done() -> None:
    assert left((0, "failed"), (1, "right"), (2, "right"), (3, "right")) == (4, 1)
    assert left((0, "failed"), (10, "right")) == (13, 1)


def test_a_mistake_begins_anew_also_after_it_was_learnt() -> None:
    days = list(itertools.accumulate(PAUSES))
    assert left((0, "failed"), (1, "right"), (4, "right"), (5, "failed")) == (6, 0)
    assert left((0, "failed"), *((day, "right") for day in days), (100, "hint")) == (101, 0)


def test_events_count_in_the_order_of_their_times() -> None:
    events = [(at(1), True, "right"), (at(0), False, "failed"), (at(4), True, "right")]
    for order in itertools.permutations(events):
        item = schedule("question", "01", "q", order)
        assert item is not None
        assert (item.due - START).days == 11


def test_days_are_the_learners_own(monkeypatch: pytest.MonkeyPatch) -> None:
    late = datetime.fromisoformat(at(0, 23, 59))
    soon = late + timedelta(minutes=2)
    item = schedule("question", "01", "q", [(late.isoformat(), False, "failed"), (soon.isoformat(), True, "right")])
    assert item is not None
    assert item.step == 1, "a minute after midnight it is tomorrow"


def test_the_progress_file_is_read_and_only_what_is_still_there_is_shown(tmp_path: Path) -> None:
    known = catalogue.load()
    lesson = known.find("01")
    first, second, third = lesson.exercises[:3]
    question = lesson.quiz[0]
    with Progress(tmp_path / "progress.sqlite") as progress:
        for slug in (first, "no-longer-there"):
            progress.record_attempt(f"01/{slug}", passed=False, source="x", verdict="failed")
        progress.record_attempt(f"01/{first}", passed=True, source="y", verdict="passed")
        progress.record_attempt(f"01/{second}", passed=False, source="x", verdict="not-yet")
        progress.open_hint(f"01/{third}", 1)
        progress.record_quiz("01", question, "a", False)
        found = review.items(progress, known)
        assert {(item.kind, item.name, item.why, item.solved) for item in found} == {
            ("exercise", first, "failed", True),
            ("exercise", third, "hint", False),
            ("question", question, "failed", False),
        }
        assert review.due(found) == []
        tomorrow = date.today() + timedelta(1)
        assert review.due(found, tomorrow) == found
        progress.reset("01", first)
        assert first not in {item.name for item in review.items(progress, known)}


def test_the_longest_due_comes_first() -> None:
    one = Item("exercise", "01", "b", START, 0, "failed", True)
    assert review.due([one], START) == [one]
    assert review.due([one], START - timedelta(1)) == []


# ---- the weekly plan ------------------------------------------------------------------------------------------------


def test_the_weeks_are_the_study_guides() -> None:
    parts = weeks.plan(catalogue.load(), {})
    assert [(part.name, part.first, part.last) for part in parts[:6]] == [
        ("Basics", 1, 1),
        ("CNN", 2, 2),
        ("Sequence Models", 3, 4),
        ("Practical", 5, 5),
        ("Generative Models", 6, 7),
        ("Advanced Techniques", 8, 9),
    ]
    assert [[lesson.number for lesson in part.lessons] for part in parts[:2]] == [[1, 2, 3, 4], [5, 6, 7]]
    numbers = [lesson.number for part in parts for lesson in part.lessons]
    numbers += [lesson.number for lesson in weeks.beside(catalogue.load())]
    assert sorted(numbers) == list(range(1, 28)), "every lesson has its place"


def test_what_is_left_shrinks_with_what_is_done(tmp_path: Path) -> None:
    known = catalogue.load()
    lesson = known.find("01")
    with Progress(tmp_path / "progress.sqlite") as progress:
        assert weeks.minutes_left(lesson, progress.snapshot()) == lesson.minutes
        core = [slug for slug in lesson.exercises if slug in lesson.core]
        for slug in core:
            progress.record_attempt(f"01/{slug}", passed=True, source="x", verdict="passed")
        part_done = weeks.minutes_left(lesson, progress.snapshot())
        count = catalogue.completion(lesson, progress.snapshot())
        assert abs(part_done - lesson.minutes * (1 - count["core_done"] / count["core_total"])) <= 5
        for question in lesson.quiz:
            progress.record_quiz("01", question, "a", True)
        assert weeks.minutes_left(lesson, progress.snapshot()) == 0
    planned = next(one for one in known.lessons if not one.written)
    assert weeks.minutes_left(planned, {}) == 0


def test_the_week_is_that_of_the_lesson_opened_last_and_then_the_next_with_something_left() -> None:
    known = catalogue.load()
    parts = weeks.plan(known, {})
    found = weeks.current(parts, {"last": None})
    assert found is not None
    assert found.name == "Basics"
    second = weeks.Part("CNN", "week 2", 2, 2, parts[1].lessons, {5: 90})
    found = weeks.current([parts[0], second], {"last": "05"})
    assert found is second
    assert weeks.current([weeks.Part("Basics", "week 1", 1, 1, parts[0].lessons, {1: 0})], {"last": "01"}) is None


@pytest.mark.parametrize("seed", range(20))
def test_the_tries_that_decide_stand_for_all_of_them(tmp_path: Path, seed: int) -> None:
    """An exercise's schedule from the file, which reads few of its tries, is the one from all of them."""
    chance, begin = random.Random(seed), datetime.now(UTC) - timedelta(200)
    events = []
    for _ in range(chance.choice((1, 5, 40, 400))):
        moment = (begin + timedelta(hours=chance.randrange(24 * 195))).isoformat(timespec="microseconds")
        right = chance.random() < chance.choice((0.5, 0.99))
        events.append((moment, right, "right" if right else chance.choice(("failed", "hint", "solution"))))

    def fill(db: sqlite3.Connection) -> None:
        for moment, right, what in events:
            if what in ("right", "failed"):
                add_try(db, "01/flat-index", moment, right)
            else:
                db.execute(f"INSERT INTO {what}s VALUES ('01/flat-index', 1, ?, NULL)", (moment,))

    with Progress(tmp_path / "progress.sqlite") as progress:
        progress.write(fill, None)
        found = [item for item in review.items(progress, catalogue.load()) if item.name == "flat-index"]
    expected = schedule("exercise", "01", "flat-index", events)
    assert found == ([expected] if expected else [])


def add_try(db: sqlite3.Connection, exercise: str, moment: str, right: bool) -> None:
    sql = "INSERT INTO attempts (exercise, at, passed, verdict, source, seconds) VALUES (?, ?, ?, 'v', 'x', 0)"
    db.execute(sql, (exercise, moment, int(right)))


def test_ten_times_the_tries_and_notes_cost_ten_times_the_steps(tmp_path: Path) -> None:
    """SQLite counts its own steps: what a home page asks for grows with the file, not with its square."""
    steps = []
    for size in (300, 3000):
        moments = [(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=n)).isoformat() for n in range(size)]

        def fill(db: sqlite3.Connection, moments: list[str] = moments) -> None:
            for n, moment in enumerate(moments):
                add_try(db, f"01/e{n % 10}", moment, right=False)
                values = (f"n{n}", moment)
                db.execute("INSERT INTO notes VALUES (NULL, ?, 'a.md', '', '', 'x', 0, ?)", values)

        with Progress(tmp_path / f"{size}.sqlite") as progress:
            progress.write(fill, None)
            taken: list[int] = []
            progress._db.set_progress_handler(lambda taken=taken: taken.append(1), 100)
            review.items(progress, catalogue.load())
            progress.snapshot()
            newest, count = notes.latest(progress, lambda page: True, 105)
            assert (len(newest), count) == (105, size)
            steps.append(len(taken))
    assert 0 < steps[1] < 15 * steps[0], steps
