"""The learner's bookmarks and notes: a place on a page, with words or without, kept in the progress file.

A change adds a row and never replaces one, so whatever was written can be found again, two files can be merged without
a loss, and the newest row of a note is what counts.
"""

import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

from dlstudy.course.content.search import Entry, Index
from dlstudy.course.learner.progress import Progress, after, now

Item = TypeVar("Item")

LONGEST = 20_000
"""Characters of a note; more is an accident of the clipboard."""


@dataclass(frozen=True)
class Note:
    """A marked place: `page` is a file name, `place` an anchor on it ("" for its top), `title` the heading there.

    `text` is empty for a bookmark. `at` is when it was written last (ISO time, UTC).
    """

    id: str
    page: str
    place: str
    title: str
    text: str
    at: str

    @property
    def address(self) -> str:
        """Where it leads, as a relative address."""
        return self.page + (f"#{self.place}" if self.place else "")


def all_notes(progress: Progress) -> list[Note]:
    """Return the notes that there are now, the one written last first."""
    return progress.read(lambda db: _read(db, _newest(db)), [])


def latest(progress: Progress, has_page: Callable[[str], bool], count: int) -> tuple[list[Note], int]:
    """Return the `count` notes written last on pages that there are, and how many there are in all."""

    def work(db: sqlite3.Connection) -> tuple[list[Note], int]:
        found = _on_pages(_newest(db), has_page, lambda row: row.page)
        return _read(db, found[:count]), len(found)

    nothing: tuple[list[Note], int] = [], 0
    return progress.read(work, nothing)


def stamp(progress: Progress) -> object:
    """Return what changes whenever a note does, at the price of a look: rows are only ever added."""
    return progress.rows("SELECT MAX(id), COUNT(*), MAX(at) FROM notes")


class _Row(NamedTuple):
    """The last version of a note, as the index of the file has it."""

    at: str
    id: int
    page: str


def _newest(db: sqlite3.Connection, where: str = "", *values: str) -> list[_Row]:
    """Return which rows are the notes now, the last first, of those that `where` keeps; from the index alone."""
    # The largest time counts, not the last row: an import adds rows in its own order.
    query = f"SELECT note, at, id, page, removed FROM notes {where} ORDER BY note, at, id"
    newest = {note: (_Row(at, key, page), removed) for note, at, key, page, removed in db.execute(query, values)}
    return sorted((row for row, removed in newest.values() if not removed), reverse=True)


def _read(db: sqlite3.Connection, rows: Sequence[_Row]) -> list[Note]:
    found: dict[int, Note] = {}
    for start in range(0, len(rows), 500):  # SQLite takes a limited number of values at once
        keys = [row.id for row in rows[start : start + 500]]
        marks = ", ".join("?" * len(keys))
        for row in db.execute(f"SELECT id, note, page, place, title, text, at FROM notes WHERE id IN ({marks})", keys):
            found[row[0]] = Note(*row[1:])
    return [found[row.id] for row in rows]


def notes_on(progress: Progress, page: str) -> list[Note]:
    """Return the notes on one page."""
    return progress.read(lambda db: _read(db, _newest(db, "WHERE page = ?", page)), [])


def save(progress: Progress, page: str, place: str, title: str, text: str = "", note: str | None = None) -> str:
    """Write a note, or a new version of `note`, and return its id.

    Raises ValueError: the text is too long, or there is no such note; the message says so.
    """
    if len(text) > LONGEST:
        raise ValueError(f"A note holds up to {LONGEST:,} characters, and this one has {len(text):,}.")
    if note is not None:
        known = _find(progress, note)
        if known is None:
            raise ValueError("This note is no longer there. Copy your text and write a new one.")
        page, place, title = known.page, known.place, known.title
    key = note or secrets.token_hex(8)
    _add(progress, Note(key, page, place, title, text, now()), removed=False)
    return key


def remove(progress: Progress, note: str) -> None:
    """Take a note away; its text stays in the progress file, and `restore` brings it back."""
    found = _find(progress, note)
    if found is not None:
        _add(progress, replace(found, at=now()), removed=True)


def restore(progress: Progress, note: str) -> None:
    """Bring a removed note back as it was."""
    rows = progress.rows("SELECT page, place, title, text FROM notes WHERE note = ? ORDER BY at DESC, id DESC", note)
    if rows:
        page, place, title, text = rows[0]
        _add(progress, Note(note, page, place, title, text, now()), removed=False)


def entries(progress: Progress, has_page: Callable[[str], bool] = lambda page: True) -> list[Entry]:
    """Return the notes on pages that there are, as `has_page` tells, as places that a search finds."""
    found = _on_pages(all_notes(progress), has_page, lambda note: note.page)
    return [Entry("note", note.title, "Your note", note.text, note.page, note.place) for note in found]


class Searched:
    """The notes as a search finds them, taken from the file again only where one has changed.

    `has_page` tells whether there is a page of that name: a note of another leads nowhere.
    """

    def __init__(self, progress: Progress, has_page: Callable[[str], bool]) -> None:
        self._progress, self._has_page = progress, has_page
        self._lock = threading.Lock()
        self._stamp: object = None
        self._index = Index([])

    def index(self) -> Index:
        """Return the index of the notes that there are now."""
        with self._lock:
            found = stamp(self._progress)
            if found != self._stamp:
                self._index = Index(entries(self._progress, self._has_page))
                self._stamp = found
            return self._index


def _on_pages(items: Iterable[Item], has_page: Callable[[str], bool], page_of: Callable[[Item], str]) -> list[Item]:
    """Return those whose page there is; each page is looked for once."""
    there: dict[str, bool] = {}
    found = []
    for item in items:
        page = page_of(item)
        if page not in there:
            there[page] = has_page(page)
        if there[page]:
            found.append(item)
    return found


def _find(progress: Progress, note: str) -> Note | None:
    nothing: list[Note] = []
    found = progress.read(lambda db: _read(db, _newest(db, "WHERE note = ?", note)), nothing)
    return found[0] if found else None


def _add(progress: Progress, note: Note, *, removed: bool) -> None:
    def clean(text: str) -> str:
        return text.encode("utf-8", "replace").decode()  # half a surrogate pair would be refused by SQLite

    words = (
        note.id,
        clean(note.page).encode()[:255].decode("utf-8", "ignore"),
        clean(note.place)[:300],
        clean(note.title)[:300],
        clean(note.text),
    )
    sql = "INSERT INTO notes (note, page, place, title, text, removed, at) VALUES (?, ?, ?, ?, ?, ?, ?)"

    def work(db: sqlite3.Connection) -> None:
        (last,) = db.execute("SELECT MAX(at) FROM notes WHERE note = ?", (note.id,)).fetchone()
        db.execute(sql, (*words, int(removed), after(note.at, last)))  # a clock that was set back hides no version

    progress.write(work, None)
