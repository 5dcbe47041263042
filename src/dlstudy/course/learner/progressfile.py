"""The progress file itself: its schema and migrations, opening and checking it, saving what can be read, merging two.

Only the standard library is used, as in `progress`, whose `Progress` is what the rest of the course works with.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dlstudy.course.learner import progressrules

APPLICATION_ID = 0x646C7374  # "dlst": tells our files from other SQLite files on import
BUSY_SECONDS = 2.0  # writes take milliseconds; a check has to answer within a second or two whoever holds the file
SMALL = 1 << 24  # bytes of a file whose indices are compared with its tables at each opening too
NEWEST = 10_000  # a schema version above this is no newer course, but a damaged file

# One entry per schema version: a file of version n gets entries n, n+1, ... in one transaction. Never edit an old one.
MIGRATIONS = (
    """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value);
    CREATE TABLE attempts (
        id INTEGER PRIMARY KEY, exercise TEXT NOT NULL, at TEXT NOT NULL, passed INTEGER NOT NULL,
        verdict TEXT NOT NULL, source TEXT NOT NULL, hint TEXT, seconds REAL NOT NULL, archived TEXT);
    CREATE INDEX attempts_by_exercise ON attempts (exercise, id);
    CREATE TABLE hints (exercise TEXT NOT NULL, n INTEGER NOT NULL, at TEXT NOT NULL, archived TEXT);
    CREATE TABLE solutions (exercise TEXT NOT NULL, gave_up INTEGER NOT NULL, at TEXT NOT NULL, archived TEXT);
    CREATE TABLE quiz (
        id INTEGER PRIMARY KEY, lesson TEXT NOT NULL, question TEXT NOT NULL, option TEXT NOT NULL,
        correct INTEGER NOT NULL, at TEXT NOT NULL, archived TEXT);
    CREATE TABLE predictions (
        id INTEGER PRIMARY KEY, lesson TEXT NOT NULL, prediction TEXT NOT NULL, option TEXT NOT NULL, at TEXT NOT NULL,
        archived TEXT);
    CREATE TABLE visits (lesson TEXT PRIMARY KEY, seconds REAL NOT NULL, last TEXT NOT NULL);
    INSERT INTO meta VALUES ('version', 1);
    """,
    """
    CREATE TABLE notes (
        id INTEGER PRIMARY KEY, note TEXT NOT NULL, page TEXT NOT NULL, place TEXT NOT NULL, title TEXT NOT NULL,
        text TEXT NOT NULL, removed INTEGER NOT NULL, at TEXT NOT NULL);
    CREATE TABLE starts (exercise TEXT NOT NULL, at TEXT NOT NULL, archived TEXT);
    CREATE TABLE days (day TEXT NOT NULL, lesson TEXT NOT NULL, seconds REAL NOT NULL, PRIMARY KEY (day, lesson))
    """,
    """
    CREATE INDEX tries ON attempts (exercise, passed, at, verdict) WHERE archived IS NULL;
    CREATE INDEX notes_newest ON notes (note, at, id, removed, page)
    """,
)
# What import and salvage copy, and what a reset archives.
COLUMNS = {
    "attempts": ("exercise", "at", "passed", "verdict", "source", "hint", "seconds", "archived"),
    "hints": ("exercise", "n", "at", "archived"),
    "solutions": ("exercise", "gave_up", "at", "archived"),
    "quiz": ("lesson", "question", "option", "correct", "at", "archived"),
    "predictions": ("lesson", "prediction", "option", "at", "archived"),
    "starts": ("exercise", "at", "archived"),
}
# Copied as well, and no reset touches it. Every version of a note is a row of its own, so merging loses none.
KEPT = {"notes": ("note", "page", "place", "title", "text", "removed", "at")}


class Damaged(sqlite3.DatabaseError):
    """The file can be opened, and what it holds cannot be right."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT


