"""The rules of the house, which keep 27 lessons apart: where their code lives, how a figure is named, what is private.

The import contracts are in `pyproject.toml` and tried in `test_imports.py`; CONTRIBUTING.md says what each rule is for.
Each rule is a function that returns what breaks it, so that a planted violation can be shown to it.
"""

from __future__ import annotations

import ast
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src" / "dlstudy"
LESSON_NAME = re.compile(r"lesson[\s_-]?\d", re.I)
MOST_FILES = 15
MOST_LINES = 400
MOST_COLUMNS = 140  # of a line of JavaScript

CROWDED = {
    "scratch": "torch's own names: torch.nn, torch.random, torch.cuda are modules that people look for by these names",
    "scratch/nn": "one file a family of layers, as in torch.nn.modules",
    "scratch/ops": "one file a family of formulas; they share nothing but the tape",
}
"""Folders of the package with more than `MOST_FILES` Python files, and why."""


def python_files(root: Path) -> list[Path]:
    """The Python files below a folder, in order."""
    return sorted(path for path in root.rglob("*.py") if "__pycache__" not in path.parts)


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


# R2 ------------------------------------------------------------------------------------------------------------------


def lesson_names_elsewhere(files: list[str]) -> list[str]:
    """Files outside the lessons' own folders that are named after a lesson."""
    own = re.compile(r"^(src/dlstudy/lessons|tests/lessons)/")
    return [name for name in files if not own.match(name) and LESSON_NAME.search(Path(name).name)]


def tracked() -> list[str]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "*.py", "*.js", "*.css", "*.toml"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    return [name for name in names if name and (ROOT / name).is_file()]


def test_only_a_lesson_s_own_folders_name_it() -> None:
    assert lesson_names_elsewhere(tracked()) == []


def test_a_file_named_after_a_lesson_is_found() -> None:
    planted = [
        "src/dlstudy/figures/lesson11.py",
        "tests/figures/test_lesson_11.py",
        "src/dlstudy/lessons/lesson11/x.py",
    ]
    assert lesson_names_elsewhere(planted) == planted[:2]


# R1, R3: nothing outside a lesson's own folders and its page knows it -----------------------------------------------


def knows_a_lesson(path: Path) -> list[str]:
    """Lessons' packages that a Python file names, in an import or in a text."""
    return re.findall(r"dlstudy\.lessons\.lesson\d\d", path.read_text(encoding="utf-8"))


def test_no_module_of_the_library_names_a_lesson_s_package() -> None:
    others = [path for path in python_files(SRC) if SRC / "lessons" not in path.parents]
    assert {path.relative_to(ROOT).as_posix(): knows_a_lesson(path) for path in others if knows_a_lesson(path)} == {}


def test_a_lesson_named_by_the_library_is_found(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("HOMES = {'GateExplorer': 'dlstudy.lessons.lesson09.gate_explorer'}\n")
    assert knows_a_lesson(tmp_path / "x.py") == ["dlstudy.lessons.lesson09"]


# R4 ------------------------------------------------------------------------------------------------------------------


def snake(name: str) -> str:
    """`GateExplorer` as a file is named: gate_explorer."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def misnamed_figures(root: Path) -> Iterator[str]:
    """Interactive figures whose files are not three of one stem, that of the class."""
    for path in python_files(root):
        for node in ast.walk(parsed(path)):
            if not isinstance(node, ast.ClassDef):
                continue
            source = ast.unparse(node)
            if "_esm = module(__file__" not in source:
                continue
            if path.stem != snake(node.name):
                yield f"{path.name}: {node.name} belongs in {snake(node.name)}.py"
            for suffix in (".js", ".css"):
                if not path.with_suffix(suffix).is_file():
                    yield f"{path.name}: {path.stem}{suffix} does not lie beside it"
        stem = path.stem.removesuffix("_numbers")
        if stem != path.stem and not path.with_name(f"{stem}.py").is_file():
            yield f"{path.name}: there is no figure {stem}.py whose numbers these are"


def test_a_figure_is_three_files_of_one_stem() -> None:
    assert [*misnamed_figures(SRC / "lessons"), *misnamed_figures(SRC / "figures")] == []


def test_a_figure_in_pieces_is_found(tmp_path: Path) -> None:
    (tmp_path / "gates.py").write_text("class GateExplorer(Figure):\n    _esm = module(__file__)\n")
    (tmp_path / "gates.js").write_text("")
    (tmp_path / "floats_numbers.py").write_text("")
    assert list(misnamed_figures(tmp_path)) == [
        "floats_numbers.py: there is no figure floats.py whose numbers these are",
        "gates.py: GateExplorer belongs in gate_explorer.py",
        "gates.py: gates.css does not lie beside it",
    ]


# R5 ------------------------------------------------------------------------------------------------------------------


def body_of(function: ast.FunctionDef) -> str:
    """A function's statements without its docstring, as one text that does not depend on its layout."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return "\n".join(ast.dump(statement) for statement in body)


def written_twice(lessons: Path) -> list[str]:
    """Functions of at least three statements that stand in two lessons' packages under one name or another."""
    places: dict[str, set[str]] = defaultdict(set)
    for path in python_files(lessons):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef) and sum(isinstance(n, ast.stmt) for n in ast.walk(node)) > 3:
                places[body_of(node)].add(f"{path.relative_to(lessons).parts[0]}:{node.name}")
    return sorted(" = ".join(sorted(found)) for found in places.values() if len({f[:8] for f in found}) > 1)


