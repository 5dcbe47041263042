"""Check answers that are written in the learner's own editor: once, or again after every save."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from dlstudy.commands import terminal
from dlstudy.course.learner import answerfiles

if TYPE_CHECKING:
    from rich.console import Console

    from dlstudy.course.checking.verdict import Verdict
    from dlstudy.course.checking.worker import Worker
    from dlstudy.course.content.exercises import Exercise
    from dlstudy.course.learner.answerfiles import Answer
    from dlstudy.course.learner.progress import Progress

LOOK_SECONDS = 0.2
"""How often the files are looked at; asking for their time and size costs next to nothing."""

Stamp = tuple[tuple[int, int] | None, ...]


def check(
    item: "Exercise",
    answer: "Answer",
    worker: "Worker",
    progress: "Progress",
    console: "Console",
    *,
    with_task: bool = False,
) -> "Verdict":
    """Check one answer, record the try and print what was found; `with_task`: and the task, where nothing is done."""
    place = "your file" if answer.origin == "file" else "the answer cell of your page"
    console.print(f"[dim]Read from {place}: {answer.path}[/dim]", soft_wrap=True)
    if answer.also:
        console.print(f"[dim]Your page holds another answer, which was not read: {answer.also}[/dim]", soft_wrap=True)
    with terminal.waiting("Checking"):
        verdict = worker.check(item, answer.source)
    progress.record_check(item.id, verdict, answer.source)
    if verdict.status == "not-yet" and with_task:
        terminal.task(console, item)
    terminal.show_verdict(console, item, verdict)
    return verdict


def watch(
    item: "Exercise",
    lesson_file: str,
    worker: "Worker",
    progress: "Progress",
    console: "Console",
    *,
    learner: Path,
    saves: "Iterator[None] | None" = None,
) -> bool:
    """Check the answer to `item` now and after every save, until Ctrl-C; return whether the last check passed.

    A save that leaves the answer's text as it was is not checked again. A file that cannot be read for a moment, as in
    the middle of a save, is read at the next one.
    """
    from dlstudy.course.content.lessonfile import LessonError

    first = answerfiles.find_answer(item, lesson_file, learner, create=True)
    if first.origin == "created":
        terminal.task(console, item)
        console.print(f"Made a file for your answer: {first.path}", soft_wrap=True)
    places = [answerfiles.own_file(item, learner), learner / lesson_file]
    checked: str | None = None
    passed = False
    try:
        for number, _ in enumerate(_now_and(saves if saves is not None else saved(places))):
            try:
                answer = answerfiles.find_answer(item, lesson_file, learner)
            except (LessonError, OSError) as error:
                console.print(str(error), style="yellow", soft_wrap=True, markup=False)
                continue
            if answer.origin == "none" or answer.source == checked:
                continue
            if number:
                console.rule(time.strftime("%H:%M:%S"), style="dim")
            checked = answer.source
            passed = check(item, answer, worker, progress, console, with_task=False).passed
            console.print("\n[dim]Save the file to check it again; Ctrl-C ends this.[/dim]")
    except KeyboardInterrupt:
        console.print()
    return passed


def saved(
    paths: list[Path],
    *,
    look: Callable[[list[Path]], Stamp] | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[None]:
    """Yield after each save of one of the files, once they have been at rest for one look.

    Editors write in several steps (empty the file, write it; or write a neighbour and rename it), so a change counts
    when two looks in a row see the same, and a file that is missing for a moment is no change at all.
    """
    look = look or _stamps
    known = before = look(paths)
    while True:
        sleep(LOOK_SECONDS)
        now = look(paths)
        if now == before and any(new not in (None, old) for new, old in zip(now, known)):
            known = now
            yield
        before = now


def _stamps(paths: list[Path]) -> Stamp:
    found: list[tuple[int, int] | None] = []
    for path in paths:
        try:
            facts = path.stat()
            found.append((facts.st_mtime_ns, facts.st_size))
        except OSError:
            found.append(None)
    return tuple(found)


def _now_and(later: Iterator[None]) -> Iterator[None]:
    yield
    yield from later
