"""Put an exercise back to its start: the cell of the learner's page, and their own file of an answer.

Whatever is replaced is backed up first. A whole lesson is put back by `folder.reset_lesson`.
"""

from pathlib import Path

from dlstudy.course.content.catalogue import Lesson
from dlstudy.course.content.exercises import ExerciseError, cell_name, load_exercise
from dlstudy.course.learner import answerfiles, folder
from dlstudy.course.learner.progress import Progress


def reset_cell(learner: Path, lesson_file: str, slug: str) -> Path:
    """Put the answer's cell of the learner's page back; return where the page as it was is kept.

    Raises LessonError: the learner's copy or the lesson has no such cell; nothing has been changed.
    """
    return folder.reset_cell(learner, lesson_file, cell_name(slug))


def write_again(learner: Path, progress: Progress, lesson: Lesson, slug: str) -> Path:
    """Put an exercise's cell and file back, to be written once more from memory; return where the page is kept.

    Raises LessonError: as `reset_cell`.
    """
    kept = reset_cell(learner, lesson.file, slug)
    reset_file(learner, f"{lesson.id}/{slug}")
    progress.start_again(f"{lesson.id}/{slug}")
    return kept


def reset_file(learner: Path, exercise: str) -> None:
    """Put the learner's own file of an answer, where there is one that was begun, back to its starting text."""
    try:
        item = load_exercise(exercise)
        own = answerfiles.own_file(item, learner)
        if own.is_file() and not item.is_stub(own.read_text(encoding="utf-8", errors="replace")):
            folder.backup_answer(learner, own)
            folder.write(own, item.stub_file)
    except ExerciseError:
        return  # its own message stands where the exercise is shown
