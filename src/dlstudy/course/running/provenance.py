"""Whether a recorded experiment still belongs to its code: `python -m dlstudy.course.running.record --check`.

The key of `page.experiment("name", measure, uses=...)` is made of what the call names, followed through the page, read
and never run: each function, class or value with the statements that make it, with its exercises solved, and what these
name in turn. In the modules of the lessons, the figures and the course it goes on name by name, so that neither a
function's neighbours count nor the file it lies in; a module of the library that is reached counts whole, with all that
it imports. Comments, line breaks and docstrings never count.
"""

from __future__ import annotations

import ast
import builtins
import copy
import json
import symtable
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlstudy.course.content import paths
from dlstudy.course.content.lessonfile import LessonFile
from dlstudy.course.running import sources
from dlstudy.course.running.runner import solved_text
from dlstudy.course.running.sources import Sources

FOLLOWED = ("dlstudy.lessons", "dlstudy.figures", "dlstudy.course")
"""Packages whose modules are followed name by name."""
_SHOWS = ("mo", "page", "print")
"""What a page shows with: it takes no part in a measurement."""


@dataclass(frozen=True)
class Origin:
    """What one experiment's result comes from: the key of its code, and the versions of the libraries it uses."""

    code: str
    versions: dict[str, str]


@dataclass(frozen=True)
class Recording:
    """One experiment of a page and what is recorded of it.

    `state` is "right", "changed" (the code is another), "versions" (a library's or Python's is another), "edited" (the
    result is not what was measured), "unkeyed" (nobody knows what code it came from) or "missing". `seconds` is what
    measuring took, 0 where nothing is recorded; `why` says in words what is wrong.
    """

    lesson: str
    name: str
    file: Path
    origin: Origin
    state: str
    seconds: float
    why: str

    @property
    def must_renew(self) -> bool:
        """Whether the record is wrong and not only from elsewhere."""
        return self.state not in ("right", "versions")


def recordings(path: Path, exercises: Path | None = None, found: Sources | None = None) -> list[Recording]:
    """Return the experiments of the page at `path`, in the order of the page, each with the state of its record."""
    folder = (exercises or paths.exercises_folder()) / path.name[:2] / "recorded"
    origins = origins_of(path, exercises, found)
    return [_recording(path.name[:2], name, folder / f"{name}.json", origin) for name, origin in origins.items()]


def stamp(recording: Recording) -> None:
    """Write into the file of a result that was just measured what it came from."""
    facts = json.loads(recording.file.read_text(encoding="utf-8"))
    facts |= {
        "code": recording.origin.code,
        "versions": recording.origin.versions,
        "seal": sources.seal(facts["result"]),
    }
    recording.file.write_text(json.dumps(facts) + "\n", encoding="utf-8")


def _recording(lesson: str, name: str, file: Path, origin: Origin) -> Recording:
    try:
        facts = json.loads(file.read_text(encoding="utf-8"))
    except OSError:
        return Recording(lesson, name, file, origin, "missing", 0.0, "nothing is recorded")
    except ValueError:
        return Recording(lesson, name, file, origin, "edited", 0.0, "its file is no JSON")
    state, why = _judge(facts, origin)
    return Recording(lesson, name, file, origin, state, float(facts.get("seconds", 0.0)), why)


def _judge(facts: dict[str, Any], origin: Origin) -> tuple[str, str]:
    if "code" not in facts:
        return "unkeyed", "it does not say what code it came from"
    if facts["seal"] != sources.seal(facts["result"]):
        return "edited", "its numbers are not those that were measured"
    if facts["versions"].get("python") == origin.versions["python"] and facts["code"] != origin.code:
        return "changed", "it was measured with other code"
    there, here = facts["versions"], origin.versions
    if there != here:
        names = [name for name in sorted(there | here) if there.get(name) != here.get(name)]
        return "versions", ", ".join(f"{name} {there.get(name)} there, {here.get(name)} here" for name in names)
    return "right", ""


# ---- from a page to its keys -----------------------------------------------------------------------------------------


def course_sources() -> Sources:
    """Return the course's own modules."""
    package = Path(__file__).resolve().parents[2]
    return Sources({"dlstudy": package.parent}, package.parent.parent)


