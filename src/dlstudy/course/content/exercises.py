"""An exercise as its folder tells it: what to do, what to start from, the solution, and the mistakes it recognises.

`exercises/01/flat-index/` holds `exercise.toml` (see `ExerciseFile` for its keys), `check.py` (see `checking/`),
`accept/*.py` (other right answers), `wrong/ID.py` or `wrong/ID.2.py` (the mistake ID made in other ways) and, where the
library has no natural version, `solution.py`. Reading a folder needs neither NumPy nor torch.
"""

from functools import cached_property
from pathlib import Path

from msgspec.structs import asdict

from dlstudy.course.content import paths, stubs
from dlstudy.course.content.questions import (
    ExerciseError,
    ExerciseFile,
    WrongAnswer,
    read_exercise,
    read_head,
    read_text,
)
from dlstudy.course.content.stubs import SourceError

UNWRITTEN = "TO WRITE"
"""The mark of what a frame leaves to its author (see `running/new.py`)."""

_CELL = "exercise_"


def cell_name(slug: str) -> str:
    """Return the name of a page's cell for the answer to the exercise `slug`: "exercise_flat_index"."""
    return _CELL + slug.replace("-", "_")


def slug_of(cell: str) -> str | None:
    """Return the exercise that a page's cell of this name answers, None where it answers none."""
    return cell.removeprefix(_CELL).replace("_", "-") if cell.startswith(_CELL) else None


class Exercise(ExerciseFile, frozen=True, kw_only=True, dict=True):
    """One exercise: what its file says (see `ExerciseFile`), and what is made of it; `id` is "01/flat-index"."""

    id: str
    folder: Path

    @property
    def lesson(self) -> str:
        """The lesson's number in two digits."""
        return self.id.partition("/")[0]

    @property
    def slug(self) -> str:
        """The exercise's name within its lesson."""
        return self.id.partition("/")[2]

    @property
    def cell_name(self) -> str:
        """The name of the lesson's cell that holds the answer."""
        return cell_name(self.slug)

    @property
    def check_file(self) -> Path:
        """The file with the cases and the oracle."""
        return self.folder / "check.py"

    @cached_property
    def solution(self) -> str:
        """The solution's source, without imports: from the library, or from the exercise's own `solution.py`.

        Types are taken out of its signature unless the exercise keeps its `annotations`.

        Raises ExerciseError: the source is not where the exercise says.
        """
        module, _, name = self.source.partition(":")
        try:
            if module != "solution.py":
                text = stubs.library_source(self.source)
            else:
                text = stubs.definition(read_text(self.folder / "solution.py"), name, f"{self.id}/solution.py")
            return text if self.annotations else stubs.without_annotations(text)
        except SourceError as error:
            raise ExerciseError(f"{self.id}: {error}") from error

    @cached_property
    def stub(self) -> str:
        """The text a learner starts from in the page: no import lines, which the page's own cells hold.

        Raises ExerciseError: the line to cut, or the bug's edit, no longer matches the solution.
        """
        keep = self.comments if isinstance(self.comments, str) else list(self.comments)
        try:
            if self.kind == "one-line":
                text = stubs.with_line_cut(self.solution, self.cut, self.todo)
            elif self.kind == "bug-hunt":
                text = self.wrong_source(self.wrong_answer(self.bug))
            elif self.blanks:
                text = stubs.edited(self.solution, [edit.pair for edit in self.blanks])
            else:
                text = stubs.emptied(self.solution, "none" if self.kind == "signature" else keep)
        except SourceError as error:
            raise ExerciseError(f"{self.id}: {error}") from error
        return f"{self.given}\n\n{text}" if self.given else text

    @property
    def stub_file(self) -> str:
        """The text a learner starts from in a file of their own: the import lines, then the stub."""
        head = "\n".join(self.uses)
        return f"{head}\n\n\n{self.stub}" if head else self.stub

    @cached_property
    def accepted(self) -> tuple[tuple[str, str], ...]:
        """Other right answers as (file name, source), which the check must pass."""
        return tuple((path.stem, read_text(path)) for path in sorted((self.folder / "accept").glob("*.py")))

    def wrong_answer(self, name: str) -> WrongAnswer:
        """Return the wrong answer with this id.

        Raises ExerciseError: there is none.
        """
        for wrong in self.wrong:
            if wrong.id == name:
                return wrong
        known = ", ".join(wrong.id for wrong in self.wrong)
        raise ExerciseError(f"{self.id}: there is no wrong answer called {name!r}; there are: {known}")

    def wrong_sources(self, wrong: WrongAnswer) -> list[tuple[str, str]]:
        """Return every form of a mistake as (where it comes from, source): the edits first, then the files.

        Raises ExerciseError: an edit does not match the solution exactly once, or there is no form at all.
        """
        forms = [("edits", self.wrong_source(wrong))] if wrong.edits else []
        files = sorted((self.folder / "wrong").glob("*.py"))
        forms += [(f"wrong/{file.name}", read_text(file)) for file in files if file.name.partition(".")[0] == wrong.id]
        if not forms:
            raise ExerciseError(
                f"{self.id}: wrong answer {wrong.id!r} has neither edits nor a file wrong/{wrong.id}.py"
            )
        return forms

    def wrong_source(self, wrong: WrongAnswer) -> str:
        """Return the solution's source with the mistake in it.

        Raises ExerciseError: an edit does not match the solution exactly once.
        """
        try:
            return stubs.edited(self.solution, list(wrong.edits))
        except SourceError as error:
            raise ExerciseError(f"{self.id}: wrong answer {wrong.id!r}: {error}") from error

    def is_stub(self, source: str) -> bool:
        """Whether the answer in `source` is still the starting text; comments and code around it do not count."""
        try:
            answer = stubs.definition(source, self.function)
        except SourceError:
            return False
        return stubs.same_code(answer, stubs.definition(self.stub, self.function))


def load_exercise(name: str, root: Path | None = None) -> Exercise:
    """Read the exercise `name` ("01/flat-index") from `root`, the folder that holds `01/`, `02/` and so on.

    Raises ExerciseError: there is no such folder, or its file does not say what `ExerciseFile` asks for.
    """
    root = root or paths.exercises_folder()
    folder = root / name
    if not (folder / "exercise.toml").is_file():
        there = ", ".join(exercise_ids(name.partition("/")[0], root)) or "none"
        raise ExerciseError(f"There is no exercise {name}. Exercises of this lesson: {there}.")
    return Exercise(id=name, folder=folder, **asdict(read_exercise(name, root)))


def exercise_ids(lesson: str, root: Path | None = None) -> list[str]:
    """Return the ids of a lesson's exercises ("01"), in the order of the page; an unreadable one comes last."""
    root = root or paths.exercises_folder()

    def place(name: str) -> tuple[float, str]:
        try:
            return read_head(name, root).order, name
        except ExerciseError:
            return float("inf"), name

    files = (root / lesson).glob("*/exercise.toml") if lesson else ()
    return sorted((f"{lesson}/{file.parent.name}" for file in files), key=place)


def all_exercise_ids(root: Path | None = None) -> list[str]:
    """Return the ids of every exercise there is, lesson by lesson, in the order of each page."""
    root = root or paths.exercises_folder()
    lessons = sorted(folder.name for folder in root.iterdir() if folder.is_dir()) if root.is_dir() else []
    return [name for lesson in lessons for name in exercise_ids(lesson, root)]
