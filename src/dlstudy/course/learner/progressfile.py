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

APPLICATION_ID = 0x646C7374  # "dlst": tells our files from other SQLite files on import
BUSY_SECONDS = 2.0  # writes take milliseconds; a check has to answer within a second or two whoever holds the file

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


def connect(path: Path) -> sqlite3.Connection:
    """Open and check the file, bring it to the newest schema; errors are sorted by `is_busy` and `is_damage`."""
    db = sqlite3.connect(path, timeout=BUSY_SECONDS, check_same_thread=False, isolation_level=None)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        if (check := db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise Damaged(check)
        migrate(db)
        # A write that changes nothing finds a read-only file now, not at the learner's first answer.
        if db.execute("UPDATE meta SET value = value WHERE key = 'version'").rowcount != 1:
            raise Damaged("the version is missing")
        return db
    except BaseException:
        db.close()
        raise


def migrate(db: sqlite3.Connection) -> None:
    """Bring a file to the newest schema; an error says so where it is newer than this program."""
    if db.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS):
        return
    with transaction(db, write=True):
        found = db.execute("PRAGMA user_version").fetchone()[0]  # again, now that no other process can be at it
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
        try:
            yield db
        finally:
            db.close()


def merge(db: sqlite3.Connection, other: sqlite3.Connection) -> int:
    """Copy what can be read from `other` and is not in `db` yet; returns the number of new rows."""
    new = 0
    for table, columns in (COLUMNS | KEPT).items():
        names = ", ".join(columns)
        known = " AND ".join(f"{name} IS ?" for name in columns)
        insert = (
            f"INSERT INTO {table} ({names}) SELECT {', '.join('?' * len(columns))} "
            f"WHERE NOT EXISTS (SELECT 1 FROM {table} WHERE {known})"
        )
        for row in readable(other, f"SELECT {names} FROM {table} ORDER BY rowid"):
            new += db.execute(insert, row + row).rowcount
    for row in readable(other, "SELECT lesson, seconds, last FROM visits"):
        new += db.execute(
            "INSERT INTO visits VALUES (?, ?, ?) ON CONFLICT (lesson) DO UPDATE SET "
            "seconds = MAX(seconds, excluded.seconds), last = MAX(last, excluded.last) "
            "WHERE seconds < excluded.seconds OR last < excluded.last",
            row,
        ).rowcount
    for row in readable(other, "SELECT day, lesson, seconds FROM days"):
        db.execute(
            "INSERT INTO days VALUES (?, ?, ?) "
            "ON CONFLICT (day, lesson) DO UPDATE SET seconds = MAX(seconds, excluded.seconds)",
            row,
        )
    return new


def readable(db: sqlite3.Connection, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query up to the first that is damaged."""
    rows: list[tuple[Any, ...]] = []
    try:
        rows.extend(db.execute(query))
    except sqlite3.DatabaseError:
        pass
    return rows
