"""A learner's progress in one SQLite file: attempts with their text, hints, solutions, quiz answers, predictions, time.

Nothing here may ever cost a learner their work or stop a page. A damaged file is moved aside with a timestamp and what
can still be read is carried over; a folder that cannot be written leaves the course running in memory; a reset archives
rows, it never deletes them. `Progress.problem` holds the sentence to show when something of the kind has happened.
Only the standard library is used: the middleware and `dlstudy --help` import this.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

APPLICATION_ID = 0x646C7374  # "dlst": tells our files from other SQLite files on import
RETRY_SECONDS = 5.0  # how often a course that runs in memory looks whether the file can be written again
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
)
# What import and salvage copy: every table but meta and visits, whose rows are merged by their own rule.
COLUMNS = {
    "attempts": ("exercise", "at", "passed", "verdict", "source", "hint", "seconds", "archived"),
    "hints": ("exercise", "n", "at", "archived"),
    "solutions": ("exercise", "gave_up", "at", "archived"),
    "quiz": ("lesson", "question", "option", "correct", "at", "archived"),
    "predictions": ("lesson", "prediction", "option", "at", "archived"),
}

Result = TypeVar("Result")


@dataclass(frozen=True)
class Attempt:
    """One recorded try at an exercise: when (ISO time, UTC), the text that was checked, and the check's verdict."""

    at: str
    passed: bool
    verdict: str
    source: str
    hint_id: str | None
    seconds: float


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


