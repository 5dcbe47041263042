"""The file that progress is kept in, as SQLite: opened, healed, written, copied and brought together.

Nothing here may ever cost a learner their work or stop a page. A damaged file is moved aside with a timestamp and what
can still be read is carried over; a folder that cannot be written leaves the course running in memory. `Store.problem`
holds the sentence to show when something of the kind has happened.
Only the standard library is used: the middleware and `dlstudy --help` import this.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Self, TypeVar

from dlstudy.course.learner import private, progressfile

RETRY_SECONDS = 5.0  # how often a course that runs in memory looks whether the file can be written again

Result = TypeVar("Result")


class Store:
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
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            for _ in range(100):
                try:
                    private.make_file(self.path)
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
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            private.make_file(self.path)
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

    def read(self, work: Callable[[sqlite3.Connection], Result], default: Result) -> Result:
        """Do `work`, several questions of one moment, in one transaction; `default` where the file cannot be read."""
        return self._run(work, write=False, default=default)

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query; none where the file cannot be read now."""
        return self.read(lambda db: db.execute(sql, values).fetchall(), [])

    # ---- the whole ------------------------------------------------------------

    def version(self) -> int:
        """A number that grows with every change, from any process: cheap to poll."""
        rows = self.rows("SELECT value FROM meta WHERE key = 'version'")
        return int(rows[0][0]) if rows else 0

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

    def close(self) -> None:
        """Close the file; the object cannot be used afterwards."""
        with self._lock:
            if self._waiting:
                self.write(lambda db: None, None)
            self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_db"):
            self._db.close()