def test_no_function_stands_in_two_lessons() -> None:
    assert written_twice(SRC / "lessons") == []


def test_a_function_written_twice_is_found(tmp_path: Path) -> None:
    body = "lines = []\n    for row in rows:\n        lines.append(str(row))\n    return lines\n"
    text = "def {}(rows):\n    {}\n    " + body
    for lesson, name, doc in (("lesson11", "proof_table", '"""One."""'), ("lesson12", "table", '"""Two."""')):
        (tmp_path / lesson).mkdir()
        (tmp_path / lesson / "__init__.py").write_text(text.format(name, doc))
    assert written_twice(tmp_path) == ["lesson11:proof_table = lesson12:table"]


# R6 ------------------------------------------------------------------------------------------------------------------


def private_borrowings(path: Path) -> list[str]:
    """Names with one leading underscore that a module takes from another module of the package."""
    found, modules = [], set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "dlstudy":
            for item in node.names:
                modules.add(item.asname or item.name)
                if any(re.match(r"_(?!_)", part) for part in (*node.module.split("."), item.name)):  # type: ignore[union-attr]
                    found.append(f"{node.module}.{item.name}")
    for node in ast.walk(parsed(path)):
        inside = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules
        if inside and re.match(r"_(?!_)[a-z]", node.attr) and node.value.id.islower():
            found.append(ast.unparse(node))
    return found


def test_no_module_takes_a_private_name_of_another() -> None:
    found = {path.relative_to(ROOT).as_posix(): private_borrowings(path) for path in python_files(SRC)}
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(
    "line",
    [
        "from dlstudy.data.download import _say",
        "from dlstudy.data._remote import human",
        "def late():\n    from dlstudy.course import _stubs",
        "from dlstudy.scratch import tape\ntape._edges",
    ],
)
def test_a_private_name_that_is_taken_is_found(tmp_path: Path, line: str) -> None:
    (tmp_path / "x.py").write_text(line + "\n")
    assert len(private_borrowings(tmp_path / "x.py")) == 1


# R8 ------------------------------------------------------------------------------------------------------------------


def crowded_folders(root: Path) -> dict[str, int]:
    """Folders that hold more Python files than a reader takes in, and how many."""
    counts: dict[str, int] = defaultdict(int)
    for path in python_files(root):
        counts[path.parent.relative_to(root).as_posix()] += 1
    return {folder: count for folder, count in counts.items() if count > MOST_FILES}


def test_a_folder_holds_what_a_reader_takes_in() -> None:
    assert set(crowded_folders(SRC)) - set(CROWDED) == set()
    assert set(CROWDED) - set(crowded_folders(SRC)) == set(), "no longer crowded: take it from the list"


def test_a_crowded_folder_is_found(tmp_path: Path) -> None:
    (tmp_path / "hall").mkdir()
    for door in range(MOST_FILES + 1):
        (tmp_path / "hall" / f"door{door}.py").write_text("")
    assert crowded_folders(tmp_path) == {"hall": MOST_FILES + 1}


def long_scripts(root: Path) -> list[str]:
    """Lines of JavaScript that do not fit beside another window; a sentence for the screen stays in one piece."""
    found = []
    for path in sorted(root.rglob("*.js")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if len(re.sub(r'"[^"]{20,}"', "", re.sub(r"`.{20,}`", "", line))) > MOST_COLUMNS:
                found.append(f"{path.relative_to(root)}:{number}: {len(line)}")
    return found


def test_javascript_fits_the_width_of_a_window() -> None:
    assert long_scripts(SRC) == []


def test_a_long_line_of_javascript_is_found(tmp_path: Path) -> None:
    sentence = f'say("{"word " * MOST_COLUMNS}");'
    (tmp_path / "x.js").write_text(f"{sentence}\n{'x' * (MOST_COLUMNS + 1)}\n")
    assert long_scripts(tmp_path) == [f"x.js:2: {MOST_COLUMNS + 1}"]


# One dialect (docs/style.md) -----------------------------------------------------------------------------------------


def other_dialects(path: Path) -> list[str]:
    """Where a file documents in another way than the house: `Raises:` blocks, `#:` comments, doubled backticks."""
    odd = re.compile(r"^\s*Raises:\s*$|^\s*#: |(?<!`)``(?!`)[^`]+(?<!`)``(?!`)")
    lines = path.read_text(encoding="utf-8").splitlines()
    return [f"{path.name}:{number}" for number, line in enumerate(lines, start=1) if odd.search(line)]


def test_the_house_documents_in_one_dialect() -> None:
    assert [place for path in python_files(SRC) for place in other_dialects(path)] == []


@pytest.mark.parametrize("line", ["    Raises:", "#: How many.", "x = 1  # see ``y``", '    """Of ``x``."""'])
def test_another_dialect_is_found(tmp_path: Path, line: str) -> None:
    (tmp_path / "x.py").write_text(line + "\n")
    assert other_dialects(tmp_path / "x.py") == ["x.py:1"]
