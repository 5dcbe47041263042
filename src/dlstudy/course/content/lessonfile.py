"""Read and edit a lesson's Markdown file without running it and without importing the page engine.

What is code and what is a heading is decided by CommonMark, as GitHub reads the page. Edits are made on the text
itself, so that all else stays byte for byte.

The page engine's own save rules what a lesson may contain: an empty value vanishes from the front matter (so a lesson
that needs no other says `needs: none`), and `\"\"\"` in prose gains backslashes (so library blocks show `'''`
docstrings).
`python -m dlstudy.course.running.sync` brings a file into that form.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_MARIMO = re.compile(r"^\s*(?:python\s*)?\{\s*\.(?:python\.)?marimo\b(?P<options>[^}]*)\}\s*$")
_OPTION = re.compile(r'([\w-]+)="([^"]*)"')
_LEVEL = re.compile(r"\s*[(\[·—-]\s*(core|further)\s*[)\]]?\s*$", re.IGNORECASE)
_SOURCE = re.compile(r"^#\s*source:\s*([A-Za-z_][\w.]*):([A-Za-z_][\w.]*)\s*$")

REQUIRED_KEYS = ("title", "number", "stars", "track", "minutes", "needs", "code", "budget")


class LessonError(ValueError):
    """A lesson's file breaks a rule of its format; the message names the file, the line and what was expected."""


@dataclass(frozen=True)
class Cell:
    """An executable cell: lines `start_line` to `end_line` of the file (from 1, both fences included)."""

    name: str
    code: str
    options: dict[str, str]
    start_line: int
    end_line: int

    @property
    def hidden(self) -> bool:
        """Whether the page shows only the cell's output."""
        return self.options.get("hide_code") == "true"


@dataclass(frozen=True)
class LibraryBlock:
    """A fence for reading that shows the object `qualname` of `module`, kept equal to the library's source."""

    module: str
    qualname: str
    code: str
    start_line: int
    end_line: int

    @property
    def source(self) -> str:
        """The block's address as its first line writes it: `module:qualname`."""
        return f"{self.module}:{self.qualname}"


@dataclass(frozen=True)
class Section:
    """A heading of the page, on line `line`; `text` is all of it as written, `title` is without the mark of the level.

    `level` is "core" or "further", inherited from the heading above where it says nothing.
    """

    title: str
    depth: int
    level: str
    line: int
    text: str


@dataclass(frozen=True)
class FrontMatter:
    """The checked facts of a lesson's front matter; `budget` is in CPU seconds, `minutes` is core study time.

    `needs` and `code` are lists, written as YAML lists or with commas; "none" stands for an empty one.
    """

    title: str
    number: int
    stars: int
    track: str
    minutes: int
    needs: tuple[int, ...]
    code: tuple[str, ...]
    budget: float


