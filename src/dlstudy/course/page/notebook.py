"""A lesson as a Jupyter notebook: for those who work in JupyterLab, VS Code or Colab instead of on the course's pages.

The Markdown file stays the only source; `convert` makes the notebook of it whenever it is wanted. Cells run from top to
bottom there, so a cell that needs a later one is moved behind it, and a cell that uses the learner's answers says so in
its first line (`%%when_solved`). What stands for marimo and for the page in a notebook is in `plain.py`.
"""

from __future__ import annotations

import ast
import base64
import hashlib
import heapq
import json
import mimetypes
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dlstudy.course import engine
from dlstudy.course.content.lessonfile import Cell, LessonError, LessonFile

# A notebook imports what these pages import from elsewhere: the same names, without the page engine.
IMPORTS = {
    r"^import marimo as mo$": "from dlstudy.course.page.jupyter import mo",
    r"^from dlstudy\.course\.page import Page$": "from dlstudy.course.page.jupyter import Page",
}
INSTALL = """import importlib.util

if importlib.util.find_spec("dlstudy") is None:
    %pip install --quiet "{source}"
import dlstudy.course.page.jupyter  # prepares the notebook; before the cells below import torch"""
MISSING = """import importlib.util

if importlib.util.find_spec("dlstudy") is None:
    raise SystemExit("This notebook needs the course's package. Install it, and PyTorch with it: "
                     "pip install FOLDER, where FOLDER is the course's folder or a wheel of it.")
import dlstudy.course.page.jupyter  # prepares the notebook; before the cells below import torch"""
_IMAGE = re.compile(r"!\[(?P<alt>[^\]]*)\]\((?P<path>(?!https?:|data:)[^)\s]+)\)")
_LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]+)\]\((?P<path>(?!https?:)[^)\s]*\.md(?:#[^)\s]*)?|#[^)\s]*)\)")


def convert(page: LessonFile, install: str = "") -> dict[str, Any]:
    """Return the lesson as the content of an .ipynb file (nbformat 4.5).

    The first code cell installs the package from `install`, a path or an address of a wheel or a source folder, where
    it is missing; without `install` it says what is missing. Pictures are put into the notebook; links to other pages
    of the course become plain text.

    Raises LessonError: the page cannot be taken apart, or a picture is missing.
    """
    uses = engine.uses(page.path)
    if len(uses) != len(page.cells):
        raise LessonError(f"{page.path.name}: {len(page.cells)} cells in the file, {len(uses)} cells when it is loaded")
    guards = _guards(page.cells, uses)
    title = page.front.get("title", page.path.stem)
    number = page.front.get("number", "")
    about = (
        f"*Lesson {number} of the Deep Learning Study Guide, as a notebook. Run the cells from top to bottom. "
        "The course's own page is the livelier one: there a cell runs again by itself when what it uses changes.*"
    )
    cells = [_markdown(about, page), _code(INSTALL.format(source=install) if install else MISSING, name="install")]
    for prose, index in _parts(page, uses):
        cells += [_markdown(prose, page)] if prose.strip() else []
        if index is not None:
            cell = page.cells[index]
            code = cell.code
            for pattern, replacement in IMPORTS.items():
                code = re.sub(pattern, replacement, code, flags=re.MULTILINE)
            if guards[index]:
                code = f"%%when_solved {' '.join(guards[index])}\n{code}"
            cells.append(_code(code, name=cell.name, hidden=cell.hidden))
    for place, made in enumerate(cells):  # ids that stay the same while the cell does
        made["id"] = hashlib.sha256(f"{place} {made['source']}".encode()).hexdigest()[:12]
    return {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            "title": title,
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def in_order(uses: Sequence[set[int]]) -> list[int]:
    """Return the cells' numbers so that each comes after those it uses, and otherwise in the order of the page."""
    waiting = {cell: set(needed) for cell, needed in enumerate(uses)}
    ready = [cell for cell, needed in waiting.items() if not needed]
    heapq.heapify(ready)
    order = []
    while ready:
        done = heapq.heappop(ready)
        order.append(done)
        del waiting[done]
        for cell, needed in waiting.items():
            if done in needed:
                needed.discard(done)
                if not needed:
                    heapq.heappush(ready, cell)
    return order


def _parts(page: LessonFile, uses: Sequence[set[int]]) -> list[tuple[str, int | None]]:
    """Return the prose before each cell and the cell's number, in the order in which a notebook can run them."""
    lines = page.text.replace("\r\n", "\n").split("\n")
    begin = 0
    if lines[0].strip() == "---":
        begin = next(number for number, line in enumerate(lines[1:], start=1) if line.strip() == "---") + 1
    before: list[str] = []
    for cell in page.cells:
        before.append("\n".join(lines[begin : cell.start_line - 1]))
        begin = cell.end_line
    parts: list[tuple[str, int | None]] = [(before[index], index) for index in in_order(uses)]
    return [*parts, ("\n".join(lines[begin:]), None)]


def _guards(cells: Sequence[Cell], uses: Sequence[set[int]]) -> list[list[str]]:
    """Return, for each cell, the exercises that must be solved before it can run, because it or a cell it uses asks."""
    slugs: dict[str, str] = {}  # the name of a card -> its exercise
    asked: list[set[str]] = []
    for cell in cells:
        tree = ast.parse(cell.code)
        names: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and (slug := _argument(node.value, "check")):
                slugs.update({target.id: slug for target in node.targets if isinstance(target, ast.Name)})
            if isinstance(node, ast.Call) and _method(node) == "when_solved":
                names |= {argument.id for argument in node.args if isinstance(argument, ast.Name)}
        asked.append(names)
    direct = [{slugs[name] for name in names} for names in asked]
    found = [set(slugs) for slugs in direct]
    for index in in_order(uses):
        for needed in uses[index]:
            found[index] |= found[needed]
    return [sorted(each) for each in found]


def _method(node: ast.Call) -> str:
    on_page = (
        isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name) and node.func.value.id == "page"
    )
    return node.func.attr if on_page and isinstance(node.func, ast.Attribute) else ""


def _argument(node: ast.expr, method: str) -> str:
    """Return the text that `page.<method>("text", ...)` is called with first, "" for anything else."""
    if isinstance(node, ast.Call) and _method(node) == method and node.args and isinstance(node.args[0], ast.Constant):
        return str(node.args[0].value)
    return ""


def _code(source: str, *, name: str = "", hidden: bool = False) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name} if name and name != "_" else {}
    if hidden:
        metadata |= {"jupyter": {"source_hidden": True}, "cellView": "form"}  # JupyterLab and Colab
    return {
        "cell_type": "code", "execution_count": None, "id": "", "metadata": metadata, "outputs": [], "source": source,
    }  # fmt: skip


def _markdown(text: str, page: LessonFile) -> dict[str, Any]:
    attachments: dict[str, Mapping[str, str]] = {}

    def attach(match: re.Match[str]) -> str:
        file = page.path.parent / match["path"]
        if not file.is_file():
            raise LessonError(f"{page.path.name}: the picture {match['path']} is missing")
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        attachments[file.name] = {kind: base64.b64encode(file.read_bytes()).decode("ascii")}
        return f"![{match['alt']}](attachment:{file.name})"

    text = _IMAGE.sub(attach, text)
    text = _LINK.sub(lambda match: match["text"], text)
    text = text.replace('<details markdown="1">', "<details>").replace("<!-- -->", "")
    cell: dict[str, Any] = {"cell_type": "markdown", "id": "", "metadata": {}, "source": text.strip("\n")}
    return cell | ({"attachments": attachments} if attachments else {})


def write(page: LessonFile, file: Path, install: str = "") -> None:
    """Write the lesson as a notebook to the new file `file`.

    Raises FileExistsError: there is such a file; a learner's answers in it are not overwritten. Raises OSError: the
    file cannot be written there; the sentence says why. Raises LessonError: the page cannot be converted.
    """
    content = json.dumps(convert(page, install), ensure_ascii=False, indent=1) + "\n"
    try:
        with file.open("x", encoding="utf-8", newline="\n") as out:
            out.write(content)
    except FileExistsError as error:
        raise FileExistsError(f"{file} exists already; choose another name with --out") from error
    except OSError as error:
        raise OSError(f"{file} cannot be written: {error.strerror}") from error
