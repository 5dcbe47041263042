"""Imports point one way, private marimo names live in one file, and what needs no tensor imports none."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dlstudy.course.content.lessonfile import LessonFile

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src" / "dlstudy"
ENGINE = SRC / "course" / "engine.py"
HEAVY = ("torch", "numpy", "matplotlib", "marimo", "sklearn", "skimage", "mlxtend")
LIGHT = (
    "dlstudy",
    "dlstudy.commands.cli",
    "dlstudy.app.middleware",
    "dlstudy.app.server",
    "dlstudy.course.content.catalogue",
    "dlstudy.course.content.exercises",
    "dlstudy.course.learner.folder",
    "dlstudy.course.content.lessonfile",
    "dlstudy.course.content.paths",
    "dlstudy.course.learner.progress",
)

WINGS = "the course's wings stand on each other"
CIRCLES = "app and course have no import circle"


def lint_imports(source: Path, cache: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter with our contracts on the package below `source`."""
    code = "import sys; from importlinter.cli import lint_imports as lint; sys.exit(lint(cache_dir=sys.argv[1]))"
    return subprocess.run(
        [sys.executable, "-c", code, str(cache)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(source), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_imports_point_one_way(tmp_path: Path) -> None:
    result = lint_imports(ROOT / "src", tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("scratch/__init__.py", "import dlstudy.course", "imports point one way"),
        ("figures/__init__.py", "def late():\n    import dlstudy.app", "imports point one way"),
        ("scratch/__init__.py", "def late():\n    import torch", "scratch is NumPy only"),
        ("scratch/shapes.py", "def late():\n    from .autograd import grad", "scratch has no import circle"),
        ("scratch/ops/views.py", "def late():\n    from .inplace import copy_", "scratch has no import circle"),
        ("data/__init__.py", "import timm", "references are for tests, not for src"),
        ("lessons/lesson02/__init__.py", "from dlstudy.lessons import lesson01", "a lesson needs no other lesson"),
        ("course/page/cards.py", "def late():\n    from dlstudy.lessons import lesson01", "imports point one way"),
        ("commands/terminal.py", "def late():\n    from dlstudy.lessons import lesson01", "imports point one way"),
        ("course/content/paths.py", "def late():\n    import dlstudy.course.engine", WINGS),
        ("course/learner/notes.py", "def late():\n    import dlstudy.course.checking.worker", WINGS),
        ("app/state.py", "def late():\n    from dlstudy.app.site import Site", CIRCLES),
        ("course/checking/verdict.py", "def late():\n    import dlstudy.course.checking.audit", CIRCLES),
    ],
)
@pytest.mark.slow  # each reads the whole package anew
def test_a_planted_wrong_import_is_found(tmp_path: Path, file: str, line: str, contract: str) -> None:
    shutil.copytree(SRC, tmp_path / "dlstudy", ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "dlstudy" / file).open("a", encoding="utf-8") as stream:
        stream.write(f"\n{line}\n")
    result = lint_imports(tmp_path, tmp_path / "cache")
    assert result.returncode == 1
    assert f"{contract} BROKEN" in result.stdout


@pytest.mark.parametrize("module", LIGHT)
def test_what_needs_no_tensor_imports_none(module: str) -> None:
    code = f"import sys, {module}; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == []


def private_marimo_names(code: str) -> list[str]:
    """Private names of marimo that Python code imports or reaches through the module, under whatever name it has."""
    found: list[str] = []
    tree = ast.parse(code)
    aliases = {"marimo"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            aliases |= {item.asname for item in node.names if item.name == "marimo" and item.asname}
            found += [item.name for item in node.names if item.name.startswith("marimo._")]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "marimo":
            names = [f"{node.module}.{item.name}" for item in node.names]
            found += [name for name in names if "._" in name]
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
            base = node.value
            while isinstance(base, ast.Attribute):
                base = base.value
            if isinstance(base, ast.Name) and base.id in aliases:
                found.append(ast.unparse(node))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and re.match(r"marimo\._\w", node.value):
            found.append(node.value)
    return found


@pytest.mark.parametrize(
    "code",
    [
        "import marimo._runtime",
        "from marimo._server import x",
        "from marimo import _ast",
        "import marimo as mo\nmo._runtime.context",
        "import importlib\nimportlib.import_module('marimo._server')",
    ],
)
def test_the_scan_for_private_names_sees_them(code: str) -> None:
    assert private_marimo_names(code)


def test_the_scan_for_private_names_leaves_public_ones() -> None:
    assert private_marimo_names("import marimo as mo\nfrom marimo import ui\nmo.ui.slider(1, 2)\nmo.__version__") == []


def test_private_marimo_names_live_in_one_file() -> None:
    files = [*ROOT.glob("src/**/*.py"), *ROOT.glob("exercises/**/*.py"), *ROOT.glob("benchmarks/**/*.py")]
    used = {path.relative_to(ROOT).as_posix(): private_marimo_names(path.read_text(encoding="utf-8")) for path in files}
    used.pop(ENGINE.relative_to(ROOT).as_posix())
    assert {path: names for path, names in used.items() if names} == {}


@pytest.mark.parametrize("path", sorted(ROOT.glob("lessons/*.md")), ids=lambda path: path.name)
def test_lessons_use_no_private_marimo_name(path: Path) -> None:
    used = {cell.name: private_marimo_names(cell.code) for cell in LessonFile.read(path).cells}
    assert {name: names for name, names in used.items() if names} == {}
