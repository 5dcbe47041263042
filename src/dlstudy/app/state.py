"""What every route and page of the course works with: the learner's folder and progress, the lessons, the index."""

from __future__ import annotations

import os
import threading
from functools import cached_property
from pathlib import Path

from dlstudy.app.codes import OneTimeCodes
from dlstudy.course.content import catalogue as catalogues
from dlstudy.course.content import paths, search
from dlstudy.course.content.catalogue import Catalogue, Lesson
from dlstudy.course.learner import notes
from dlstudy.course.learner.progress import Progress


class State:
    """One learner's course as a server holds it; `base` is the path under which a proxy serves it, or ""."""

    def __init__(self, base: str = "") -> None:
        self.base = base
        self.learner: Path = paths.learner_folder()
        self.codes = OneTimeCodes()
        self.closed: set[str] = set()
        """Pages that were saved and closed to free their memory, and not opened since."""
        self._progress: Progress | None = None
        self._opening = threading.Lock()

    @cached_property
    def catalogue(self) -> Catalogue:
        """The lessons as they ship."""
        return catalogues.load()

    @property
    def progress(self) -> Progress:
        """The learner's progress; not for the event loop, which nothing may hold up: see `CourseRequest.kept`."""
        with self._opening:
            if self._progress is None:
                self._progress = Progress(paths.progress_file(self.learner))
            return self._progress

    def close(self) -> None:
        """Write what waits for the progress file, and close it: the server ends."""
        with self._opening:
            if self._progress is not None:
                self._progress.close()
                self._progress = None

    @cached_property
    def notes(self) -> notes.Searched:
        """The learner's notes as the search finds them."""
        return notes.Searched(self.progress, self.has_page)

    @cached_property
    def library(self) -> search.Library:
        """The index of the course."""
        return search.Library()

    def has_page(self, file: str) -> bool:
        """Tell whether the learner's folder holds this page: the file itself, and no link to one elsewhere."""
        return paths.has_page(file, self.learner) and not (self.learner / file).is_symlink()

    def may_open(self, file: str) -> bool:
        """Tell whether a kernel may start for `file`: a page of the folder, under the very name that it has there.

        Where upper and lower case name the same file, one page would else be open twice, and each would save over
        the other.
        """
        return self.has_page(file) and file in os.listdir(self.learner)


def exercise_title(lesson: Lesson, slug: str) -> str:
    """Return an exercise's title for people; its slug in words where the exercise cannot be read."""
    from dlstudy.course.content.exercises import load_exercise

    try:
        return load_exercise(f"{lesson.id}/{slug}").title
    except (ValueError, OSError):
        return slug.replace("-", " ").capitalize()
