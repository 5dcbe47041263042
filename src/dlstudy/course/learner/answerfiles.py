"""Find a learner's answer to an exercise: in a file of their own, or else in their copy of the lesson's page."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dlstudy.course.content import paths
from dlstudy.course.content.exercises import Exercise
from dlstudy.course.content.lessonfile import LessonError, LessonFile
from dlstudy.course.learner.atomic import write

Origin = Literal["file", "page", "created", "none"]


@dataclass(frozen=True)
class Answer:
    """A learner's answer: `source` is its text and `path` where it was read, `origin` what kind of place that is.

    "created" is a file that has just been made from the exercise's starting text; "none" means there is no answer yet.
    `also` is a second place that holds another answer, which was not read.
    """

    origin: Origin
    source: str
    path: Path
    also: Path | None = None


def find_answer(exercise: Exercise, lesson_file: str, learner: Path | None = None, *, create: bool = False) -> Answer:
    """Return the learner's answer to `exercise`: from their own file, else from the answer cell of their page.

    A place that still holds the starting text counts only when the other has nothing more. With `create`, a file is
    made from the starting text where neither place holds an answer.

    Raises LessonError: the learner's copy of the lesson cannot be read. Raises OSError: the file cannot be read or
    made.
    """
    learner = learner or paths.learner_folder()
    own = own_file(exercise, learner)
    page = learner / lesson_file
    written = _read(own)
    typed = _cell(page, exercise.cell_name)
    own_counts = written is not None and not exercise.is_stub(written)
    page_counts = typed is not None and not exercise.is_stub(typed)
    if written is not None and (own_counts or not page_counts):
        return Answer("file", written, own, page if own_counts and page_counts and typed != written else None)
    if typed is not None and page_counts:
        return Answer("page", typed, page)
    if create:
        own.parent.mkdir(parents=True, exist_ok=True)
        write(own, exercise.stub_file)
        return Answer("created", exercise.stub_file, own)
    return Answer("none", "", own)


def own_file(exercise: Exercise, learner: Path | None = None) -> Path:
    """Return where the learner's own file for `exercise` is; it may not exist."""
    return paths.answer_file(int(exercise.lesson), exercise.slug, learner)


def _read(path: Path) -> str | None:
    if not path.is_file():
        return None
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise LessonError(f"{path} is not UTF-8 text; save it as UTF-8 and try again") from error


def _cell(page: Path, name: str) -> str | None:
    if not page.is_file():
        return None
    return next((cell.code for cell in LessonFile.read(page).cells if cell.name == name), None)
