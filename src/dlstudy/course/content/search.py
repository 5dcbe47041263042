"""Full-text search over lessons, exercises, the glossary and the learner's notes; every result leads to its place.

SQLite's FTS5 does the work where this Python's SQLite has it, in memory; a plain search does it elsewhere. The index is
made at the first question, again when a lesson's file has changed, and only the standard library is needed for it.
"""

import re
import sqlite3
import threading
import unicodedata
import weakref
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dlstudy.course.content import catalogue as catalogues
from dlstudy.course.content import links, paths
from dlstudy.course.content.exercises import slug_of
from dlstudy.course.content.lessonfile import LessonError, LessonFile
from dlstudy.course.content.questions import ExerciseError, read_head

Kind = Literal["section", "exercise", "term", "lesson", "note"]
SHOWN = 20
AROUND = 16
"""How many words of a text are shown as a snippet."""


@dataclass(frozen=True)
class Entry:
    """A place that can be found: `page` is its file and `anchor` the place on it; a planned lesson has no page."""

    kind: Kind
    title: str
    where: str
    text: str
    page: str = ""
    anchor: str = ""

    @property
    def address(self) -> str:
        """The place as a relative address, "01_Tensors_and_Autograd.md#strides"; empty for a planned lesson."""
        return self.page + (f"#{self.anchor}" if self.anchor and self.page else "")


@dataclass(frozen=True)
class Hit:
    """A result: the entry, and the words around the first match as pieces of (text, whether it matches)."""

    entry: Entry
    snippet: tuple[tuple[str, bool], ...]


class Index:
    """The searchable places. `plain` does without FTS5, as where SQLite was built without it."""

    def __init__(self, entries: Iterable[Entry], *, plain: bool = False) -> None:
        self.entries = list(entries)
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None
        if not plain:
            try:
                self._db = _fts(self.entries)
            except sqlite3.OperationalError:  # no FTS5 in this SQLite
                self._db = None
        if self._db is not None:
            weakref.finalize(self, self._db.close)  # an index goes when its last search has ended

    def search(self, query: str, limit: int = SHOWN) -> list[Hit]:
        """Return the places that hold every word of `query`, best first.

        Each word also stands for longer words that begin with it, so that a search may follow the typing.
        """
        words = _words(query)
        if not words:
            return []
        return self._search_fts(words, limit) if self._db else _search_plain(self.entries, words)[:limit]

    def _search_fts(self, words: Sequence[str], limit: int) -> list[Hit]:
        assert self._db is not None
        match = " AND ".join(f'"{word}"*' for word in words)
        # A title says more than a text, and a lesson's own title most of all.
        sql = (
            f"SELECT rowid, snippet(places, 2, char(2), char(3), '…', {AROUND}) FROM places WHERE places MATCH ? "
            "ORDER BY lower(title) = ? DESC, bm25(places, 12.0, 2.0, 1.0), rowid LIMIT ?"
        )
        with self._lock:
            rows = self._db.execute(sql, (match, " ".join(words), limit)).fetchall()
        return [Hit(self.entries[row - 1], _pieces(text)) for row, text in rows]


def entries(root: Path | None = None, catalogue: catalogues.Catalogue | None = None) -> list[Entry]:
    """Return every place of the course that can be found, from the lessons as they ship.

    A page whose file cannot be read is left out: it has its own message where it is opened.
    """
    root = root or paths.content_root()
    catalogue = catalogue or catalogues.load(root)
    found: list[Entry] = []
    numbered = {lesson.file: lesson for lesson in catalogue.pages}
    for lesson in numbered.values():
        name = lesson.title if lesson.number == 0 else f"{lesson.id} {lesson.title}"
        about = f"{lesson.topics}. {lesson.group}" + ("" if lesson.written else ". Planned, not written yet.")
        found.append(Entry("lesson", name, lesson.group, about, lesson.file if lesson.written else ""))
    for path in sorted((root / "lessons").glob("*.md")):
        try:
            page = LessonFile.read(path)
        except (LessonError, OSError):
            continue
        known = numbered.get(path.name)
        where = (f"{known.id} {known.title}" if known.number else known.title) if known else page.front.get("title", "")
        found += _sections(page, where, _exercises(page, root / "exercises" / known.id) if known else None)
    return found


class Library:
    """The index of a content folder, made when it is first asked and again when a file has changed."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or paths.content_root()
        self._stamp: object = None
        self._index: Index | None = None
        self._lock = threading.Lock()

    def search(self, query: str, notes: Iterable[Entry] | Index = (), limit: int = SHOWN) -> list[Hit]:
        """Search the course and the learner's own `notes`, which come first: they were written to be found."""
        own = (notes if isinstance(notes, Index) else Index(notes, plain=True)).search(query, 5)
        return [*own, *self.index().search(query, limit - len(own))]

    def index(self) -> Index:
        """Return the index of what the files hold now."""
        with self._lock:
            files = sorted(
                [*(self.root / "lessons").glob("*.md"), *(self.root / "exercises").glob("*/*/exercise.toml")]
            )
            stamp = [(str(file), file.stat().st_mtime_ns) for file in files]
            if self._index is None or stamp != self._stamp:
                self._index, self._stamp = Index(entries(self.root)), stamp
            return self._index


