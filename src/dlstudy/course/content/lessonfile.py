"""Read and edit a lesson's Markdown file without running it and without importing the page engine.

The page engine's own save rules what a lesson may contain: an empty value vanishes from the front matter (so a lesson
that needs no other says `needs: none`), and `\"\"\"` in prose gains backslashes (so library blocks show `'''`
docstrings).
`python -m dlstudy.course.running.sync` brings a file into that form.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

_OPENING = re.compile(r"^(?P<fence>`{3,}|~{3,})(?P<info>[^`]*)$")
_MARIMO = re.compile(r"^\s*(?:python\s*)?\{\s*\.(?:python\.)?marimo\b(?P<options>[^}]*)\}\s*$")
_OPTION = re.compile(r'([\w-]+)="([^"]*)"')
_HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*$")
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
    """A heading of the page; `level` is "core" or "further", inherited from the heading above where it says nothing."""

    title: str
    depth: int
    level: str
    line: int


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

        Raises:
            LessonError: the file is not UTF-8 text or its fences or front matter are broken.
            FileNotFoundError: there is no such file.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise LessonError(f"{path.name}: expected UTF-8 text, found byte {error.object[error.start]:#x}") from error
        return cls.parse(text, path)

    @classmethod
    def parse(cls, text: str, path: Path) -> "LessonFile":
        """Take apart a lesson's `text`; `path` is used in messages and by `write`."""
        lines = text.replace("\r\n", "\n").split("\n")
        front, start = _front_matter(lines, path.name)
        cells: list[Cell] = []
        blocks: list[LibraryBlock] = []
        prose: list[tuple[int, str]] = []
        number = start
        while number < len(lines):
            opening = _OPENING.match(lines[number])
            if not opening:
                prose.append((number + 1, lines[number]))
                number += 1
                continue
            end = _closing(lines, number, opening["fence"], path.name)
            body = lines[number + 1 : end]
            marimo = _MARIMO.match(opening["info"])
            if marimo:
                options = dict(_OPTION.findall(marimo["options"]))
                name = options.pop("name", "")
                cells.append(Cell(name, "\n".join(body), options, number + 1, end + 1))
            elif body and (source := _SOURCE.match(body[0])):
                blocks.append(LibraryBlock(source[1], source[2], "\n".join(body[1:]), number + 1, end + 1))
            number = end + 1
        _refuse_twins(cells, path.name)
        return cls(path, text, front, cells, blocks, _sections(prose), prose)

    def cell(self, name: str) -> Cell:
        """Return the cell called `name`.

        Raises:
            LessonError: the lesson has no such cell.
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

        Raises:
            LessonError: a key is missing or a value is not what it should be; the message lists every such problem.
        """
        problems = [f"{key} is missing" for key in REQUIRED_KEYS if key not in self.front]
        front = {key: self.front.get(key, "") for key in REQUIRED_KEYS}

        def number(key: str, text: str, low: int, high: int) -> int:
            if key in self.front and not (text.isdecimal() and low <= int(text) <= high):
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
        if "budget" in self.front and not budget > 0:
            problems.append(f"budget should be CPU seconds above 0, found {front['budget']!r}")
        for key in ("title", "track"):
            if key in self.front and not front[key]:
                problems.append(f"{key} is empty")
        if problems:
            raise LessonError(f"{self.path.name}: front matter: " + "; ".join(problems))
        return FrontMatter(
            title=front["title"],
            track=front["track"],
            needs=needs,
            code=_items(front["code"]),
            budget=budget,
            **values,
        )

    def _replace(self, start_line: int, end_line: int, code: str) -> str:
        lines = self.text.split("\n")
        code = code.strip("\n")
        opening, closing = lines[start_line - 1], lines[end_line - 1]
        mark = closing.strip()[0]
        longest = max((len(run) for run in re.findall(rf"^{re.escape(mark)}{{3,}}", code, re.MULTILINE)), default=0)
        fence = mark * max(len(closing.strip()), longest + 1)
        opening = fence + opening.lstrip(mark)
        return "\n".join([*lines[: start_line - 1], opening, *code.split("\n"), fence, *lines[end_line:]])


def _items(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip() not in ("", "none"))


def _closing(lines: list[str], opening: int, fence: str, name: str) -> int:
    for number in range(opening + 1, len(lines)):
        line = lines[number].strip()
        if len(line) >= len(fence) and set(line) == {fence[0]}:
            return number
    raise LessonError(f"{name}, line {opening + 1}: this fence is never closed; expected a line of {fence}")


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


def _sections(prose: list[tuple[int, str]]) -> list[Section]:
    sections: list[Section] = []
    levels = {0: "core"}
    for line, text in prose:
        heading = _HEADING.match(text)
        if not heading:
            continue
        depth = len(heading[1])
        mark = _LEVEL.search(heading[2])
        levels = {above: level for above, level in levels.items() if above < depth}
        levels[depth] = mark[1].lower() if mark else levels[max(levels)]
        sections.append(Section(_LEVEL.sub("", heading[2]), depth, levels[depth], line))
    return sections


def _front_matter(lines: list[str], name: str) -> tuple[dict[str, str], int]:
    """Return the front matter's values as text and the number of lines it takes; lists become comma-separated text."""
    if not lines or lines[0].strip() != "---":
        return {}, 0
    front: dict[str, str] = {}
    key = ""
    for number, line in enumerate(lines[1:], start=2):
        if line.strip() == "---":
            return {key: _plain(value) for key, value in front.items()}, number
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        item = re.match(r"^\s*-\s+(.*)$", line)
        pair = re.match(r"^([A-Za-z][\w-]*):(?:\s+(.*?))?\s*$", line)
        if item and key:
            front[key] = f"{front[key]}, {_plain(item[1])}" if front[key] else _plain(item[1])
        elif pair:
            key = pair[1]
            if key in front:
                raise LessonError(f"{name}, line {number}: the key {key!r} stands twice in the front matter")
            front[key] = "" if (pair[2] or "") in ("|", "|-", ">", ">-") else (pair[2] or "")
        elif line[0] in " \t" and key:
            front[key] = f"{front[key]} {line.strip()}".strip()
        else:
            raise LessonError(f"{name}, line {number}: expected 'key: value' in the front matter, found {line!r}")
    raise LessonError(f"{name}, line 1: the front matter is never closed; expected a line of ---")


def _plain(value: str) -> str:
    value = value.strip()
    if len(value) >= 2 and value[0] == value[-1] == "'":
        return value[1:-1].replace("''", "'")
    if len(value) >= 2 and value[0] == value[-1] == '"':
        return value[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    if value.startswith("[") and value.endswith("]"):
        return ", ".join(_plain(part) for part in value[1:-1].split(",") if part.strip())
    return "" if value in ("null", "~") else value
