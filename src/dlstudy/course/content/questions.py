"""What the TOML files of `exercises/` say, held to a schema: exercises, quizzes, predictions and the self-test.

Each file is read here and nowhere else. A file that does not say what it must is one error, `ExerciseError`, whose
sentence names the file, the place in it and what was expected. Reading needs neither NumPy nor torch.
"""

import ast
import itertools
import re
import tomllib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from dlstudy.course.content import paths
from dlstudy.course.content.faults import sentence

Level = Literal["core", "further"]
Kind = Literal["one-line", "body", "bug-hunt", "signature"]
Text = Annotated[str, Meta(pattern=r"\S")]

_NEEDED = {"one-line": ("cut", "todo"), "bug-hunt": ("bug", "symptom")}
_EDITS = 'a wrong answer needs "find" and "replace" (texts), or a list "edits" of both, or neither'


class ExerciseError(ValueError):
    """A file of `exercises/` does not say what it must say; the message names the file and the place in it."""


class Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of a file: a key that it does not know is an error, and the blanks around its texts go."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, str):
                msgspec.structs.force_setattr(self, name, value.strip())


# ---- questions with options -----------------------------------------------------------------------------------------


class Option(Table, frozen=True, kw_only=True):
    """An answer to choose, and why it is right or wrong; one without an id is called a, b, c, ... by its place."""

    text: Text
    id: str = ""
    correct: bool = False
    why: str = ""


