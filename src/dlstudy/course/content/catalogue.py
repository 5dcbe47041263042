"""The 27 lessons: their facts from `roadmap.toml`, and what exists of each in the content folder."""

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dlstudy.course.content import paths, questions
from dlstudy.course.content.exercises import exercise_ids
from dlstudy.course.content.lessonfile import LessonError, LessonFile


class UnknownLesson(LookupError):
    """No lesson goes by this name; the message names the nearest ones."""


@dataclass(frozen=True)
class Lesson:
    """One lesson: `number` 0 is the overview; `minutes` is core study time; `needs` are numbers of earlier lessons.

    `exercises` (slugs) and `quiz` (question ids) are in the order of the page; `core` holds those of both that count
    for completion. `front` is the front matter as text, empty while the lesson is not written.
    """

    number: int
    file: str
    title: str
    stars: int
    topics: str
    notes: str
    group: str
    track: str
    minutes: int
    when: str
    needs: tuple[int, ...]
    written: bool = False
    exercises: tuple[str, ...] = ()
    quiz: tuple[str, ...] = ()
    core: frozenset[str] = frozenset()
    front: dict[str, str] = field(default_factory=dict, hash=False)

    @property
    def id(self) -> str:
        """The lesson's number in two digits, as folders and progress write it: "01"."""
        return f"{self.number:02d}"


@dataclass(frozen=True)
class Group:
    """A heading of the study guide's table with its lessons in order."""

    name: str
    note: str
    lessons: tuple[Lesson, ...]


@dataclass(frozen=True)
class Catalogue:
    """The study guide's lessons in its order; `overview` (number 0) stands apart from the 27."""

    groups: tuple[Group, ...]
    overview: Lesson

    @property
    def lessons(self) -> list[Lesson]:
        """The 27 lessons in the order of the study guide."""
        return [lesson for group in self.groups for lesson in group.lessons]

    def find(self, name: str) -> Lesson:
        """Return the lesson that "1", "01", "01_Tensors_and_Autograd", its file name or its title stands for.

        Raises:
            UnknownLesson: there is none; the message names the nearest.
        """
        wanted = name.strip().removesuffix(".md").casefold()
        everything = [self.overview, *self.lessons]
        if wanted.isdecimal():
            for lesson in everything:
                if lesson.number == int(wanted):
                    return lesson
            raise UnknownLesson(f"There is no lesson {name.strip()}; lessons go from 1 to {len(self.lessons)}.")
        for lesson in everything:
            stem = lesson.file.removesuffix(".md").casefold()
            if wanted in (stem, stem[3:], lesson.title.casefold()):
                return lesson
        names = {lesson.file.removesuffix(".md").casefold(): lesson for lesson in everything}
        for lesson in everything:
            for word in re.findall(r"\w{4,}", f"{lesson.title} {lesson.topics}".casefold()):
                names.setdefault(word, lesson)
        near = difflib.get_close_matches(wanted, names, n=3, cutoff=0.6)
        nearest = self.search(wanted)[:3] or list(dict.fromkeys(names[match] for match in near))
        advice = "; did you mean " + ", ".join(f"{lesson.id} {lesson.title}" for lesson in nearest) if nearest else ""
        raise UnknownLesson(f"There is no lesson called {name.strip()!r}{advice}. See them all: dlstudy list")

    def search(self, text: str) -> list[Lesson]:
        """Return the lessons whose number, title or topics contain every word of `text`, best matches first."""
        words = re.findall(r"[\w-]+", text.casefold())
        if not words:
            return []

        def rank(lesson: Lesson) -> int:
            title, topics = lesson.title.casefold(), lesson.topics.casefold()
            everything = f"{lesson.id} {title} {topics} {lesson.group.casefold()}"
            if not all(word in everything for word in words):
                return 0
            return 1 + sum(2 * (word in title) + (word in topics) for word in words)

        ranked = [(rank(lesson), lesson) for lesson in self.lessons]
        return [lesson for score, lesson in sorted(ranked, key=lambda pair: (-pair[0], pair[1].number)) if score]


def load(root: Path | None = None) -> Catalogue:
    """Read the roadmap and look in `root` (the content folder) for what is written so far.

    Raises:
        LessonError: a written lesson's or exercise's file cannot be read; the message names it.
    """
    root = root or paths.content_root()
    roadmap = tomllib.loads(Path(__file__).with_name("roadmap.toml").read_text(encoding="utf-8"))
    groups = tuple(
        Group(
            group["name"],
            group["note"],
            tuple(_lesson(facts, group["name"], root) for facts in group["lesson"]),
        )
        for group in roadmap["group"]
    )
    return Catalogue(groups, _lesson(roadmap["overview"], "", root))


def completion(lesson: Lesson, snapshot: Mapping[str, Any]) -> dict[str, Any]:
    """Count what of a lesson is done: exercises passed and quiz questions answered right, from `Progress.snapshot()`.

    Returns `done` of `total`, `core_done` of `core_total`, and `complete`, which counts core only and is never true
    for a lesson that is not written or has nothing to do.
    """
    state = snapshot.get("lessons", {}).get(lesson.id, {})
    passed = {slug for slug, facts in state.get("exercises", {}).items() if facts.get("passed")}
    done = {("exercise", slug) for slug in lesson.exercises if slug in passed}
    right = {question for question, answer in state.get("quiz", {}).items() if answer.get("correct")}
    done |= {("quiz", question) for question in lesson.quiz if question in right}
    core_done = sum(name in lesson.core for _, name in done)
    core_total = sum(name in lesson.core for name in (*lesson.exercises, *lesson.quiz))
    return {
        "done": len(done),
        "total": len(lesson.exercises) + len(lesson.quiz),
        "core_done": core_done,
        "core_total": core_total,
        "complete": lesson.written and core_total > 0 and core_done == core_total,
    }


def _lesson(facts: dict[str, Any], group: str, root: Path) -> Lesson:
    number = int(facts["file"][:2])
    path = root / "lessons" / facts["file"]
    planned = Lesson(number=number, group=group, **{**facts, "needs": tuple(facts["needs"])})
    if not path.is_file():
        return planned
    page = LessonFile.read(path)
    exercises, quiz, core = _parts(root / "exercises" / f"{number:02d}")
    found = {"written": True, "exercises": exercises, "quiz": quiz, "core": core, "front": page.front}
    return Lesson(**{**planned.__dict__, **found})


def _parts(folder: Path) -> tuple[tuple[str, ...], tuple[str, ...], frozenset[str]]:
    """Return the slugs and question ids in the folder, in their order on the page, and those of them that are core."""
    try:
        names = exercise_ids(folder.name, folder.parent)
        exercises = {name.partition("/")[2]: questions.read_head(name, folder.parent).level for name in names}
        quiz = {question.id: question.level for question in questions.read_quiz(folder.name, folder.parent)}
    except questions.ExerciseError as error:
        raise LessonError(str(error)) from error
    core = (name for name, level in [*exercises.items(), *quiz.items()] if level == "core")
    return tuple(exercises), tuple(quiz), frozenset(core)