def origins_of(path: Path, exercises: Path | None = None, found: Sources | None = None) -> dict[str, Origin]:
    """Return what each experiment of the page at `path` comes from, in the order of the page."""
    page = LessonFile.read(path)
    page = LessonFile.parse(solved_text(page, exercises), path)
    found = found or course_sources()
    cells = [ast.parse(cell.code).body for cell in page.cells if "await " not in cell.code]
    recorded = sources.data_files((exercises or paths.exercises_folder()) / path.name[:2] / "recorded")
    there = {file.stem for file in recorded}
    return {
        name: _Slice(found, cells, [file for file in recorded if file.name != f"{name}.json"]).origin(call, cell)
        for cell, statements in enumerate(cells)
        for names, call in _experiments(statements)
        for name in names
        if len(names) == 1 or name in there  # of a name that a switch chooses only what is recorded
    }


def _experiments(statements: Iterable[ast.stmt]) -> Iterator[tuple[list[str], ast.Call]]:
    """The calls of `page.experiment` in a cell, each with the names that it may have."""
    for statement in statements:
        for node in ast.walk(statement):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            owner = node.func.value
            if node.func.attr == "experiment" and isinstance(owner, ast.Name) and owner.id == "page" and node.args:
                texts = (inner.value for inner in ast.walk(node.args[0]) if isinstance(inner, ast.Constant))
                yield [text for text in texts if isinstance(text, str)], node


class _Slice:
    """What one experiment depends on, collected name by name."""

    def __init__(self, found: Sources, cells: list[list[ast.stmt]], recorded: list[Path]) -> None:
        self._sources, self._recorded = found, recorded
        self._page = _Scope("", cells, found)
        self._modules: dict[str, _Scope] = {}
        self._seen: set[tuple[str, int, str]] = set()
        self._statements: set[str] = set()
        self._files: set[Path] = set()
        self._whole: set[str] = set()
        self._libraries: set[str] = set(sources.ALWAYS)

    def origin(self, call: ast.Call, cell: int) -> Origin:
        """Return the key of an experiment that is called in a cell."""
        arguments = [*call.args[1:], *(word.value for word in call.keywords)]
        for argument in arguments:
            self._take(self._page, cell, ast.Expr(argument))
        library = self._sources.closure(self._whole)
        self._libraries |= self._sources.libraries(library) & set(sources.LIBRARIES)
        files = self._files | self._sources.data(library)
        lines = [*sorted(self._statements), *self._sources.lines(library, files)]
        found = sources.versions(self._libraries)
        return Origin(sources.key_of_lines(lines, {}), found)

    def _take(self, scope: _Scope, cell: int, statement: ast.stmt) -> None:
        """Count a statement, the files it names, and all that it refers to."""
        self._statements.add(sources.dump(copy.deepcopy(statement)))
        texts = [node.value for node in ast.walk(statement) if isinstance(node, ast.Constant)]
        told = {told for text in texts if isinstance(text, str) for told in sources.telling_strings(text)}
        self._files.update(sources.named_files(self._recorded, told))
        if scope.module:
            self._files.update(self._sources.named(scope.module, told))
        for name, attributes in _references(statement, _free_names(statement)):
            self._follow(scope, cell, name, attributes)
        for inner in ast.walk(statement):
            if isinstance(inner, ast.Import | ast.ImportFrom):  # inside a function
                names = {alias.asname or alias.name.partition(".")[0] for alias in inner.names}
                for name, attributes in _references(statement, names):
                    self._follow_import(scope, inner, name, attributes)

    def _follow(self, scope: _Scope, cell: int, name: str, attributes: set[str]) -> None:
        """Count what makes a name; of a module only what `attributes` take from it, or, for "", all of it."""
        if scope is self._page and name in _SHOWS:
            return
        for place, statement in scope.making(name, cell):
            if isinstance(statement, ast.Import | ast.ImportFrom):
                self._follow_import(scope, statement, name, attributes)
            elif (scope.module, id(statement), name) not in self._seen:
                self._seen.add((scope.module, id(statement), name))
                self._take(scope, place, statement)

    def _follow_import(
        self, scope: _Scope, statement: ast.Import | ast.ImportFrom, name: str, attributes: set[str]
    ) -> None:
        for alias in statement.names:
            if (alias.asname or alias.name.partition(".")[0]) != name:
                continue
            if isinstance(statement, ast.Import):
                self._reach(alias.name if alias.asname else name, attributes)
                continue
            base = sources.imported_names(statement, scope.package)[0]
            if self._sources.file(f"{base}.{alias.name}"):
                self._reach(f"{base}.{alias.name}", attributes)
            else:
                self._reach(base, {alias.name})

    def _reach(self, module: str, attributes: set[str]) -> None:
        """Count what these attributes of a module are."""
        if self._sources.file(module) is None:
            self._libraries |= {module.partition(".")[0]} & set(sources.LIBRARIES)
            return
        if not module.startswith(FOLLOWED) or "" in attributes:
            inner = {f"{module}.{attribute}" for attribute in attributes if attribute}
            parts = {name for name in inner if self._sources.file(name)}
            # `scratch.nn` needs no more than `dlstudy.scratch.nn`, but the package's own file always runs.
            self._whole |= parts or {module}
            if parts and len(parts) < len(inner):
                self._whole.add(module)
            return
        for attribute in attributes:
            if self._sources.file(f"{module}.{attribute}"):
                self._reach(f"{module}.{attribute}", {""})
            elif self._scope(module).knows(attribute):
                self._follow(self._scope(module), 0, attribute, {""})
            else:
                self._whole.add(module)  # made by what no reading shows, such as a module's __getattr__

    def _scope(self, module: str) -> _Scope:
        if module not in self._modules:
            file = self._sources.file(module)
            assert file is not None
            tree = ast.parse(file.read_text(encoding="utf-8"))
            self._modules[module] = _Scope(module, [tree.body], self._sources)
        return self._modules[module]