# ---- what a page holds ----------------------------------------------------------------------------------------------


def _sections(page: LessonFile, where: str, exercises: dict[str, str] | None) -> list[Entry]:
    """One entry for each heading, with the prose and the visible code below it.

    `exercises` holds the words of each answer cell's exercise; None is for a page of terms.
    """
    lines: list[tuple[int, str]] = [*page.prose]
    for cell in page.cells:
        if exercises is not None and cell.name in exercises:
            lines.append((cell.start_line, exercises[cell.name]))
        if not cell.hidden:
            lines.append((cell.start_line, cell.code))
    lines += [(block.start_line, block.code) for block in page.library_blocks]
    lines.sort(key=lambda pair: pair[0])
    ends = [section.line for section in page.sections[1:]] + [len(page.text)]
    answers = [cell.start_line for cell in page.cells if exercises is not None and cell.name in exercises]
    found = []
    for section, end in zip(page.sections, ends):
        text = plain("\n".join(words for number, words in lines if section.line < number < end))
        anchor = "" if section.depth == 1 else links.anchor_of(section.text)
        asks = any(section.line < number < end for number in answers)
        kind: Kind = "exercise" if asks else "term" if exercises is None and section.depth > 1 else "section"
        found.append(Entry(kind, plain(section.title), where, text, page.path.name, anchor))
    return found


def _exercises(page: LessonFile, folder: Path) -> dict[str, str]:
    """The title of each exercise of a page, by the name of its answer cell; its task stands on the page."""
    found = {}
    for cell in page.cells:
        if slug := slug_of(cell.name):
            try:
                found[cell.name] = read_head(f"{folder.name}/{slug}", folder.parent).title
            except ExerciseError:
                continue
    return found


_SIGNS = "text|mathbf|mathrm|mathcal|operatorname|frac|sqrt|bar|hat|tilde|partial|left|right|quad|qquad|cdot|cdots"


def plain(text: str) -> str:
    """Return Markdown as the words that a reader sees: no marks, no addresses, no HTML; formulas keep their letters."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"</?[a-zA-Z][^>]*>|<!--.*?-->", " ", text)
    text = re.sub(r"\\(?:" + _SIGNS + r")(?![a-zA-Z])|\\[,;! ]", " ", text)
    text = re.sub(r"\\([a-zA-Z])", r"\1", text)  # \alpha is read "alpha"
    text = re.sub(r"(?m)^\s*(?:[-*]\s+|#+\s+|\|?[-:| ]+\|\s*$)", "", text)
    text = re.sub(r"\s+", " ", re.sub(r"[*`|$]+|(?<!\w)_+|_+(?!\w)", " ", text)).strip()
    return re.sub(r" ([.,;:!?)])(?= |$)", r"\1", text)


# ---- finding --------------------------------------------------------------------------------------------------------


def _fts(entries: Sequence[Entry]) -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", check_same_thread=False)
    try:
        db.execute("CREATE VIRTUAL TABLE places USING fts5(title, lesson, text, tokenize = 'porter unicode61')")
        rows = ((entry.title, entry.where, entry.text) for entry in entries)
        db.executemany("INSERT INTO places VALUES (?, ?, ?)", rows)
    except BaseException:
        db.close()
        raise
    return db


def _words(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return re.findall(r"\w+", folded)[:12]


def _pieces(marked: str) -> tuple[tuple[str, bool], ...]:
    """Take apart FTS5's snippet, in which a match stands between the characters 2 and 3."""
    pieces = []
    for place, part in enumerate(re.split(r"[\x02\x03]", marked)):
        if part:
            pieces.append((part, place % 2 == 1))
    return tuple(pieces)


def _search_plain(entries: Sequence[Entry], words: Sequence[str]) -> list[Hit]:
    found = []
    for place, entry in enumerate(entries):
        title, text = _words_of(entry.title), _words_of(entry.text + " " + entry.where)
        scores = []
        for word in words:
            score = 12 * sum(other.startswith(word) for other in title)
            score += 1000 * (title == list(words))
            scores.append(score + sum(other.startswith(word) for other in text) / (20 + len(text)) ** 0.5)
        if all(scores):
            found.append((-sum(scores), place))
    return [Hit(entries[place], _cut(entries[place].text, words)) for _, place in sorted(found)]


def _words_of(text: str) -> list[str]:
    return re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold())


def _cut(text: str, words: Sequence[str]) -> tuple[tuple[str, bool], ...]:
    """The words around the first match; the beginning where only the title matches."""
    pattern = re.compile(r"\b(?:" + "|".join(map(re.escape, words)) + r")\w*", re.IGNORECASE)
    tokens = text.split()
    first = next((place for place, token in enumerate(tokens) if pattern.search(token)), 0)
    start = max(0, first - AROUND // 3)
    shown = " ".join(tokens[start : start + AROUND])
    shown = ("…" if start else "") + shown + ("…" if start + AROUND < len(tokens) else "")
    pieces: list[tuple[str, bool]] = []
    end = 0
    for match in pattern.finditer(shown):
        pieces += [(shown[end : match.start()], False), (match[0], True)]
        end = match.end()
    pieces.append((shown[end:], False))
    return tuple((piece, hit) for piece, hit in pieces if piece)
