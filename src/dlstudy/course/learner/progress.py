"""A learner's progress in one SQLite file: attempts with their text, hints, solutions, quiz answers, predictions, time.

Nothing here may ever cost a learner their work or stop a page. A damaged file is moved aside with a timestamp and what
can still be read is carried over; a folder that cannot be written leaves the course running in memory; a reset archives
rows, it never deletes them. `Progress.problem` holds the sentence to show when something of the kind has happened.
Only the standard library is used: the middleware and `dlstudy --help` import this.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar

from dlstudy.course.learner import progressfile

RETRY_SECONDS = 5.0  # how often a course that runs in memory looks whether the file can be written again

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


def now() -> str:
    """Return the present moment as the progress file writes it: ISO time, UTC."""
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
        rows = self.rows("SELECT value FROM meta WHERE key = 'notice'")
        return self._trouble or (rows[0][0] if rows else None)

    # ---- opening ------------------------------------------------------------

    def _open(self) -> sqlite3.Connection:
        self._tried = time.monotonic()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            for _ in range(100):
                try:
                    db = progressfile.connect(self.path)
                    break
                except sqlite3.DatabaseError as error:
                    if progressfile.is_busy(
                        error
                    ):  # two processes opening a new file at once: SQLite does not wait by itself here
                        if time.monotonic() - self._tried > 2 * progressfile.BUSY_SECONDS:
                            raise
                        time.sleep(0.05)
                    elif progressfile.is_damage(error):
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
        progressfile.migrate(db)
        if self.path.is_file():
            try:
                with progressfile.copy_of(self.path) as other:
                    progressfile.merge(db, other)  # show what is there, even if it cannot be written
            except (OSError, sqlite3.Error):
                pass
        self.in_memory = True
        self._trouble = (
            f"Your progress cannot be saved in {self.path.parent} ({progressfile.reason(error)}). The course works, "
            "but what you do now is forgotten when it is closed, unless the folder can be written again before that."
        )
        return db

    def _move_aside(self) -> None:
        with progressfile.only_one(self.path.with_name(self.path.name + ".moving")):
            try:
                progressfile.connect(self.path).close()
                return  # another process has repaired it meanwhile
            except sqlite3.DatabaseError as error:
                if not progressfile.is_damage(error):
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
            fresh = progressfile.connect(self.path)
            try:
                with progressfile.copy_of(aside) as other, progressfile.transaction(fresh, write=True):
                    saved = progressfile.merge(fresh, other)
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
        self.write(lambda db: db.execute("DELETE FROM meta WHERE key = 'notice'") and None, None)

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
                    with progressfile.transaction(self._db, write):
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
                    if progressfile.is_busy(error):
                        if write:
                            self._waiting.append(work)
                            self._trouble = (
                                "Another program is holding the file that keeps your progress. Your last steps are "
                                "remembered and will be saved with the next one."
                            )
                        return default
                    self._db.close()
                    self._db = self._open() if progressfile.is_damage(error) else self._open_in_memory(error)
            return default

    def _try_the_file_again(self) -> None:
        self._tried = time.monotonic()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            db = progressfile.connect(self.path)
        except (OSError, sqlite3.Error):
            return
        with progressfile.transaction(db, write=True):
            progressfile.merge(db, self._db)
        self._db.close()
        self._db, self._file, self.in_memory, self._trouble = db, self._identity(), False, None

    def write(self, work: Callable[[sqlite3.Connection], Result], default: Result) -> Result:
        """Do `work` in one transaction that changes the file; `default` where the file is held by another program."""
        return self._run(work, write=True, default=default)

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query; none where the file cannot be read now."""
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

        A repetition of the last try (a page that was reloaded runs its checks again) is not counted: then False. After
        `start_again` the same text is a new try: it was written once more.
        """
        source = source.encode("utf-8", "replace").decode()  # half a surrogate pair, pasted, would be refused by SQLite
        values = (exercise_id, now(), int(passed), verdict, source, hint_id, float(seconds))

        def work(db: sqlite3.Connection) -> bool:
            last = db.execute(
                "SELECT source, verdict, at FROM attempts WHERE exercise = ? AND archived IS NULL "
                "ORDER BY id DESC LIMIT 1",
                (exercise_id,),
            ).fetchone()
            started = db.execute(
                "SELECT MAX(at) FROM starts WHERE exercise = ? AND archived IS NULL", (exercise_id,)
            ).fetchone()[0]
            if last and last[:2] == (source, verdict) and not (started and started > last[2]):
                return False
            db.execute(
                "INSERT INTO attempts (exercise, at, passed, verdict, source, hint, seconds) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                values,
            )
            return True

        return self.write(work, False)

    def start_again(self, exercise_id: str) -> None:
        """Remember that the answer was put back to its starting text, to be written once more from memory."""
        values = (exercise_id, now())
        self.write(lambda db: db.execute("INSERT INTO starts (exercise, at) VALUES (?, ?)", values) and None, None)

    def attempts(self, exercise_id: str, *, archived: bool = False) -> list[Attempt]:
        """Every recorded try, oldest first; with `archived`, those from before a reset too."""
        rows = self.rows(
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
        return bool(self.rows(sql, exercise_id))

    def open_hint(self, exercise_id: str, n: int) -> None:
        """Remember that hint `n` (1, 2, 3) was opened."""

        def work(db: sqlite3.Connection) -> None:
            here = "SELECT 1 FROM hints WHERE exercise = ? AND n = ? AND archived IS NULL"
            if not db.execute(here, (exercise_id, n)).fetchone():
                db.execute("INSERT INTO hints (exercise, n, at) VALUES (?, ?, ?)", (exercise_id, n, now()))

        self.write(work, None)

    def hints_opened(self, exercise_id: str) -> int:
        """How many hints are open: 0 to 3. They open one by one, so this is the number of the last one."""
        sql = "SELECT COALESCE(MAX(n), 0) FROM hints WHERE exercise = ? AND archived IS NULL"
        rows = self.rows(sql, exercise_id)
        return int(rows[0][0]) if rows else 0

    def open_solution(self, exercise_id: str, gave_up: bool) -> None:
        """Remember that the solution was shown, and whether by giving up before an honest try."""

        def work(db: sqlite3.Connection) -> None:
            if not db.execute(
                "SELECT 1 FROM solutions WHERE exercise = ? AND archived IS NULL", (exercise_id,)
            ).fetchone():
                db.execute(
                    "INSERT INTO solutions (exercise, gave_up, at) VALUES (?, ?, ?)",
                    (exercise_id, int(gave_up), now()),
                )

        self.write(work, None)

    def solution_opened(self, exercise_id: str) -> bool:
        """Whether the solution has been shown since the last reset."""
        return bool(self.rows("SELECT 1 FROM solutions WHERE exercise = ? AND archived IS NULL", exercise_id))

    def tried_honestly(self, exercise_id: str) -> bool:
        """Whether an answer other than the stub has been checked and has failed: what the solution asks for."""
        sql = "SELECT 1 FROM attempts WHERE exercise = ? AND archived IS NULL AND NOT passed AND verdict != 'not-yet'"
        return bool(self.rows(sql + " LIMIT 1", exercise_id))

    # ---- quiz, predictions, time ------------------------------------------------------------

    def record_quiz(self, lesson_id: str, question_id: str, option: str, correct: bool) -> None:
        """Keep one answer to a quiz question; every answer is kept, the last one is shown."""
        values = (lesson_id, question_id, str(option), int(correct), now())
        sql = "INSERT INTO quiz (lesson, question, option, correct, at) VALUES (?, ?, ?, ?, ?)"
        self.write(lambda db: db.execute(sql, values) and None, None)

    def quiz_answer(self, lesson_id: str, question_id: str) -> str | None:
        """The last option chosen for a question, or None."""
        rows = self.rows(
            "SELECT option FROM quiz WHERE lesson = ? AND question = ? AND archived IS NULL ORDER BY id DESC LIMIT 1",
            lesson_id,
            question_id,
        )
        return rows[0][0] if rows else None

    def record_prediction(self, lesson_id: str, prediction_id: str, option: str) -> None:
        """Keep a prediction made before an experiment; "just-show-me" when the learner would rather look."""
        values = (lesson_id, prediction_id, str(option), now())
        sql = "INSERT INTO predictions (lesson, prediction, option, at) VALUES (?, ?, ?, ?)"
        self.write(lambda db: db.execute(sql, values) and None, None)

    def prediction(self, lesson_id: str, prediction_id: str) -> str | None:
        """The last prediction recorded, or None."""
        rows = self.rows(
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
        per_day = (
            "INSERT INTO days VALUES (?, ?, ?) "
            "ON CONFLICT (day, lesson) DO UPDATE SET seconds = seconds + excluded.seconds"
        )
        values = (lesson_id, float(seconds), now())
        today = (datetime.now().date().isoformat(), lesson_id, float(seconds))

        def work(db: sqlite3.Connection) -> None:
            db.execute(sql, values)
            if seconds:
                db.execute(per_day, today)

        self.write(work, None)

    def seconds_since(self, day: date) -> float:
        """Seconds spent on lessons on `day` (the learner's own calendar) and since."""
        rows = self.rows("SELECT COALESCE(SUM(seconds), 0) FROM days WHERE day >= ?", day.isoformat())
        return float(rows[0][0]) if rows else 0.0

    def visit(self, lesson_id: str) -> None:
        """Mark `lesson_id` ("01") as the page the learner is on: where "continue" leads."""
        self.add_time(lesson_id, 0.0)

    # ---- settings ------------------------------------------------------------

    def setting(self, name: str) -> str | None:
        """What the learner chose for `name`, or None; a choice of this machine, which import does not bring."""
        rows = self.rows("SELECT value FROM meta WHERE key = ?", f"setting:{name}")
        return str(rows[0][0]) if rows else None

    def choose(self, name: str, value: str) -> None:
        """Keep a choice of the learner's."""
        sql = "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
        self.write(lambda db: db.execute(sql, (f"setting:{name}", value)) and None, None)

    # ---- the whole ------------------------------------------------------------

    def version(self) -> int:
        """A number that grows with every change, from any process: cheap to poll."""
        rows = self.rows("SELECT value FROM meta WHERE key = 'version'")
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

        Raises FileNotFoundError or ValueError, with nothing changed, for a file that is not a progress export, and
        OSError when the progress file itself cannot be written now.
        """
        source = Path(path)
        if not source.is_file():
            raise FileNotFoundError(f"there is no file {source}")
        try:
            with progressfile.copy_of(source) as other:
                mine = other.execute("PRAGMA application_id").fetchone()[0]
                newest = other.execute("PRAGMA user_version").fetchone()[0]
                healthy = other.execute("PRAGMA quick_check").fetchone()[0] == "ok"
        except sqlite3.DatabaseError:
            mine, newest, healthy = 0, 0, False
        if mine != progressfile.APPLICATION_ID or not healthy:
            raise ValueError(f"{source} is not a progress file of this course (or is damaged); nothing was changed")
        if newest > len(progressfile.MIGRATIONS):
            raise ValueError(
                f"{source} was written by a newer version of the course: update it first. Nothing was changed"
            )
        if self.in_memory:
            raise OSError(self.problem or "the progress file cannot be written")
        with progressfile.copy_of(source) as other:

            def work(db: sqlite3.Connection) -> int:
                return progressfile.merge(db, other)

            new = self.write(work, -1)
            if new < 0:  # it cannot wait for the next step as other writes do: the copy is gone by then
                with self._lock:
                    self._waiting = [late for late in self._waiting if late is not work]
                    self._trouble = self._trouble if self._waiting else None
                raise OSError("Another program is holding your progress file; nothing was imported. Try again.")
        return new

    def reset(self, lesson_id: str | None = None, exercise: str | None = None) -> None:
        """Start over: everything, one lesson ("01"), or one exercise (its slug). What was done is archived."""
        if exercise is not None and "/" not in exercise:
            if lesson_id is None:
                raise ValueError(f'expected a lesson beside the exercise "{exercise}", as in reset("01", "{exercise}")')
            exercise = f"{lesson_id}/{exercise}"
        moment = now()

        def work(db: sqlite3.Connection) -> None:
            for table, columns in progressfile.COLUMNS.items():
                where, values = "archived IS NULL", [moment]
                if exercise is not None:
                    if columns[0] != "exercise":
                        continue
                    where, values = where + " AND exercise = ?", [moment, exercise]
                elif lesson_id is not None:
                    where += " AND lesson = ?" if columns[0] == "lesson" else " AND substr(exercise, 1, ?) = ?"
                    values += [lesson_id] if columns[0] == "lesson" else [len(lesson_id) + 1, lesson_id + "/"]  # type: ignore[list-item]
                db.execute(f"UPDATE {table} SET archived = ? WHERE {where}", values)

        self.write(work, None)

    def close(self) -> None:
        """Close the file; the object cannot be used afterwards."""
        with self._lock:
            if self._waiting:
                self.write(lambda db: None, None)
            self._db.close()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_db"):
            self._db.close()


# ---- helpers ------------------------------------------------------------


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