@dataclass(frozen=True)
class LessonFile:
    """A lesson's Markdown, taken apart; `front` holds the front matter's values as text."""

    path: Path
    text: str
    front: dict[str, str]
    cells: list[Cell]
    library_blocks: list[LibraryBlock]
    sections: list[Section]
    prose: list[tuple[int, str]] = field(repr=False)
    """Every line outside fences and front matter, with its line number (from 1)."""

    @classmethod
    def read(cls, path: Path) -> "LessonFile":
        """Read and take apart the lesson at `path`.

        Raises LessonError: the file is not UTF-8 text or its fences or front matter are broken. Raises
        FileNotFoundError: there is no such file.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise _no_text(path, error) from error
        return cls.parse(text, path)

    @classmethod
    def parse(cls, text: str, path: Path) -> "LessonFile":
        """Take apart a lesson's `text`; `path` is used in messages and by `write`."""
        lines = text.replace("\r\n", "\n").split("\n")
        front, start = _front_matter(lines, path.name)
        # The front matter's lines are left empty, so that the parser's line numbers are the file's.
        tokens = _commonmark().parse("\n".join([*[""] * start, *lines[start:]]))
        cells: list[Cell] = []
        blocks: list[LibraryBlock] = []
        fenced: set[int] = set(range(start))
        for token in tokens:
            if token.type != "fence":
                continue
            first, end = _span(token, lines, path.name)
            fenced.update(range(first, end))
            body = lines[first + 1 : end - 1]
            marimo = _MARIMO.match(token.info)
            source = _SOURCE.match(body[0]) if body else None
            if (marimo or source) and not lines[first].startswith(token.markup):
                raise LessonError(f"{path.name}, line {first + 1}: expected the cell to begin at the left margin")
            if marimo:
                options = dict(_OPTION.findall(marimo["options"]))
                name = options.pop("name", "")
                cells.append(Cell(name, "\n".join(body), options, first + 1, end))
            elif source:
                blocks.append(LibraryBlock(source[1], source[2], "\n".join(body[1:]), first + 1, end))
        _refuse_twins(cells, path.name)
        prose = [(number + 1, line) for number, line in enumerate(lines) if number not in fenced]
        return cls(path, text, front, cells, blocks, _sections(tokens), prose)

    def cell(self, name: str) -> Cell:
        """Return the cell called `name`.

        Raises LessonError: the lesson has no such cell.
        """
        for cell in self.cells:
            if cell.name == name:
                return cell
        known = ", ".join(cell.name for cell in self.cells if cell.name) or "none"
        raise LessonError(f"{self.path.name}: there is no cell named {name!r}; its named cells are: {known}")

    def with_cell(self, name: str, code: str) -> str:
        """Return the lesson's text with the code of cell `name` replaced; all else stays byte for byte."""
        cell = self.cell(name)
        return self._replace(cell.start_line, cell.end_line, code)

    def with_block(self, block: LibraryBlock, code: str) -> str:
        """Return the lesson's text with the code of a library block replaced (its `# source:` line stays)."""
        return self._replace(block.start_line, block.end_line, f"# source: {block.source}\n{code}")

    def write(self, text: str) -> None:
        """Write `text` to the lesson's path through a temporary neighbour, so a crash leaves the old or the new."""
        neighbour = self.path.with_name(self.path.name + ".writing")
        neighbour.write_text(text, encoding="utf-8", newline="\n")
        neighbour.replace(self.path)

    def facts(self) -> FrontMatter:
        """Return the front matter as checked values.

        Raises LessonError: a key is missing or a value is not what it should be; the message lists every such problem.
        """
        return facts_of(self.front, self.path.name)

    def _replace(self, start_line: int, end_line: int, code: str) -> str:
        lines = self.text.split("\n")
        code = code.strip("\n")
        opening, closing = lines[start_line - 1], lines[end_line - 1]
        mark = closing.strip()[0]
        longest = max((len(run) for run in re.findall(rf"^{re.escape(mark)}{{3,}}", code, re.MULTILINE)), default=0)
        fence = mark * max(len(closing.strip()), longest + 1)
        opening = fence + opening.lstrip(mark)
        return "\n".join([*lines[: start_line - 1], opening, *code.split("\n"), fence, *lines[end_line:]])


def facts_of(given: Mapping[str, str], name: str) -> FrontMatter:
    """Return the values of a front matter, checked; `name` is the page's, for the message.

    Raises LessonError: a key is missing or a value is not what it should be; the message lists every such problem.
    """
    problems = [f"{key} is missing" for key in REQUIRED_KEYS if key not in given]
    front = {key: given.get(key, "") for key in REQUIRED_KEYS}

    def number(key: str, text: str, low: int, high: int) -> int:
        if key in given and not (text.isdecimal() and low <= int(text) <= high):
            problems.append(f"{key} should be a whole number from {low} to {high}, found {text!r}")
        return int(text) if text.isdecimal() else 0

    values = {
        "number": number("number", front["number"], 0, 99),
        "stars": number("stars", front["stars"], 1, 4),
        "minutes": number("minutes", front["minutes"], 1, 600),
    }
    needs = tuple(number("needs", part, 1, 99) for part in _items(front["needs"]))
    try:
        budget = float(front["budget"] or 0)
    except ValueError:
        budget = 0.0
    if "budget" in given and not budget > 0:
        problems.append(f"budget should be CPU seconds above 0, found {front['budget']!r}")
    for key in ("title", "track"):
        if key in given and not front[key]:
            problems.append(f"{key} is empty")
    if problems:
        raise LessonError(f"{name}: front matter: " + "; ".join(problems))
    return FrontMatter(
        title=front["title"],
        track=front["track"],
        needs=needs,
        code=_items(front["code"]),
        budget=budget,
        **values,
    )


