"""The learner's bookmarks and notes: a place on a page, with words or without, kept in the progress file.

A change adds a row and never replaces one, so whatever was written can be found again, two files can be merged without
a loss, and the newest row of a note is what counts.
"""

import secrets
import sqlite3
from dataclasses import dataclass

from dlstudy.course.content.search import Entry
from dlstudy.course.learner.progress import Progress, now

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
    # The largest time counts, not the last row: an import adds rows in its own order.
    rows = progress.rows(
        "SELECT note, page, place, title, text, at FROM notes AS newest WHERE NOT removed AND NOT EXISTS "
        "(SELECT 1 FROM notes AS other WHERE other.note = newest.note "
        "AND (other.at > newest.at OR other.at = newest.at AND other.id > newest.id)) ORDER BY at DESC, id DESC"
    )
    return [Note(*row) for row in rows]


def notes_on(progress: Progress, page: str) -> list[Note]:
    """Return the notes on one page."""
    return [note for note in all_notes(progress) if note.page == page]


def save(progress: Progress, page: str, place: str, title: str, text: str = "", note: str | None = None) -> str:
    """Write a note, or a new version of `note`, and return its id.

    Raises ValueError: the text is too long, or there is no such note; the message says so.
    """
    if len(text) > LONGEST:
        raise ValueError(f"A note holds up to {LONGEST:,} characters, and this one has {len(text):,}.")
    if note is not None:
        known = {found.id: found for found in all_notes(progress)}
        if note not in known:
            raise ValueError("This note is no longer there. Copy your text and write a new one.")
        page, place, title = known[note].page, known[note].place, known[note].title
    key = note or secrets.token_hex(8)
    _add(progress, Note(key, page, place, title, text, now()), removed=False)
    return key


def remove(progress: Progress, note: str) -> None:
    """Take a note away; its text stays in the progress file, and `restore` brings it back."""
    for found in all_notes(progress):
        if found.id == note:
            _add(progress, Note(note, found.page, found.place, found.title, found.text, now()), removed=True)


def restore(progress: Progress, note: str) -> None:
    """Bring a removed note back as it was."""
    rows = progress.rows("SELECT page, place, title, text FROM notes WHERE note = ? ORDER BY at DESC, id DESC", note)
    if rows:
        page, place, title, text = rows[0]
        _add(progress, Note(note, page, place, title, text, now()), removed=False)


def entries(progress: Progress) -> list[Entry]:
    """Return the notes as places that a search finds."""
    return [Entry("note", note.title, "Your note", note.text, note.page, note.place) for note in all_notes(progress)]


def _add(progress: Progress, note: Note, *, removed: bool) -> None:
    def clean(text: str) -> str:
        return text.encode("utf-8", "replace").decode()  # half a surrogate pair would be refused by SQLite

    values = (note.id, clean(note.page), clean(note.place), clean(note.title), clean(note.text), int(removed), note.at)
    sql = "INSERT INTO notes (note, page, place, title, text, removed, at) VALUES (?, ?, ?, ?, ?, ?, ?)"

    def work(db: sqlite3.Connection) -> None:
        db.execute(sql, values)

    progress.write(work, None)