class Progress:
    """The progress file at `path`, or a copy of it in memory where the file cannot be used (`problem` then says why).

    Safe to share between threads and to open in several processes at once. No method raises because of the file: a
    write that another program delays is kept and repeated with the next one.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._trouble: str | None = None  # what this process has met; what was found in the file is kept there
        self.in_memory = False
        self._lock = threading.RLock()
        self._waiting: list[Callable[[sqlite3.Connection], Any]] = []
        self._file: tuple[int, int] | None = None
        self._tried = 0.0
        self._db = self._open()

    @property
    def problem(self) -> str | None:
        """What the learner has to be told, or None: work cannot be saved, or a damaged file was replaced."""
        rows = self._rows("SELECT value FROM meta WHERE key = 'notice'")
        return self._trouble or (rows[0][0] if rows else None)

    # ---- opening ------------------------------------------------------------

    def _open(self) -> sqlite3.Connection:
        self._tried = time.monotonic()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            for _ in range(100):
                try:
                    db = _connect(self.path)
                    break
                except sqlite3.DatabaseError as error:
                    if _is_busy(error):  # two processes opening a new file at once: SQLite does not wait by itself here
                        if time.monotonic() - self._tried > 2 * BUSY_SECONDS:
                            raise
                        time.sleep(0.05)
                    elif _is_damage(error):
                        self._move_aside()
                    else:
                        raise
            else:
                raise OSError("the file is damaged again each time it is replaced")
            self._file = self._identity()
            self.in_memory = False
            self._trouble = None
            return db
        except (OSError, sqlite3.Error) as error:
            return self._open_in_memory(error)

    def _identity(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self.path)
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _open_in_memory(self, error: Exception) -> sqlite3.Connection:
        db = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        _migrate(db)
        if self.path.is_file():
            try:
                with _copy_of(self.path) as other:
                    _merge(db, other)  # show what is there, even if it cannot be written
            except (OSError, sqlite3.Error):
                pass
        self.in_memory = True
        self._trouble = (
            f"Your progress cannot be saved in {self.path.parent} ({_reason(error)}). The course works, but what you "
            "do now is forgotten when it is closed, unless the folder can be written again before that."
        )
        return db

    def _move_aside(self) -> None:
        with _only_one(self.path.with_name(self.path.name + ".moving")):
            try:
                _connect(self.path).close()
                return  # another process has repaired it meanwhile
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
            stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
            aside = self.path.with_name(f"{self.path.stem}.damaged-{stamp}{self.path.suffix}")
            while aside.exists():
                aside = aside.with_name("again-" + aside.name)
            os.replace(self.path, aside)
            for suffix in ("-wal", "-shm"):
                extra = self.path.with_name(self.path.name + suffix)
                if extra.exists():
                    os.replace(extra, aside.with_name(aside.name + suffix))
            fresh = _connect(self.path)
            try:
                with _copy_of(aside) as other, _transaction(fresh, write=True):
                    saved = _merge(fresh, other)
            except (OSError, sqlite3.Error):
                saved = 0
            rescued = f"{saved} entries could still be read and are kept" if saved else "nothing in it could be read"
            notice = (
                f"The file that holds your progress was damaged. It is kept as {aside.name}, a new one was started, "
                f"and {rescued}. Your lessons and answers are separate files and are untouched."
            )
            # In the file, so that every process that opens it tells the learner, whichever found the damage.
            fresh.execute("INSERT INTO meta VALUES ('notice', ?)", (notice,))
            fresh.close()

    def dismiss(self) -> None:
        """Forget the sentence about a damaged file, once the learner has read it."""
        self._write(lambda db: db.execute("DELETE FROM meta WHERE key = 'notice'") and None, None)

    # ---- reading and writing ------------------------------------------------------------

    def _run(self, work: Callable[[sqlite3.Connection], Result], *, write: bool, default: Result) -> Result:
        """Do `work` in one transaction; whatever happens to the file, answer, tell and go on."""
        with self._lock:
            if self.in_memory:
                if write and time.monotonic() - self._tried > RETRY_SECONDS:
                    self._try_the_file_again()
            elif self._file != self._identity():  # deleted, or found damaged and replaced by another process
                self._db.close()
                self._db = self._open()
            for _ in range(2):
                try:
                    with _transaction(self._db, write):
                        if write:
                            for late in self._waiting:
                                late(self._db)
                        result = work(self._db)
                        if write:
                            self._db.execute("UPDATE meta SET value = value + 1 WHERE key = 'version'")
                    if write and self._waiting:
                        self._waiting.clear()
                        self._trouble = None
                    return result
                except (sqlite3.ProgrammingError, sqlite3.IntegrityError):
                    raise  # our mistake, not the file's
                except sqlite3.DatabaseError as error:
                    if _is_busy(error):
                        if write:
                            self._waiting.append(work)
                            self._trouble = (
                                "Another program is holding the file that keeps your progress. Your last steps are "
                                "remembered and will be saved with the next one."
                            )
                        return default
                    self._db.close()
                    self._db = self._open() if _is_damage(error) else self._open_in_memory(error)
            return default

    def _try_the_file_again(self) -> None:
        self._tried = time.monotonic()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            db = _connect(self.path)
        except (OSError, sqlite3.Error):
            return
        with _transaction(db, write=True):
            _merge(db, self._db)
        self._db.close()
        self._db, self._file, self.in_memory, self._trouble = db, self._identity(), False, None

    def _write(self, work: Callable[[sqlite3.Connection], Result], default: Result) -> Result:
        return self._run(work, write=True, default=default)

    def _rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._run(lambda db: db.execute(sql, values).fetchall(), write=False, default=[])

    # ---- exercises ------------------------------------------------------------

    def record_attempt(
        self,
        exercise_id: str,
        *,
        passed: bool,
        source: str,
        verdict: str,
        hint_id: str | None = None,
        seconds: float = 0.0,
    ) -> bool:
        """Keep one try at `exercise_id` ("01/flat-index") with the text that was checked; `verdict` is its status.

        A repetition of the last try (a page that was reloaded runs its checks again) is not counted: then False.
        """
        source = source.encode("utf-8", "replace").decode()  # half a surrogate pair, pasted, would be refused by SQLite
        values = (exercise_id, _now(), int(passed), verdict, source, hint_id, float(seconds))

        def work(db: sqlite3.Connection) -> bool:
            last = db.execute(
                "SELECT source, verdict FROM attempts WHERE exercise = ? AND archived IS NULL ORDER BY id DESC LIMIT 1",
                (exercise_id,),
            ).fetchone()
            if last == (source, verdict):
                return False
            db.execute(
                "INSERT INTO attempts (exercise, at, passed, verdict, source, hint, seconds) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                values,
            )
            return True

        return self._write(work, False)

    def attempts(self, exercise_id: str, *, archived: bool = False) -> list[Attempt]:
        """Every recorded try, oldest first; with `archived`, those from before a reset too."""
        rows = self._rows(
            "SELECT at, passed, verdict, source, hint, seconds FROM attempts WHERE exercise = ? "
            "AND (? OR archived IS NULL) ORDER BY id",
            exercise_id,
            int(archived),
        )
        return [
            Attempt(at, bool(passed), verdict, source, hint, sec) for at, passed, verdict, source, hint, sec in rows
        ]

    def passed(self, exercise_id: str) -> bool:
        """Whether any try has passed since the last reset."""
        sql = "SELECT 1 FROM attempts WHERE exercise = ? AND passed AND archived IS NULL LIMIT 1"
        return bool(self._rows(sql, exercise_id))

    def open_hint(self, exercise_id: str, n: int) -> None:
        """Remember that hint `n` (1, 2, 3) was opened."""

        def work(db: sqlite3.Connection) -> None:
            here = "SELECT 1 FROM hints WHERE exercise = ? AND n = ? AND archived IS NULL"
            if not db.execute(here, (exercise_id, n)).fetchone():
                db.execute("INSERT INTO hints (exercise, n, at) VALUES (?, ?, ?)", (exercise_id, n, _now()))

        self._write(work, None)

    def hints_opened(self, exercise_id: str) -> int:
        """How many hints are open: 0 to 3. They open one by one, so this is the number of the last one."""
        sql = "SELECT COALESCE(MAX(n), 0) FROM hints WHERE exercise = ? AND archived IS NULL"
        rows = self._rows(sql, exercise_id)
        return int(rows[0][0]) if rows else 0

    def open_solution(self, exercise_id: str, gave_up: bool) -> None:
        """Remember that the solution was shown, and whether by giving up before an honest try."""

        def work(db: sqlite3.Connection) -> None:
            if not db.execute(
                "SELECT 1 FROM solutions WHERE exercise = ? AND archived IS NULL", (exercise_id,)
            ).fetchone():
                db.execute(
                    "INSERT INTO solutions (exercise, gave_up, at) VALUES (?, ?, ?)",
                    (exercise_id, int(gave_up), _now()),
                )

        self._write(work, None)

    def solution_opened(self, exercise_id: str) -> bool:
        """Whether the solution has been shown since the last reset."""
        return bool(self._rows("SELECT 1 FROM solutions WHERE exercise = ? AND archived IS NULL", exercise_id))

    def tried_honestly(self, exercise_id: str) -> bool:
        """Whether an answer other than the stub has been checked and has failed: what the solution asks for."""
        sql = "SELECT 1 FROM attempts WHERE exercise = ? AND archived IS NULL AND NOT passed AND verdict != 'not-yet'"
        return bool(self._rows(sql + " LIMIT 1", exercise_id))

    # ---- quiz, predictions, time ------------------------------------------------------------

    def record_quiz(self, lesson_id: str, question_id: str, option: str, correct: bool) -> None:
        """Keep one answer to a quiz question; every answer is kept, the last one is shown."""
        values = (lesson_id, question_id, str(option), int(correct), _now())
        sql = "INSERT INTO quiz (lesson, question, option, correct, at) VALUES (?, ?, ?, ?, ?)"
        self._write(lambda db: db.execute(sql, values) and None, None)

    def quiz_answer(self, lesson_id: str, question_id: str) -> str | None:
        """The last option chosen for a question, or None."""
        rows = self._rows(
            "SELECT option FROM quiz WHERE lesson = ? AND question = ? AND archived IS NULL ORDER BY id DESC LIMIT 1",
            lesson_id,
            question_id,
        )
        return rows[0][0] if rows else None

    def record_prediction(self, lesson_id: str, prediction_id: str, option: str) -> None:
        """Keep a prediction made before an experiment; "just-show-me" when the learner would rather look."""
        values = (lesson_id, prediction_id, str(option), _now())
        sql = "INSERT INTO predictions (lesson, prediction, option, at) VALUES (?, ?, ?, ?)"
        self._write(lambda db: db.execute(sql, values) and None, None)

    def prediction(self, lesson_id: str, prediction_id: str) -> str | None:
        """The last prediction recorded, or None."""
        rows = self._rows(
            "SELECT option FROM predictions WHERE lesson = ? AND prediction = ? AND archived IS NULL "
            "ORDER BY id DESC LIMIT 1",
            lesson_id,
            prediction_id,
        )
        return rows[0][0] if rows else None

    def add_time(self, lesson_id: str, seconds: float) -> None:
        """Add seconds spent on a lesson's page (0 only marks it as the page last visited)."""
        if not 0 <= seconds < float("inf"):
            raise ValueError(f"expected seconds >= 0, got {seconds}")
        sql = (
            "INSERT INTO visits VALUES (?, ?, ?) "
            "ON CONFLICT (lesson) DO UPDATE SET seconds = seconds + excluded.seconds, last = excluded.last"
        )
        values = (lesson_id, float(seconds), _now())
        self._write(lambda db: db.execute(sql, values) and None, None)

    def visit(self, lesson_id: str) -> None:
        """Mark `lesson_id` ("01") as the page the learner is on: where "continue" leads."""
        self.add_time(lesson_id, 0.0)

    # ---- the whole ------------------------------------------------------------

    def version(self) -> int:
        """A number that grows with every change, from any process: cheap to poll."""
        rows = self._rows("SELECT value FROM meta WHERE key = 'version'")
        return int(rows[0][0]) if rows else 0

    def snapshot(self) -> dict[str, Any]:
        """Everything that counts now, as plain data for JSON; keys are lesson numbers ("01") and exercise slugs."""
        return self._run(_snapshot, write=False, default=_empty()) | {"problem": self.problem}

    def export(self, path: str | os.PathLike[str]) -> Path:
        """Write everything, archived tries included, to one new file that `import_` reads; refuses to overwrite."""
        target = Path(path)
        if target.exists():
            raise FileExistsError(f"{target} exists already; choose another name, nothing was written")
        with self._lock:
            copy = sqlite3.connect(target)
            try:
                self._db.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")  # one file, no -wal beside it
            finally:
                copy.close()
        return target

    def import_(self, path: str | os.PathLike[str]) -> int:
        """Add what an exported file holds to what is here, twice without harm; returns how many entries were new.

        Raises FileNotFoundError or ValueError, with nothing changed, for a file that is not a progress export.
        """
        source = Path(path)
        if not source.is_file():
            raise FileNotFoundError(f"there is no file {source}")
        try:
            with _copy_of(source) as other:
                mine = other.execute("PRAGMA application_id").fetchone()[0]
                newest = other.execute("PRAGMA user_version").fetchone()[0]
                healthy = other.execute("PRAGMA quick_check").fetchone()[0] == "ok"
        except sqlite3.DatabaseError:
            mine, newest, healthy = 0, 0, False
        if mine != APPLICATION_ID or not healthy:
            raise ValueError(f"{source} is not a progress file of this course (or is damaged); nothing was changed")
        if newest > len(MIGRATIONS):
            raise ValueError(
                f"{source} was written by a newer version of the course: update it first. Nothing was changed"
            )
        with _copy_of(source) as other:
            return self._write(lambda db: _merge(db, other), 0)

    def reset(self, lesson_id: str | None = None, exercise: str | None = None) -> None:
        """Start over: everything, one lesson ("01"), or one exercise (its slug). What was done is archived."""
        if exercise is not None and "/" not in exercise:
            if lesson_id is None:
                raise ValueError(f'expected a lesson beside the exercise "{exercise}", as in reset("01", "{exercise}")')
            exercise = f"{lesson_id}/{exercise}"
        now = _now()

        def work(db: sqlite3.Connection) -> None:
            for table, columns in COLUMNS.items():
                where, values = "archived IS NULL", [now]
                if exercise is not None:
                    if columns[0] != "exercise":
                        continue
                    where, values = where + " AND exercise = ?", [now, exercise]
                elif lesson_id is not None:
                    where += " AND lesson = ?" if columns[0] == "lesson" else " AND substr(exercise, 1, ?) = ?"
                    values += [lesson_id] if columns[0] == "lesson" else [len(lesson_id) + 1, lesson_id + "/"]  # type: ignore[list-item]
                db.execute(f"UPDATE {table} SET archived = ? WHERE {where}", values)

        self._write(work, None)

    def close(self) -> None:
        """Close the file; the object cannot be used afterwards."""
        with self._lock:
            if self._waiting:
                self._write(lambda db: None, None)
            self._db.close()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_db"):
            self._db.close()


