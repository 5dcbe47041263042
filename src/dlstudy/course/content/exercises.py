"""An exercise as its folder tells it: what to do, what to start from, the solution, and the mistakes it recognises.

`exercises/01/flat-index/` holds `exercise.toml` (see `load_exercise` for its keys), `check.py` (see `checking.py`),
`accept/*.py` (other right answers), `wrong/ID.py` or `wrong/ID.2.py` (the mistake ID made in other ways) and, where the
library has no natural version, `solution.py`. Reading a folder needs neither NumPy nor torch.
"""

import ast
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from dlstudy.course.content import paths, stubs
from dlstudy.course.content.stubs import SourceError

Level = Literal["core", "further"]
Kind = Literal["one-line", "body", "bug-hunt", "signature"]

_REQUIRED = ("title", "level", "kind", "order", "source", "task", "hints", "explanation", "wrong")
_OPTIONAL = ("uses", "comments", "cut", "todo", "blanks", "bug", "symptom", "cannot", "given", "annotations")
_CHOICES = {"level": ("core", "further"), "kind": ("one-line", "body", "bug-hunt", "signature")}


class ExerciseError(ValueError):
    """An exercise's folder does not say what an exercise must say; the message names the file and the key."""


@dataclass(frozen=True)
class WrongAnswer:
    """A mistake that real learners make, as edits (find, replace) of the solution, with the hint that answers it.

    There are no edits where the mistake is at home in another way of solving the task: then `wrong/ID.py` holds it.
    `outcome` is "wrong" for an answer that gives other results, "timeout" for one that does not end in time on the
    case labelled `on`. Of several wrong results, the one on the case `on` is shown: the hint speaks of it.
    """

    id: str
    edits: tuple[tuple[str, str], ...]
    hint: str
    outcome: Literal["wrong", "timeout"] = "wrong"
    on: str = ""


@dataclass(frozen=True)
class Exercise:
    """One exercise; `id` is "01/flat-index". Texts are Markdown for the learner.

    `function` is the name that an answer must define. `uses` are the import lines that an answer may rely on. `given`
    is code that comes with the task and stays as it is. `bug` is the id of the wrong answer that a bug hunt starts
    from and `symptom` what it does. `cannot` maps automatic wrong answers (see `audit.py`) that make no sense here to
    the reason.
    """

    id: str
    folder: Path
    title: str
    level: Level
    kind: Kind
    order: int
    source: str
    task: str
    hints: tuple[str, ...]
    explanation: str
    wrong: tuple[WrongAnswer, ...]
    uses: tuple[str, ...] = ()
    comments: str | tuple[str, ...] = "all"
    cut: str = ""
    todo: str = ""
    blanks: tuple[tuple[str, str], ...] = ()
    annotations: bool = False
    bug: str = ""
    symptom: str = ""
    given: str = ""
    cannot: tuple[tuple[str, str], ...] = ()

    @property
    def lesson(self) -> str:
        """The lesson's number in two digits."""
        return self.id.partition("/")[0]

    @property
    def slug(self) -> str:
        """The exercise's name within its lesson."""
        return self.id.partition("/")[2]

    @property
    def function(self) -> str:
        """The name of the function or class that an answer defines."""
        return self.source.partition(":")[2].split(".")[-1]

    @property
    def cell_name(self) -> str:
        """The name of the lesson's cell that holds the answer."""
        return "exercise_" + self.slug.replace("-", "_")

    @property
    def check_file(self) -> Path:
        """The file with the cases and the oracle."""
        return self.folder / "check.py"

    @property
    def names(self) -> tuple[str, ...]:
        """The names that `uses` brings in, as an answer may write them: ("np", "prod")."""
        return tuple(name for line in self.uses for name in _imported(line))

    @cached_property
    def solution(self) -> str:
        """The solution's source, without imports: from the library, or from the exercise's own `solution.py`.

        Types are taken out of its signature unless the exercise keeps its `annotations`.

        Raises:
            ExerciseError: the source is not where the exercise says.
        """
        module, _, name = self.source.partition(":")
        try:
            if module != "solution.py":
                text = stubs.library_source(self.source)
            else:
                text = stubs.definition(_read(self.folder / "solution.py"), name, f"{self.id}/solution.py")
            return text if self.annotations else stubs.without_annotations(text)
        except SourceError as error:
            raise ExerciseError(f"{self.id}: {error}") from error

    @cached_property
    def stub(self) -> str:
        """The text a learner starts from in the page: no import lines, which the page's own cells hold.

        Raises:
            ExerciseError: the line to cut, or the bug's edit, no longer matches the solution.
        """
        keep = self.comments if isinstance(self.comments, str) else list(self.comments)
        try:
            if self.kind == "one-line":
                text = stubs.with_line_cut(self.solution, self.cut, self.todo)
            elif self.kind == "bug-hunt":
                text = self.wrong_source(self.wrong_answer(self.bug))
            elif self.blanks:
                text = stubs.edited(self.solution, list(self.blanks))
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
        return tuple((path.stem, _read(path)) for path in sorted((self.folder / "accept").glob("*.py")))

    def wrong_answer(self, name: str) -> WrongAnswer:
        """Return the wrong answer with this id.

        Raises:
            ExerciseError: there is none.
        """
        for wrong in self.wrong:
            if wrong.id == name:
                return wrong
        known = ", ".join(wrong.id for wrong in self.wrong)
        raise ExerciseError(f"{self.id}: there is no wrong answer called {name!r}; there are: {known}")

    def wrong_sources(self, wrong: WrongAnswer) -> list[tuple[str, str]]:
        """Return every form of a mistake as (where it comes from, source): the edits first, then the files.

        Raises:
            ExerciseError: an edit does not match the solution exactly once, or there is no form at all.
        """
        forms = [("edits", self.wrong_source(wrong))] if wrong.edits else []
        files = sorted((self.folder / "wrong").glob("*.py"))
        forms += [(f"wrong/{file.name}", _read(file)) for file in files if file.name.partition(".")[0] == wrong.id]
        if not forms:
            raise ExerciseError(
                f"{self.id}: wrong answer {wrong.id!r} has neither edits nor a file wrong/{wrong.id}.py"
            )
        return forms

    def wrong_source(self, wrong: WrongAnswer) -> str:
        """Return the solution's source with the mistake in it.

        Raises:
            ExerciseError: an edit does not match the solution exactly once.
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

    Keys of `exercise.toml`: title; level ("core" or "further"); kind ("one-line": the solution with the statement
    `cut` replaced by a placeholder that says `todo`; "body": signature, docstring and `comments`, or the solution
    with `blanks`, a list of find and replace; "bug-hunt": the solution with the wrong answer `bug` in it and its
    `symptom`; "signature"); order within the page; source ("dlstudy.module:name", or "solution.py:name"); annotations
    (true keeps the types of the signature); uses (import lines); given (code that comes with the task); task; hints
    (three, opened one by one); explanation (shown after passing); wrong (tables of id, hint, and find and replace, or
    edits, or neither where wrong/ID.py has it; outcome = "timeout" for one that does not end; on = the label of the
    case that does not end, or that the hint speaks of); cannot (automatic wrong answer = reason).

    Raises:
        ExerciseError: no such folder, or a key that is missing, unknown or of the wrong kind.
    """
    root = root or paths.exercises_folder()
    folder = root / name
    file = folder / "exercise.toml"
    if not file.is_file():
        there = ", ".join(exercise_ids(name.partition("/")[0], root)) or "none"
        raise ExerciseError(f"There is no exercise {name}. Exercises of this lesson: {there}.")
    try:
        facts = tomllib.loads(_read(file))
    except tomllib.TOMLDecodeError as error:
        raise ExerciseError(f"{name}/exercise.toml is not TOML: {error}") from error
    return _from_facts(name, folder, facts)


