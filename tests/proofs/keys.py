"""The key of a proof: a digest of the source of all that it depends on, and of the versions of the libraries.

What counts: the modules of the project that the named ones import, however far away, also inside functions; the files
beside them that they name; files that are named on their own, such as a page, its exercises and its recordings. What
does not: comments, line breaks and docstrings, the machine, where the checkout lies, and how its lines end.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dlstudy.course.content.lessonfile import LessonFile
from dlstudy.course.running import sources
from dlstudy.course.running.sources import Sources

ROOT = Path(__file__).resolve().parents[2]
APART = ("tests.proofs", "tests.conftest")
"""The scheme itself, which has its own tests, and what starts every run; no proof's result comes from there."""


@dataclass(frozen=True)
class Key:
    """What a proof depends on: the digest of its code, and the versions of its libraries and of Python."""

    code: str
    versions: dict[str, str]


@cache
def project() -> Sources:
    """Return the project's modules: the package's, the tests' and the benchmarks'."""
    roots = {"dlstudy": ROOT / "src", "tests": ROOT, "benchmarks": ROOT, "setup_env": ROOT}
    return Sources(roots, ROOT, ROOT / ".cache" / "sources.json")


def key_of(
    modules: Iterable[str] = (),
    files: Iterable[Path] = (),
    packages: Iterable[str] = (),
    *,
    apart: Collection[str] = (),
    found: Sources | None = None,
) -> Key:
    """Return the key of what these modules, files and further libraries amount to.

    `apart` names modules and files that these reach without depending on them: a reason for each stands where it is
    given. `found` are the project's modules, where they are not these.
    """
    found = found or project()
    reached = found.closure(modules, (*APART, *apart))
    beside = {file for file in found.data(reached) if file.name not in apart}
    lines = found.lines(reached, {*files, *beside})
    return Key(sources.key_of_lines(lines, {}), sources.versions({*found.libraries(reached), *packages}))


def of_test(
    module: str,
    *,
    modules: Iterable[str] = (),
    page: Path | None = None,
    packages: Iterable[str] = (),
    apart: Collection[str] = (),
    found: Sources | None = None,
) -> Key:
    """Return the key of a test: of its module, of the folders' fixtures that it may ask for, and of its page.

    A test of a lesson's own folder depends on all that lies in the lesson's exercises.
    """
    above = module.split(".")
    fixtures = [".".join((*above[:length], "conftest")) for length in range(2, len(above))]
    more, files = of_page(page) if page else ([], [])
    lesson = re.search(r"\.lesson(\d\d)\.", module)
    files += _inside(ROOT / "exercises" / lesson[1]) if lesson else []
    return key_of([module, *fixtures, *modules, *more], files, packages, apart=apart, found=found)


def _inside(folder: Path) -> list[Path]:
    """All files of a lesson's exercises, its recordings among them."""
    return [file for file in sorted(folder.rglob("*")) if file.is_file() and "__pycache__" not in file.parts]


def of_page(path: Path) -> tuple[list[str], list[Path]]:
    """Return the modules that a page and its exercises import, and its files: the page, exercises/NN and all in it."""
    files = _inside(path.parent.parent / "exercises" / path.name[:2])
    texts = [cell.code for cell in LessonFile.read(path).cells]
    texts += [file.read_text(encoding="utf-8") for file in files if file.suffix == ".py"]
    return sorted({name for text in texts for name in _imported(text)}), [path, *files]


def _imported(code: str) -> list[str]:
    """The names that a page's cell or an exercise imports; none where it cannot be read, as a stub may be."""
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return []
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += sources.imported_names(node, "")
    return names