# ---- helpers ------------------------------------------------------------


class _Damaged(sqlite3.DatabaseError):
    sqlite_errorcode = sqlite3.SQLITE_CORRUPT


def _connect(path: Path) -> sqlite3.Connection:
    """Open and check the file, bring it to the newest schema; errors are sorted by `_is_busy` and `_is_damage`."""
    db = sqlite3.connect(path, timeout=BUSY_SECONDS, check_same_thread=False, isolation_level=None)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        if (check := db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise _Damaged(check)
        _migrate(db)
        # A write that changes nothing finds a read-only file now, not at the learner's first answer.
        if db.execute("UPDATE meta SET value = value WHERE key = 'version'").rowcount != 1:
            raise _Damaged("the version is missing")
        return db
    except BaseException:
        db.close()
        raise


def _migrate(db: sqlite3.Connection) -> None:
    if db.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS):
        return
    with _transaction(db, write=True):
        found = db.execute("PRAGMA user_version").fetchone()[0]  # again, now that no other process can be at it
        if found > len(MIGRATIONS):
            raise sqlite3.OperationalError("the file was written by a newer version of the course")
        for script in MIGRATIONS[found:]:
            for statement in script.split(";"):
                db.execute(statement)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


@contextmanager
def _transaction(db: sqlite3.Connection, write: bool) -> Iterator[None]:
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