def exercise_ids(lesson: str, root: Path | None = None) -> list[str]:
    """Return the ids of a lesson's exercises ("01"), in the order of the page; an unreadable one comes last."""

    def order(folder: Path) -> tuple[float, str]:
        try:
            value = tomllib.loads(_read(folder / "exercise.toml")).get("order")
        except (tomllib.TOMLDecodeError, ExerciseError):
            value = None
        return (value if isinstance(value, int) else float("inf"), folder.name)

    root = root or paths.exercises_folder()
    folders = [file.parent for file in (root / lesson).glob("*/exercise.toml")] if lesson else []
    return [f"{lesson}/{folder.name}" for folder in sorted(folders, key=order)]


def all_exercise_ids(root: Path | None = None) -> list[str]:
    """Return the ids of every exercise there is, lesson by lesson, in the order of each page."""
    root = root or paths.exercises_folder()
    lessons = sorted(folder.name for folder in root.iterdir() if folder.is_dir()) if root.is_dir() else []
    return [name for lesson in lessons for name in exercise_ids(lesson, root)]


def _from_facts(name: str, folder: Path, facts: dict[str, Any]) -> Exercise:
    where = f"{name}/exercise.toml"
    for key in _REQUIRED:
        if key not in facts:
            raise ExerciseError(f'{where}: the key "{key}" is missing')
    for key in facts:
        if key not in _REQUIRED + _OPTIONAL:
            known = ", ".join(_REQUIRED + _OPTIONAL)
            raise ExerciseError(f'{where}: the key "{key}" is unknown; known keys: {known}')
    for key in ("title", "source", "task", "explanation", "cut", "todo", "bug", "symptom", "given"):
        _text(facts, key, where, required=key in _REQUIRED)
    for key, choices in _CHOICES.items():
        if facts[key] not in choices:
            raise ExerciseError(f'{where}: "{key}" must be one of {", ".join(choices)}, and is {facts[key]!r}')
    if not isinstance(facts["order"], int):
        raise ExerciseError(f'{where}: "order" must be a whole number, and is {facts["order"]!r}')
    for key in ("hints", "uses"):
        _texts(facts, key, where)
    needed = {"one-line": ("cut", "todo"), "bug-hunt": ("bug", "symptom")}.get(facts["kind"], ())
    for key in needed:
        if not facts.get(key, "").strip():
            raise ExerciseError(f'{where}: a {facts["kind"]} exercise needs "{key}"')
    comments = facts.get("comments", "all")
    if not (comments in ("all", "none") or isinstance(comments, list)):
        raise ExerciseError(f'{where}: "comments" must be "all", "none" or a list of texts, and is {comments!r}')
    cannot = facts.get("cannot", {})
    if not (isinstance(cannot, dict) and all(isinstance(text, str) and text.strip() for text in cannot.values())):
        raise ExerciseError(f'{where}: "cannot" must be a table of automatic wrong answer = reason')
    if not isinstance(facts["wrong"], list):
        raise ExerciseError(f'{where}: "wrong" must be a list of tables, each headed [[wrong]]')
    exercise = Exercise(
        id=name,
        folder=folder,
        title=facts["title"].strip(),
        level=facts["level"],
        kind=facts["kind"],
        order=facts["order"],
        source=facts["source"].strip(),
        task=facts["task"].strip(),
        hints=tuple(text.strip() for text in facts["hints"]),
        explanation=facts["explanation"].strip(),
        wrong=tuple(_wrong(table, where) for table in facts["wrong"]),
        uses=tuple(facts.get("uses", ())),
        comments=comments if isinstance(comments, str) else tuple(comments),
        cut=facts.get("cut", "").strip(),
        todo=facts.get("todo", "").strip(),
        bug=facts.get("bug", ""),
        symptom=facts.get("symptom", "").strip(),
        given=facts.get("given", "").strip(),
        blanks=_edits(facts["blanks"], f"{where}: blanks") if "blanks" in facts else (),
        annotations=facts.get("annotations", False) is True,
        cannot=tuple(cannot.items()),
    )
    if not exercise.function:
        raise ExerciseError(f'{where}: "source" must read "module:name", and is {exercise.source!r}')
    for line in exercise.uses:
        _imported(line, where)
    _refuse_twins([wrong.id for wrong in exercise.wrong], where)
    if exercise.bug:
        exercise.wrong_answer(exercise.bug)
    return exercise