def read_facts(path: Path) -> FrontMatter:
    """Return the front matter of the lesson at `path`, of which no more is read.

    Raises LessonError: the front matter is broken, or the file is not UTF-8 text. Raises FileNotFoundError: there is no
    such file.
    """
    head: list[str] = []
    try:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                head.append(line.rstrip("\n"))
                if not _is_rule(head[0]) or (len(head) > 1 and _is_rule(head[-1])):
                    break
    except UnicodeDecodeError as error:
        raise _no_text(path, error) from error
    front, _ = _front_matter(head, path.name)
    return facts_of(front, path.name)


def _items(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip() not in ("", "none"))


def _no_text(path: Path, error: UnicodeDecodeError) -> LessonError:
    return LessonError(f"{path.name}: expected UTF-8 text, found byte {error.object[error.start]:#x}")


@cache
def _commonmark() -> "MarkdownIt":
    """The parser of blocks alone: what stands inside a paragraph is not taken apart."""
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").disable("inline")


def _span(token: "Token", lines: list[str], name: str) -> tuple[int, int]:
    """Return the first line of a fence, from 0, and the one after its last; CommonMark would let it go unclosed."""
    assert token.map is not None
    first, end = token.map
    last = lines[end - 1].strip(" \t>")
    if end - first < 2 or len(last) < len(token.markup) or set(last) != {token.markup[0]}:
        raise LessonError(f"{name}, line {first + 1}: this fence is never closed; expected a line of {token.markup}")
    return first, end


def _refuse_twins(cells: list[Cell], name: str) -> None:
    first: dict[str, int] = {}
    for cell in cells:
        if cell.name in first:
            raise LessonError(
                f"{name}, line {cell.start_line}: a second cell named {cell.name!r} (the first is on line "
                f"{first[cell.name]}); cell names are unique in a lesson"
            )
        if cell.name and cell.name != "_":
            first[cell.name] = cell.start_line


def _sections(tokens: "list[Token]") -> list[Section]:
    sections: list[Section] = []
    levels = {0: "core"}
    for token, inside in pairwise(tokens):
        if token.type != "heading_open" or token.map is None:
            continue
        depth, text = int(token.tag[1]), inside.content
        mark = _LEVEL.search(text)
        levels = {above: level for above, level in levels.items() if above < depth}
        levels[depth] = mark[1].lower() if mark else levels[max(levels)]
        sections.append(Section(_LEVEL.sub("", text), depth, levels[depth], token.map[0] + 1, text))
    return sections


def _is_rule(line: str) -> bool:
    return line.strip() == "---"


def _front_matter(lines: list[str], name: str) -> tuple[dict[str, str], int]:
    """Return the front matter's values as text and the number of lines it takes; lists become comma-separated text."""
    if not lines or not _is_rule(lines[0]):
        return {}, 0
    end = next((number for number, line in enumerate(lines) if number and _is_rule(line)), 0)
    if not end:
        raise LessonError(f"{name}, line 1: the front matter is never closed; expected a line of ---")
    import yaml

    try:
        top = yaml.compose("\n".join(lines[1:end]), Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise LessonError(f"{name}, line {mark.line + 2 if mark else 1}: front matter: {error.problem}") from error
    if top is not None and not isinstance(top, yaml.MappingNode):
        raise LessonError(f"{name}, line 2: expected 'key: value' in the front matter, found {lines[1]!r}")
    front: dict[str, str] = {}
    for key, value in top.value if top is not None else ():
        line = key.start_mark.line + 2
        if key.value in front:
            raise LessonError(f"{name}, line {line}: the key {key.value!r} stands twice in the front matter")
        front[key.value] = _text_of(value, f"{name}, line {line}")
    return front, end + 1


def _text_of(node: Any, where: str) -> str:
    """The text of a YAML value as it is written: "2" is no number, and a list is joined by commas."""
    if isinstance(node.value, str):
        return "" if node.style is None and node.value in ("null", "~") else node.value.strip()
    if node.id != "sequence":
        raise LessonError(f"{where}: expected a text or a list in the front matter")
    return ", ".join(_text_of(item, where) for item in node.value)
