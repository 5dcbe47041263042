"""What failed last time, brought back after growing pauses: exercises and questions, from the progress file alone.

An exercise or a question enters the review when a try fails, and an exercise also when a hint or its solution was
opened. It comes back after the first of the `PAUSES`. Each time it is then done right, the next pause is longer; after
the last one it is learnt and leaves. Whatever goes wrong again begins anew. Doing it right before its day does not
count: what is still in the ear says nothing about memory.
"""

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
    for at, well, what in sorted(events):
        today = day_of(at)
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
    """Return the learner's calendar day of a moment in the progress file; an unreadable one is long ago."""
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return date.min + timedelta(1)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone().date()


def _history(progress: Progress) -> dict[tuple[Kind, str, str], list[Event]]:
    history: dict[tuple[Kind, str, str], list[Event]] = {}

    def add(kind: Kind, lesson: str, name: str, event: Event) -> None:
        history.setdefault((kind, lesson, name), []).append(event)

    for exercise, at, passed in progress.rows(
        "SELECT exercise, at, passed FROM attempts WHERE archived IS NULL AND verdict != 'not-yet'"
    ):
        lesson, _, slug = exercise.partition("/")
        add("exercise", lesson, slug, (at, bool(passed), "right" if passed else "failed"))
    for table, what in (("hints", "hint"), ("solutions", "solution")):
        for exercise, at in progress.rows(f"SELECT exercise, at FROM {table} WHERE archived IS NULL"):
            lesson, _, slug = exercise.partition("/")
            add("exercise", lesson, slug, (at, False, what))
    for lesson, question, at, right in progress.rows(
        "SELECT lesson, question, at, correct FROM quiz WHERE archived IS NULL"
    ):
        add("question", lesson, question, (at, bool(right), "right" if right else "failed"))
    return history


def _there(catalogue: Catalogue, kind: Kind) -> Mapping[str, tuple[str, ...]]:
    return {lesson.id: lesson.exercises if kind == "exercise" else lesson.quiz for lesson in catalogue.lessons}
