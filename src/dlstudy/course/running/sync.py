"""Bring lessons into step with library and exercises: `python -m dlstudy.course.running.sync [--check] [LESSON...]`.

Library blocks are rewritten from `src/`, answer cells from their exercise's stub, the prose between an exercise's
heading and its answer cell from the exercise's task, and every page is put into the form in which the editor saves it.
With `--check` nothing is written and a difference ends with exit code 1.
"""

import argparse
import difflib
import re
import sys
from pathlib import Path

from dlstudy.course.content import paths, stubs
from dlstudy.course.content.exercises import ExerciseError, exercise_ids, load_exercise
from dlstudy.course.content.lessonfile import LessonError, LessonFile


def shown(source: str) -> str:
    """Return library source as a lesson shows it: docstrings in `'''`, which a save leaves alone.

    Raises LessonError: the source uses both kinds of triple quotes, so that one cannot stand for the other.
    """
    if '"""' in source and "'''" in source:
        raise LessonError("a library block cannot show source that uses both kinds of triple quotes")
    return source.replace('"""', "'''").strip("\n")


def block_source(address: str) -> str:
    """Return the text that the library block of `module:object` must show.

    Raises LessonError: there is no such object.
    """
    try:
        return shown(stubs.library_source(address))
    except stubs.SourceError as error:
        raise LessonError(f"library block: {error}") from error


def synced(text: str, path: Path, exercises: Path | None = None) -> str:
    """Return the lesson's `text` with library blocks, stubs and layout as they must be.

    Raises LessonError: the page, a block's address or an exercise is broken; the message says where.
    """
    from dlstudy.course import engine

    number = path.name[:2]
    text = re.sub(
        r"^(needs|code):\s*(\[\s*\]|''|\"\")?\s*$\n(?!\s*-)", r"\1: none\n", text, count=2, flags=re.MULTILINE
    )
    page = LessonFile.parse(text, path)
    for index in range(len(page.library_blocks)):
        block = page.library_blocks[index]
        page = LessonFile.parse(page.with_block(block, block_source(block.source)), path)
    cells = {cell.name for cell in page.cells}
    for name in exercise_ids(number, exercises):
        try:
            exercise = load_exercise(name, exercises)
            if exercise.cell_name in cells:
                page = LessonFile.parse(page.with_cell(exercise.cell_name, exercise.stub), path)
                page = LessonFile.parse(_with_task(page, exercise.cell_name, exercise.task), path)
        except ExerciseError as error:
            raise LessonError(f"{path.name}: {error}") from error
    return engine.saved_text(page.text, path.name)


def _with_task(page: LessonFile, cell_name: str, task: str) -> str:
    """Return the page's text with `task` as all that stands between the answer cell and the heading above it."""
    cell = page.cell(cell_name)
    headings = [section.line for section in page.sections if section.line < cell.start_line]
    if not headings or any(headings[-1] < other.start_line < cell.start_line for other in page.cells):
        raise LessonError(f"{page.path.name}: expected a heading right above the task and answer cell {cell_name}")
    lines = page.text.split("\n")
    return "\n".join([*lines[: headings[-1]], "", *task.strip("\n").split("\n"), "", *lines[cell.start_line - 1 :]])


def main(arguments: list[str] | None = None) -> int:
    """Bring the named lessons (all when none is named) into step; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m dlstudy.course.running.sync", description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 when a lesson would change")
    parser.add_argument("lessons", nargs="*", type=Path, help="lesson files (all of lessons/ when none is named)")
    options = parser.parse_args(arguments)
    code = 0
    for path in options.lessons or sorted(paths.lessons_folder().glob("*.md")):
        try:
            page = LessonFile.read(path)
            text = synced(page.text, path)
        except (LessonError, OSError) as error:
            print(error, file=sys.stderr)
            code = 2
            continue
        if text == page.text:
            print(f"{path.name}: in step")
        elif options.check:
            code = max(code, 1)
            difference = difflib.unified_diff(
                page.text.splitlines(), text.splitlines(), "as it is", "as it must be", "", "", 1
            )
            print(f"{path.name}: out of step; mend it with: python -m dlstudy.course.running.sync", file=sys.stderr)
            print("\n".join(difference), file=sys.stderr)
        else:
            page.write(text)
            print(f"{path.name}: rewritten")
    return code


if __name__ == "__main__":
    sys.exit(main())