def connect(path: Path, patience: float = BUSY_SECONDS) -> sqlite3.Connection:
    """Open and check the file, bring it to the newest schema; errors are sorted by `is_busy` and `is_damage`.

    `patience` is for how many seconds another program may hold it meanwhile.
    """
    db = _connect(path, patience)
    try:
        db.execute("PRAGMA synchronous = FULL")
        with _readable_words():
            if (check := _structure(db, thorough=path.stat().st_size <= SMALL)) != "ok":
                raise Damaged(check)
            migrate(db)
            if found := _content(db):
                raise Damaged(found)
            # A write that changes nothing finds a read-only file now, not at the learner's first answer.
            if db.execute("UPDATE meta SET value = value WHERE key = 'version'").rowcount != 1:
                raise Damaged("the version is missing")
            if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
                db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        wait(db, BUSY_SECONDS)
        return db
    except BaseException:
        db.close()
        raise


def wait(db: sqlite3.Connection, seconds: float) -> None:
    """Set for how long a step waits for another program that holds the file."""
    db.execute(f"PRAGMA busy_timeout = {round(1000 * seconds)}")


def _connect(path: Path, patience: float) -> sqlite3.Connection:
    """Open the file with a write-ahead log; where the disk has no shared memory for one, with a rollback journal."""
    db = _plain(path, patience)
    try:
        with _readable_words():
            _log_ahead(db)
        return db
    except sqlite3.DatabaseError as error:
        db.close()
        if is_busy(error) or is_damage(error):
            raise
    db = _plain(path, patience)
    try:
        with _readable_words():
            # Alone with the file, SQLite needs no shared memory to read what a log still holds.
            for setting in ("locking_mode = EXCLUSIVE", "journal_mode = DELETE", "locking_mode = NORMAL"):
                db.execute(f"PRAGMA {setting}").fetchall()
            db.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()  # a first reading lets the lock go
        return db
    except BaseException:
        db.close()
        raise


def _plain(path: Path, patience: float) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=patience, check_same_thread=False, isolation_level=None)
    db.text_factory = _text
    return db


def _text(data: bytes) -> str:
    """Return a text of the file; a flipped bit in it costs a letter, not the page."""
    return data.decode("utf-8", "replace")


def _log_ahead(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA journal_mode = WAL").fetchone()
    db.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()


@contextmanager
def _readable_words() -> Iterator[None]:
    """Tell damage where SQLite's own message holds bytes that are no text: they come from the file."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise Damaged("it holds bytes that are no text") from error


def fault(path: Path) -> str | None:
    """Say what is wrong with a file, or None; it is only read, and looked through wholly.

    An `sqlite3.Error` says that it could not be read at all.
    """
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS, isolation_level=None)
    db.text_factory = _text
    try:
        with _readable_words():
            version = db.execute("PRAGMA user_version").fetchone()[0]
            check = _structure(db, thorough=True)
            if check != "ok":
                return check
            if version > len(MIGRATIONS):
                return None if version < NEWEST else f"its version is {version}"
            return _content(db, version)
    except sqlite3.DatabaseError as error:
        if is_damage(error):
            return str(error)
        raise
    finally:
        db.close()


def _structure(db: sqlite3.Connection, *, thorough: bool) -> str:
    return str(db.execute(f"PRAGMA {'integrity' if thorough else 'quick'}_check(1)").fetchone()[0])


def _content(db: sqlite3.Connection, version: int | None = None) -> str | None:
    """Say what a file of a schema version, the newest if None, lacks or cannot hold, or None."""
    scripts = MIGRATIONS[:version]
    if lost := progressrules.missing(db, scripts):
        return lost
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    for table in ("meta", *progressrules.RULES):
        if table in tables and (odd := progressrules.odd_rows(db, table)):
            return f"{odd} of the rows of {table} cannot be right"
    return None


def migrate(db: sqlite3.Connection) -> None:
    """Bring a file to the newest schema; an error says so where it is newer than this program."""
    if db.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS):
        return
    with transaction(db, write=True):
        found = db.execute("PRAGMA user_version").fetchone()[0]  # again, now that no other process can be at it
        if found > NEWEST:
            raise Damaged(f"its version is {found}")
        if found > len(MIGRATIONS):
            raise sqlite3.OperationalError("the file was written by a newer version of the course")
        for script in MIGRATIONS[found:]:
            for statement in script.split(";"):
                db.execute(statement)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


@contextmanager
def transaction(db: sqlite3.Connection, write: bool) -> Iterator[None]:
    """Do what is inside wholly or not at all."""
    db.execute("BEGIN IMMEDIATE" if write else "BEGIN")
    try:
        with _readable_words():
            yield
        db.execute("COMMIT")
    except BaseException:
        try:
            db.execute("ROLLBACK")
        except sqlite3.Error:
            pass
        raise


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF  # the extended codes carry details in the higher bits


def is_busy(error: sqlite3.Error) -> bool:
    """Tell whether another program holds the file."""
    return _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def is_damage(error: sqlite3.Error) -> bool:
    """Tell whether the file is to blame (no database, malformed, no tables), not the disk or the folder's rights."""
    return _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)