def _is_busy(error: sqlite3.Error) -> bool:
    return _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _is_damage(error: sqlite3.Error) -> bool:
    """The file is to blame (not a database, malformed, tables missing), not the disk or the folder's rights."""
    return _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


@contextmanager
def _only_one(lock: Path) -> Iterator[None]:
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
def _copy_of(path: Path) -> Iterator[sqlite3.Connection]:
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


def _merge(db: sqlite3.Connection, other: sqlite3.Connection) -> int:
    """Copy what can be read from `other` and is not in `db` yet; returns the number of new rows."""
    new = 0
    for table, columns in COLUMNS.items():
        names = ", ".join(columns)
        known = " AND ".join(f"{name} IS ?" for name in columns)
        insert = (
            f"INSERT INTO {table} ({names}) SELECT {', '.join('?' * len(columns))} "
            f"WHERE NOT EXISTS (SELECT 1 FROM {table} WHERE {known})"
        )
        for row in _readable(other, f"SELECT {names} FROM {table} ORDER BY rowid"):
            new += db.execute(insert, row + row).rowcount
    for row in _readable(other, "SELECT lesson, seconds, last FROM visits"):
        new += db.execute(
            "INSERT INTO visits VALUES (?, ?, ?) ON CONFLICT (lesson) DO UPDATE SET "
            "seconds = MAX(seconds, excluded.seconds), last = MAX(last, excluded.last) "
            "WHERE seconds < excluded.seconds OR last < excluded.last",
            row,
        ).rowcount
    return new