class _Scope:
    """The statements at the top of a page's cells or of a module, by the names that they make."""

    def __init__(self, module: str, cells: list[list[ast.stmt]], found: Sources) -> None:
        self.module = module
        file = found.file(module) if module else None
        self.package = module if file is None or file.name == "__init__.py" else module.rpartition(".")[0]
        self._cells = [[*map(_Statement, statements)] for statements in cells]

    def knows(self, name: str) -> bool:
        """Whether a statement makes this name."""
        return any(name in statement.makes for cell in self._cells for statement in cell)

    def making(self, name: str, cell: int) -> Iterator[tuple[int, ast.stmt]]:
        """Yield the statements that make a name, or change it in the cell that makes it, with their cells.

        On a page a name that begins with `_` is its cell's own.
        """
        own = not self.module and name.startswith("_")
        for place, statements in enumerate(self._cells):
            if own and place != cell:
                continue
            if any(name in statement.makes for statement in statements):
                yield from (
                    (place, one.node) for one in statements if name in one.makes or (one.works and name in one.names)
                )


class _Statement:
    """One statement: the names it makes, the names it mentions, and whether it may change what a name stands for."""

    def __init__(self, node: ast.stmt) -> None:
        self.node = node
        self.makes = set(_made(node))
        self.names = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
        self.works = _works(node)


def _made(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
    elif not (isinstance(node, ast.If) and _is_type_checking(node.test)):
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                yield inner.id
            elif isinstance(inner, ast.FunctionDef | ast.ClassDef):
                yield inner.name
            elif isinstance(inner, ast.Import | ast.ImportFrom):
                yield from (alias.asname or alias.name.partition(".")[0] for alias in inner.names)


def _is_type_checking(test: ast.expr) -> bool:
    return isinstance(test, ast.Name) and test.id == "TYPE_CHECKING"


def _works(node: ast.stmt) -> bool:
    """Whether a statement may change an object: definitions, plain assignments, claims and pictures do not."""
    if isinstance(node, ast.Expr):
        call = node.value
        if not isinstance(call, ast.Call):
            return False
        owner = call.func
        while isinstance(owner, ast.Attribute):
            owner = owner.value
        return not (isinstance(owner, ast.Name) and owner.id in _SHOWS)
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return any(isinstance(inner, ast.Attribute | ast.Subscript) for target in targets for inner in ast.walk(target))
    return isinstance(node, ast.AugAssign | ast.For | ast.While | ast.With | ast.If | ast.Try | ast.Delete)


def _references(statement: ast.stmt, names: set[str]) -> list[tuple[str, set[str]]]:
    """These names, each with the attributes that a statement takes from it; "" is the whole object."""
    found: dict[str, set[str]] = {name: set() for name in sorted(names)}
    bases = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in found:
            found[node.value.id].add(node.attr)
            bases.add(node.value)
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and node.id in found and node not in bases:
            found[node.id].add("")
    return list(found.items())


def _free_names(statement: ast.stmt) -> set[str]:
    """The names that a statement takes from outside: used, and in no function of it a parameter or a local name."""
    text = ast.unparse(ast.fix_missing_locations(copy.deepcopy(statement)))
    waiting = [symtable.symtable(text, "statement", "exec")]
    free: set[str] = set()
    while waiting:
        table = waiting.pop()
        waiting += table.get_children()
        top = table.get_type() == "module"
        for symbol in table.get_symbols():
            if symbol.is_referenced() and (top or symbol.is_global()):
                free.add(symbol.get_name())
    return free - set(dir(builtins))