def _wrong(table: Any, where: str) -> WrongAnswer:
    if not isinstance(table, dict) or "id" not in table:
        raise ExerciseError(f'{where}: every [[wrong]] needs an "id"')
    where = f"{where}: wrong answer {table['id']!r}"
    for key in table:
        if key not in ("id", "find", "replace", "edits", "hint", "outcome", "on"):
            raise ExerciseError(f'{where}: the key "{key}" is unknown')
    _text(table, "id", where)
    _text(table, "hint", where)
    edits: tuple[tuple[str, str], ...] = ()  # without any, the mistake is in wrong/ID.py
    if {"find", "replace", "edits"} & set(table):
        edits = _edits(table.get("edits", [{"find": table.get("find"), "replace": table.get("replace")}]), where)
    outcome = table.get("outcome", "wrong")
    if outcome not in ("wrong", "timeout"):
        raise ExerciseError(f'{where}: "outcome" must be "wrong" or "timeout", and is {outcome!r}')
    if outcome == "timeout" or "on" in table:
        _text(table, "on", where)
    return WrongAnswer(table["id"], edits, table["hint"].strip(), outcome, table.get("on", ""))


def _edits(pairs: Any, where: str) -> tuple[tuple[str, str], ...]:
    edits = []
    for pair in pairs if isinstance(pairs, list) else []:
        find, replace = (pair.get("find"), pair.get("replace")) if isinstance(pair, dict) else (None, None)
        if not (isinstance(find, str) and find and isinstance(replace, str)):
            raise ExerciseError(f'{where}: needs "find" and "replace" (texts), or a list "edits" of both')
        edits.append((find, replace))
    if not edits:
        raise ExerciseError(f'{where}: needs "find" and "replace" (texts), or a list "edits" of both')
    return tuple(edits)


def _text(facts: dict[str, Any], key: str, where: str, required: bool = True) -> None:
    value = facts.get(key, None if required else "-")
    if not isinstance(value, str) or not value.strip():
        raise ExerciseError(f'{where}: "{key}" must be a text that is not empty, and is {value!r}')


def _texts(facts: dict[str, Any], key: str, where: str) -> None:
    value = facts.get(key, [])
    if not (isinstance(value, list) and all(isinstance(text, str) and text.strip() for text in value)):
        raise ExerciseError(f'{where}: "{key}" must be a list of texts, none of them empty, and is {value!r}')


def _imported(line: str, where: str = "uses") -> list[str]:
    """The names that an import line binds."""
    try:
        statements = ast.parse(line).body
    except SyntaxError:
        statements = []
    if len(statements) != 1 or not isinstance(statements[0], ast.Import | ast.ImportFrom):
        raise ExerciseError(f'{where}: "uses" holds import lines such as "import numpy as np", not {line!r}')
    return [(alias.asname or alias.name).partition(".")[0] for alias in statements[0].names]


def _refuse_twins(names: list[str], where: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ExerciseError(f"{where}: two wrong answers are called {name!r}")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ExerciseError(f"{path.parent.name}/{path.name} is missing") from error