def reason(error: Exception) -> str:
    """Return the error in the system's own words."""
    return getattr(error, "strerror", None) or str(error)


@contextmanager
def only_one(lock: Path) -> Iterator[None]:
    """Hold a lock file while a damaged file is moved, so that two processes do not move each other's fresh one."""
    start = time.monotonic()
    while True:
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL))
            break
        except FileExistsError:
            if time.monotonic() - start > 5:  # its owner was killed: nobody needs five seconds for a rename
                lock.unlink(missing_ok=True)
            time.sleep(0.02)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


@contextmanager
def copy_of(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a throw-away copy of a file and its journal: works in read-only folders and touches nothing."""
    with tempfile.TemporaryDirectory() as folder:
        for suffix in ("", "-wal"):
            original = path.with_name(path.name + suffix)
            if original.is_file():
                shutil.copyfile(original, Path(folder) / ("copy.sqlite" + suffix))
        db = sqlite3.connect(Path(folder) / "copy.sqlite")
        db.text_factory = _text
        try:
            db.execute("PRAGMA trusted_schema = OFF")
            yield db
        finally:
            db.close()


def foreign(db: sqlite3.Connection) -> str | None:
    """Say why a file cannot be taken over as a progress file of this course, or None."""
    try:
        with _readable_words():
            if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
                return "is not a progress file of this course (or is damaged)"
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version > len(MIGRATIONS):
                return "was written by a newer version of the course: update it first"
            if odd := progressrules.odd_schema(db, MIGRATIONS[:version]):
                return f"is not a progress file as this course writes it: {odd}"
            if _structure(db, thorough=True) != "ok":
                return "is not a progress file of this course (or is damaged)"
    except sqlite3.DatabaseError:
        return "is not a progress file of this course (or is damaged)"
    return None


def refused(db: sqlite3.Connection) -> str | None:
    """Say which rows of a file `merge` leaves out because their values cannot be right, or None."""
    counts = {}
    for table in progressrules.RULES:
        try:
            counts[table] = progressrules.odd_rows(db, table)
        except sqlite3.DatabaseError:  # a file of an older course has fewer tables
            continue
    left = [f"{count} of {table}" for table, count in counts.items() if count]
    if not left:
        return None
    return f"Left out, since they hold what this course never writes: {', '.join(left)}."


def merge(db: sqlite3.Connection, other: sqlite3.Connection) -> int:
    """Copy what can be read from `other`, keeps to the rules and is not in `db` yet; returns the number of new rows."""
    new = 0
    for table, columns in (COLUMNS | KEPT).items():
        names = ", ".join(columns)
        known = set(db.execute(f"SELECT {names} FROM {table}"))
        insert = f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(columns))})"
        for row in sound(other, table, columns):
            if row not in known:
                known.add(row)
                new += db.execute(insert, row).rowcount
    for row in sound(other, "visits", ("lesson", "seconds", "last")):
        new += db.execute(
            "INSERT INTO visits VALUES (?, ?, ?) ON CONFLICT (lesson) DO UPDATE SET "
            "seconds = MAX(seconds, excluded.seconds), last = MAX(last, excluded.last) "
            "WHERE seconds < excluded.seconds OR last < excluded.last",
            row,
        ).rowcount
    for row in sound(other, "days", ("day", "lesson", "seconds")):
        db.execute(
            "INSERT INTO days VALUES (?, ?, ?) "
            "ON CONFLICT (day, lesson) DO UPDATE SET seconds = MAX(seconds, excluded.seconds)",
            row,
        )
    return new


def sound(db: sqlite3.Connection, table: str, columns: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:
    """The rows of a table that keep to its rule, up to the first that cannot be read."""
    query = f"SELECT {', '.join(columns)} FROM {table} WHERE {progressrules.RULES[table]} ORDER BY rowid"
    try:
        yield from db.execute(query)
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        return
