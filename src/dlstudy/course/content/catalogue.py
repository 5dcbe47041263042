"""The 27 lessons: what their pages say of themselves, what is planned of the others, and what exists of each.

A written lesson's facts stand in its page's front matter alone; `roadmap.toml` has the groups, their order, and the
facts of what is only planned. No more of a page is read than its front matter, and of an exercise than its head, so
that the home page does not wait for the text of the lessons.
"""

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from dlstudy.course.content import paths, questions
from dlstudy.course.content.exercises import exercise_ids
from dlstudy.course.content.lessonfile import FrontMatter, LessonError, read_facts

ROADMAP = Path(__file__).with_name("roadmap.toml")
OF_THE_PAGE = ("title", "stars", "track", "minutes", "needs")
"""The facts that a written lesson's page tells; `roadmap.toml` has them of what is only planned."""


class UnknownLesson(LookupError):
    """No lesson goes by this name; the message names the nearest ones."""


@dataclass(frozen=True)
class Lesson:
    """One lesson: `number` 0 is the overview; `minutes` is core study time; `needs` are numbers of earlier lessons.

    `exercises` (slugs) and `quiz` (question ids) are in the order of the page; `core` holds those of both that count
    for completion. All three are empty while the lesson is not written.
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

    @property
    def pages(self) -> list[Lesson]:
        """The overview and the 27 lessons, each of which has a page or will have one."""
        return [self.overview, *self.lessons]

    def of_file(self, name: str) -> Lesson | None:
        """Return the lesson whose page is the file `name`, None where there is none."""
        return next((lesson for lesson in self.pages if lesson.file == name), None)

    def find(self, name: str) -> Lesson:
        """Return the lesson that "1", "01", "01_Tensors_and_Autograd", its file name or its title stands for.

        Raises UnknownLesson: there is none; the message names the nearest.
        """
        wanted = name.strip().removesuffix(".md").casefold()
        if wanted.isdecimal():
            for lesson in self.pages:
                if lesson.number == int(wanted):
                    return lesson
            raise UnknownLesson(f"There is no lesson {name.strip()}; lessons go from 1 to {len(self.lessons)}.")
        for lesson in self.pages:
            stem = lesson.file.removesuffix(".md").casefold()
            if wanted in (stem, stem[3:], lesson.title.casefold()):
                return lesson
        names = {lesson.file.removesuffix(".md").casefold(): lesson for lesson in self.pages}
        for lesson in self.pages:
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

    Raises LessonError: a written lesson's or exercise's file cannot be read; the message names it.
    """
    root = root or paths.content_root()
    roadmap = _roadmap()
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


@cache
def _roadmap() -> dict[str, Any]:
    return tomllib.loads(ROADMAP.read_text(encoding="utf-8"))


def _lesson(planned: dict[str, Any], group: str, root: Path) -> Lesson:
    page = root / "lessons" / planned["file"]
    written = page.is_file()
    if not written:  # a lesson that this folder lacks may still be one that ships
        page = paths.shipped_root() / "lessons" / planned["file"]
    facts = {**planned, **(_facts(page) if page.is_file() else {})}
    if missing := [key for key in OF_THE_PAGE if key not in facts]:
        raise LessonError(f"{planned['file']}: neither the page nor roadmap.toml tells its {', '.join(missing)}")
    lesson = Lesson(number=int(planned["file"][:2]), group=group, **{**facts, "needs": tuple(facts["needs"])})
    if not written:
        return lesson
    exercises, quiz, core = _parts(root / "exercises" / lesson.id)
    return replace(lesson, written=True, exercises=exercises, quiz=quiz, core=core)


def _facts(page: Path) -> dict[str, Any]:
    """What a page's front matter says of its lesson."""
    there = page.stat()
    front = _front(page, (there.st_mtime_ns, there.st_size))
    return {key: getattr(front, key) for key in OF_THE_PAGE}


@lru_cache(maxsize=200)
def _front(page: Path, stamp: tuple[int, int]) -> FrontMatter:
    """What the front matter said at the time of `stamp`: the home page asks for every page again and again."""
    return read_facts(page)


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