def _readable(db: sqlite3.Connection, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query up to the first that is damaged."""
    rows: list[tuple[Any, ...]] = []
    try:
        rows.extend(db.execute(query))
    except sqlite3.DatabaseError:
        pass
    return rows


def _empty() -> dict[str, Any]:
    return {"version": 0, "last": None, "problem": None, "lessons": {}}


def _snapshot(db: sqlite3.Connection) -> dict[str, Any]:
    lessons: dict[str, dict[str, Any]] = {}

    def lesson(key: str) -> dict[str, Any]:
        return lessons.setdefault(key, {"seconds": 0.0, "last": None, "exercises": {}, "quiz": {}, "predictions": {}})

    def exercise(key: str) -> dict[str, Any]:
        number, _, slug = key.partition("/")
        fresh = {"attempts": 0, "passed": False, "hints": 0, "solution": False, "gave_up": False}
        return lesson(number)["exercises"].setdefault(slug, fresh)

    for key, seconds, last in db.execute("SELECT lesson, seconds, last FROM visits"):
        lesson(key).update(seconds=seconds, last=last)
    query = "SELECT exercise, COUNT(*), MAX(passed) FROM attempts WHERE archived IS NULL GROUP BY exercise"
    for key, count, passed in db.execute(query):
        exercise(key).update(attempts=count, passed=bool(passed))
    for key, n in db.execute("SELECT exercise, MAX(n) FROM hints WHERE archived IS NULL GROUP BY exercise"):
        exercise(key)["hints"] = n
    for key, gave_up in db.execute("SELECT exercise, gave_up FROM solutions WHERE archived IS NULL"):
        exercise(key).update(solution=True, gave_up=bool(gave_up))
    # The option shown is the last one; a question answered right once stays right, so that trying again costs nothing.
    query = "SELECT lesson, question, option, correct FROM quiz WHERE archived IS NULL ORDER BY id"
    for key, question, option, correct in db.execute(query):
        before = lesson(key)["quiz"].get(question, {"correct": False})
        lesson(key)["quiz"][question] = {"option": option, "correct": bool(correct) or before["correct"]}
    query = "SELECT lesson, prediction, option FROM predictions WHERE archived IS NULL ORDER BY id"
    for key, prediction, option in db.execute(query):
        lesson(key)["predictions"][prediction] = option
    last = db.execute("SELECT lesson FROM visits ORDER BY last DESC LIMIT 1").fetchone()
    version = db.execute("SELECT value FROM meta WHERE key = 'version'").fetchone()
    return _empty() | {"version": int(version[0]), "last": last[0] if last else None, "lessons": lessons}
