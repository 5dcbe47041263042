"""What failed last time, brought back after growing pauses: exercises and questions, from the progress file alone.

An exercise or a question enters the review when a try fails, and an exercise also when a hint or its solution was
opened. It comes back after the first of the `PAUSES`. Each time it is then done right, the next pause is longer; after
the last one it is learnt and leaves. Whatever goes wrong again begins anew. Doing it right before its day does not
count: what is still in the ear says nothing about memory.
"""

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from dlstudy.course.content.catalogue import Catalogue
from dlstudy.course.learner.progress import Progress

PAUSES = (1, 3, 7, 16, 35)
"""Days until an item comes back, by how often it has been done right on its day."""

WHY = {"failed": "went wrong", "hint": "took a hint", "solution": "took the solution"}
"""What brought an item here, in words."""

Kind = Literal["exercise", "question"]
Event = tuple[str, bool, str]
"""When (ISO time), whether it went well, and what happened: "failed", "hint", "solution" or "right"."""


@dataclass(frozen=True)
class Item:
    """Something to do again: exercise `lesson`/`name` or a lesson's question; `step` counts the reviews that went well.

    `due` is the learner's own calendar day; `why` is what brought it here ("failed", "hint" or "solution"); `solved`
    tells whether it has ever been done right.
    """

    kind: Kind
    lesson: str
    name: str
    due: date
    step: int
    why: str
    solved: bool


def items(progress: Progress, catalogue: Catalogue) -> list[Item]:
    """Return all that is in review, the longest due first; only what the written lessons still hold."""
    found = []
    for (kind, lesson, name), events in _history(progress).items():
        if name in _there(catalogue, kind).get(lesson, ()):
            item = schedule(kind, lesson, name, events)
            if item:
                found.append(item)
    return sorted(found, key=lambda item: (item.due, item.lesson, item.name))


def due(found: Iterable[Item], today: date | None = None) -> list[Item]:
    """Return those of the items whose day has come."""
    today = today or date.today()
    return [item for item in found if item.due <= today]


def schedule(kind: Kind, lesson: str, name: str, events: Iterable[Event]) -> Item | None:
    """Return where the events, in any order, leave an item; None where it never went wrong or is learnt."""
    step, day, why, solved = -1, date.max, "", False
    for today, _, well, what in sorted((day_of(at), at, well, what) for at, well, what in events):
        solved = solved or well
        if not well:
            step, day, why = 0, today + timedelta(PAUSES[0]), what
        elif step >= 0 and today >= day:
            step += 1
            if step == len(PAUSES):
                step = -1
            else:
                day = today + timedelta(PAUSES[step])
    return Item(kind, lesson, name, day, step, why, solved) if step >= 0 else None


def day_of(at: str) -> date:
    """Return the learner's calendar day of a moment in the progress file.

    One that cannot be read, or that a clock put more than a day into the future, is long ago: what went wrong then is
    due, and is not hidden until that day comes.
    """
    long_ago = date.min + timedelta(1)
    if at > _latest():
        return long_ago
    try:
        moment = datetime.fromisoformat(at)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone().date()
    except (ValueError, OverflowError):
        return long_ago


def _latest() -> str:
    """Return the last moment that a clock is believed."""
    return (datetime.now(UTC) + timedelta(1)).isoformat(timespec="microseconds")


_FAILED = """
    SELECT exercise, MAX(passed), MAX(CASE WHEN NOT passed AND at <= ? THEN at END),
    MAX(CASE WHEN NOT passed THEN at END)
    FROM attempts WHERE archived IS NULL AND verdict != 'not-yet' GROUP BY exercise
"""
# A day of the calendar of UTC holds two days of the learner's at most: its first and last success stand for all.
_RIGHT = """
    SELECT MIN(at), MAX(at) FROM attempts WHERE archived IS NULL AND verdict != 'not-yet'
    AND exercise = ? AND passed = 1 AND at > ? AND at <= ? GROUP BY substr(at, 1, 10)
"""


def _history(progress: Progress) -> dict[tuple[Kind, str, str], list[Event]]:
    """Return the events of every item, of an exercise only those that decide: ten years of tries are as quick as one.

    An exercise begins anew with each failure, so what counts is the last one and the successes after it.
    """
    history: dict[tuple[Kind, str, str], list[Event]] = {}
    nothing: dict[str, list[Event]] = {}
    for exercise, events in progress.read(_exercises, nothing).items():
        lesson, _, slug = exercise.partition("/")
        history["exercise", lesson, slug] = events
    for lesson, question, at, right in progress.rows(
        "SELECT lesson, question, at, correct FROM quiz WHERE archived IS NULL"
    ):
        event = (at, bool(right), "right" if right else "failed")
        history.setdefault(("question", lesson, question), []).append(event)
    return history


def _exercises(db: sqlite3.Connection) -> dict[str, list[Event]]:
    latest = _latest()
    begins: dict[str, Event] = {}
    solved = set()

    for exercise, passed, failed, ever in db.execute(_FAILED, (latest,)).fetchall():
        if passed:
            solved.add(exercise)
        if failed or ever:
            begins[exercise] = (failed or ever, False, "failed")
    for table, what in (("hints", "hint"), ("solutions", "solution")):
        for exercise, at in db.execute(f"SELECT exercise, at FROM {table} WHERE archived IS NULL").fetchall():
            known = begins.get(exercise, (at, False, what))
            begins[exercise] = max(known, (at, False, what), key=lambda event: (day_of(event[0]), event))
    found = {}
    for exercise, first in begins.items():
        since = first[0] if first[0] <= latest else ""
        right = {at for row in db.execute(_RIGHT, (exercise, since, latest)) for at in row}
        long_ago: list[Event] = [("", True, "right")] if exercise in solved else []
        found[exercise] = [*long_ago, first, *((at, True, "right") for at in sorted(right))]
    return found


def _there(catalogue: Catalogue, kind: Kind) -> Mapping[str, tuple[str, ...]]:
    return {lesson.id: lesson.exercises if kind == "exercise" else lesson.quiz for lesson in catalogue.lessons}