class Asked(Table, frozen=True, kw_only=True):
    """What every question has; exactly one option is right."""

    id: Text
    question: Text
    options: tuple[Option, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        named = (
            option if option.id else msgspec.structs.replace(option, id=chr(ord("a") + place))
            for place, option in enumerate(self.options)
        )
        msgspec.structs.force_setattr(self, "options", tuple(named))
        _refuse_twins(self.options, "options")
        if (right := sum(option.correct for option in self.options)) != 1:
            raise ValueError(f"exactly one option must be correct, and {right} of {len(self.options)} are")

    @property
    def right(self) -> str:
        """The id of the option that is right."""
        return next(option.id for option in self.options if option.correct)


class Question(Asked, frozen=True, kw_only=True):
    """A question of a lesson's "Check yourself"."""

    level: Level = "core"


class Quiz(Table, frozen=True, kw_only=True):
    """The file `quiz.toml`: the questions in the order of the page."""

    questions: tuple[Question, ...] = msgspec.field(default=(), name="question")

    def __post_init__(self) -> None:
        _refuse_twins(self.questions, "questions")


class SelfTestQuestion(Asked, frozen=True, kw_only=True):
    """A question of the self-test; `lesson` teaches it, and is None for what the course expects beforehand."""

    topic: str = ""
    lesson: Annotated[int, Meta(ge=1)] | None = None
    why: str = ""


class SelfTest(Table, frozen=True, kw_only=True):
    """The file `selftest.toml`: questions over the whole course.

    `all_right` and `before` are advice in Markdown: where nothing was missed, and where something was missed that the
    course expects.
    """

    title: Text = "Where should you start?"
    all_right: str = ""
    before: str = ""
    questions: tuple[SelfTestQuestion, ...] = msgspec.field(name="question")

    def __post_init__(self) -> None:
        super().__post_init__()
        _refuse_twins(self.questions, "questions")


class Expectation(Table, frozen=True, kw_only=True):
    """One of the things that may come out of an experiment."""

    id: Text
    text: Text


class Prediction(Table, frozen=True, kw_only=True):
    """What a page asks before it shows an experiment; `answer` is the id of what the page then measures, or empty."""

    id: Text
    question: Text
    options: Annotated[tuple[Expectation, ...], Meta(min_length=1)]
    answer: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        _refuse_twins(self.options, "options")
        known = [option.id for option in self.options]
        if self.answer and self.answer not in known:
            raise ValueError(f'"answer" must be the id of an option ({", ".join(known)}), and is {self.answer!r}')


class Predictions(Table, frozen=True, kw_only=True):
    """The file `predictions.toml`: the predictions in the order of the page."""

    predictions: tuple[Prediction, ...] = msgspec.field(default=(), name="prediction")

    def __post_init__(self) -> None:
        _refuse_twins(self.predictions, "predictions")


# ---- exercises ------------------------------------------------------------------------------------------------------


class Edit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One text of the solution to replace by another; blanks count."""

    find: Annotated[str, Meta(min_length=1)]
    replace: str

    @property
    def pair(self) -> tuple[str, str]:
        """The edit as (find, replace)."""
        return self.find, self.replace


class WrongAnswer(Table, frozen=True, kw_only=True):
    """A mistake that real learners make, as edits of the solution, with the hint that answers it.

    There are no edits where the mistake is at home in another way of solving the task: then `wrong/ID.py` holds it.
    `outcome` is "wrong" for an answer that gives other results, "timeout" for one that does not end in time on the
    case labelled `on`. Of several wrong results, the one on the case `on` is shown: the hint speaks of it.
    """

    id: Text
    hint: Text
    find: str | None = None
    replace: str | None = None
    listed: tuple[Edit, ...] = msgspec.field(default=(), name="edits")
    outcome: Literal["wrong", "timeout"] = "wrong"
    on: str = ""

    def __post_init__(self) -> None:
        for name in ("id", "hint", "on"):  # and no other: blanks count in what is found and put
            msgspec.structs.force_setattr(self, name, getattr(self, name).strip())
        if (self.find is None) != (self.replace is None) or self.find == "" or (self.find and self.listed):
            raise ValueError(_EDITS)
        if self.outcome == "timeout" and not self.on:
            raise ValueError('"on" must name the case that does not end')

    @property
    def edits(self) -> tuple[tuple[str, str], ...]:
        """The edits as (find, replace), in the order in which they are made."""
        if self.find is not None and self.replace is not None:
            return ((self.find, self.replace),)
        return tuple(edit.pair for edit in self.listed)


class ExerciseFile(Table, frozen=True, kw_only=True):
    """The file `exercise.toml`. Texts are Markdown for the learner.

    `kind` says what a learner starts from: "one-line" is the solution with the statement `cut` replaced by a
    placeholder that says `todo`; "body" keeps signature, docstring and `comments`, or is the solution with `blanks`
    edited; "bug-hunt" is the solution with the wrong answer `bug` in it, and `symptom` says what that does;
    "signature" keeps the signature and its docstring.

    `order` is the place on the page, `source` where the solution is: "dlstudy.module:name", or "solution.py:name";
    `annotations` keeps the types of its signature. `uses` are the import lines that an answer may rely on, `given` is
    code that comes with the task and stays as it is. `hints` are opened one by one, `explanation` is shown after
    passing. `cannot` maps automatic wrong answers (`automatic.py`) and rules about cases (`caserules.py`) that make no
    sense here to the reason.
    """

    title: Text
    level: Level
    kind: Kind
    order: int
    source: Text
    task: Text
    hints: tuple[Text, ...]
    explanation: Text
    wrong: tuple[WrongAnswer, ...] = ()
    uses: tuple[Text, ...] = ()
    comments: Literal["all", "none"] | tuple[str, ...] = "all"
    cut: str = ""
    todo: str = ""
    blanks: tuple[Edit, ...] = ()
    annotations: bool = False
    bug: str = ""
    symptom: str = ""
    given: str = ""
    cannot: dict[str, Text] = {}

    def __post_init__(self) -> None:
        super().__post_init__()
        msgspec.structs.force_setattr(self, "hints", tuple(text.strip() for text in self.hints))
        for key in _NEEDED.get(self.kind, ()):
            if not getattr(self, key):
                raise ValueError(f'a {self.kind} exercise needs "{key}"')
        if not self.function:
            raise ValueError(f'"source" must read "module:name", and is {self.source!r}')
        for line in self.uses:
            _imported(line)
        _refuse_twins(self.wrong, "wrong answers")
        if self.bug and self.bug not in (known := [wrong.id for wrong in self.wrong]):
            raise ValueError(f"there is no wrong answer called {self.bug!r}; there are: {', '.join(known)}")

    @property
    def function(self) -> str:
        """The name of the function or class that an answer defines."""
        return self.source.partition(":")[2].split(".")[-1]

    @property
    def names(self) -> tuple[str, ...]:
        """The names that `uses` brings in, as an answer may write them: ("np", "prod")."""
        return tuple(name for line in self.uses for name in _imported(line))


class ExerciseHead(Struct, frozen=True):
    """What lists of exercises say of one, for which no more of its file is read. Without an order it comes last."""

    title: str = ""
    level: Level = "core"
    order: float = float("inf")


# ---- the files ------------------------------------------------------------------------------------------------------

T = TypeVar("T", bound=Struct)


def read_quiz(lesson: str, root: Path | None = None) -> tuple[Question, ...]:
    """Return the questions of lesson "01", none where it has no `quiz.toml`. Raises ExerciseError for a broken one."""
    return _read_file(root, lesson, "quiz.toml", Quiz, Quiz()).questions


def read_predictions(lesson: str, root: Path | None = None) -> tuple[Prediction, ...]:
    """Return a lesson's predictions, none where it has no `predictions.toml`. Raises ExerciseError for a broken one."""
    return _read_file(root, lesson, "predictions.toml", Predictions, Predictions()).predictions


def read_selftest(lesson: str, root: Path | None = None) -> SelfTest:
    """Return the self-test of a lesson. Raises ExerciseError where `selftest.toml` is missing or broken."""
    return _read_file(root, lesson, "selftest.toml", SelfTest)


def read_exercise(name: str, root: Path | None = None) -> ExerciseFile:
    """Return what the file of exercise "01/flat-index" says. Raises ExerciseError where it is missing or broken."""
    return _read_file(root, name, "exercise.toml", ExerciseFile)


def read_text(path: Path) -> str:
    """Return a file's text. Raises ExerciseError, with the file's folder and name, where it is missing or no UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ExerciseError(f"{path.parent.name}/{path.name} is missing") from error
    except UnicodeDecodeError as error:
        raise ExerciseError(f"{path.parent.name}/{path.name} is not UTF-8 text") from error


def read_head(name: str, root: Path | None = None) -> ExerciseHead:
    """Return the head of an exercise's file. Raises ExerciseError where it is missing or broken."""
    return _read_file(root, name, "exercise.toml", ExerciseHead)


def _read_file(root: Path | None, folder: str, name: str, schema: type[T], missing: T | None = None) -> T:
    file = (root or paths.exercises_folder()) / folder / name
    try:
        facts = file.stat()
    except OSError as error:
        if missing is not None:
            return missing
        raise ExerciseError(f"{folder}/{name} is missing") from error
    return _parsed(file, f"{folder}/{name}", schema, (facts.st_mtime_ns, facts.st_size))


@lru_cache(maxsize=2000)
def _parsed(file: Path, where: str, schema: type[T], stamp: tuple[int, int]) -> T:
    """What the file said at the time of `stamp`: the home page asks for every file again and again."""
    if schema is ExerciseHead:
        head = _simple_lines(file)
        if all(re.search(rf"(?m)^{key}\b", head) for key in schema.__struct_fields__):
            return parse(head, where, schema)
    return parse(read_text(file), where, schema)


_SIMPLE = re.compile(r'\s*(#.*|[\w-]+\s*=\s*("[^"\\]*"|\d+|true|false)\s*(#.*)?)?\n')


def _simple_lines(file: Path) -> str:
    """The lines of a TOML file before its first text of several lines, list or table, which take time to read."""
    with file.open(encoding="utf-8") as lines:
        try:
            return "".join(itertools.takewhile(_SIMPLE.fullmatch, lines))
        except UnicodeDecodeError:
            return ""


def parse(text: str, where: str, schema: type[T]) -> T:
    """Return `text`, which is TOML, as `schema` has it.

    Raises ExerciseError: it is no TOML or says something else; the message begins with `where`, the file's name.
    """
    try:
        facts = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ExerciseError(f"{where} is not TOML: {error}") from error
    try:
        return msgspec.convert(facts, schema)
    except msgspec.ValidationError as error:
        raise ExerciseError(f"{where}: {sentence(str(error), facts, schema)}") from error


# ---- rules --------------------------------------------------------------------------------------------------------


def _imported(line: str) -> list[str]:
    """The names that an import line binds."""
    try:
        statements = ast.parse(line).body
    except SyntaxError:
        statements = []
    if len(statements) != 1 or not isinstance(statements[0], ast.Import | ast.ImportFrom):
        raise ValueError(f'"uses" holds import lines such as "import numpy as np", not {line!r}')
    return [(alias.asname or alias.name).partition(".")[0] for alias in statements[0].names]


def _refuse_twins(tables: Iterable[Any], what: str) -> None:
    names = [table.id for table in tables]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two {what} are called {name!r}")
