"""The study guide's weeks as a plan: what each part holds, how long it takes, and what of it is done and left."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dlstudy.course.content import catalogue as catalogues
from dlstudy.course.content.catalogue import Catalogue, Lesson


@dataclass(frozen=True)
class Part:
    """One part of the plan: `first` and `last` are its weeks, from 1; `when` is that in words ("weeks 3 and 4").

    `left` holds the minutes of each lesson that are still to do, by lesson number: its study time, less the share of
    its core that is done. A lesson that is planned and not written counts with nothing left: there is nothing to do.
    """

    name: str
    when: str
    first: int
    last: int
    lessons: tuple[Lesson, ...]
    left: Mapping[int, int]

    @property
    def minutes(self) -> int:
        """Study time of the written lessons."""
        return sum(lesson.minutes for lesson in self.lessons if lesson.written)

    @property
    def minutes_left(self) -> int:
        """What of that is still to do."""
        return sum(self.left.values())

    @property
    def done(self) -> bool:
        """Whether all of it is written and done."""
        return all(lesson.written for lesson in self.lessons) and not any(self.left.values())


def plan(catalogue: Catalogue, snapshot: Mapping[str, Any]) -> list[Part]:
    """Return the parts that have weeks of their own, in order; a lesson that goes beside others is in none."""
    parts = []
    for group in catalogue.groups:
        lessons = [lesson for lesson in group.lessons if _weeks(lesson.when)]
        if not lessons:
            continue
        weeks = [week for lesson in lessons for week in _weeks(lesson.when)]
        left = {lesson.number: minutes_left(lesson, snapshot) for lesson in lessons}
        parts.append(Part(group.name, lessons[0].when, min(weeks), max(weeks), tuple(lessons), left))
    return parts


def beside(catalogue: Catalogue) -> list[Lesson]:
    """Return the lessons that have no week: they are taken beside or after others."""
    return [lesson for lesson in catalogue.lessons if not _weeks(lesson.when)]


def current(parts: list[Part], snapshot: Mapping[str, Any]) -> Part | None:
    """Return the part that the learner is in: that of the lesson opened last, or the next one with something left.

    None where everything that is written is done.
    """
    last = snapshot.get("last")
    here = next((i for i, part in enumerate(parts) if any(lesson.id == last for lesson in part.lessons)), 0)
    for part in [*parts[here:], *parts[:here]]:
        if part.minutes_left:
            return part
    return None


def minutes_left(lesson: Lesson, snapshot: Mapping[str, Any]) -> int:
    """Return the minutes of a lesson that are still to do, to five minutes."""
    if not lesson.written:
        return 0
    count = catalogues.completion(lesson, snapshot)
    if count["complete"]:
        return 0
    share = count["core_done"] / count["core_total"] if count["core_total"] else 0.0
    return max(5, round(lesson.minutes * (1 - share) / 5) * 5)


def _weeks(when: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", when)] if when.startswith("week") else []
