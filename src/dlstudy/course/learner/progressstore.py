"""The file that progress is kept in, as SQLite: opened, healed, written, copied and brought together.

Nothing here may ever cost a learner their work or stop a page. A damaged file is moved aside with a timestamp and what
can still be read is carried over; a folder that cannot be written leaves the course running in memory. `Store.problem`
holds the sentence to show when something of the kind has happened. What could not be written yet stands in a copy in
memory, so that it is seen at once, and goes to the file by itself, by a timer and at the end of the program.
Only the standard library is used: the middleware and `dlstudy --help` import this.
"""

from __future__ import annotations

import atexit
import os
import sqlite3
import tempfile
import threading
import time
import weakref
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Self, TypeAlias, TypeVar

from dlstudy import words
from dlstudy.course.learner import private, progressfile, progressrules

RETRY_SECONDS = 1.0  # how often steps that wait look whether the file can be written again
PATIENCE = 0.05  # seconds that such a look waits for another program, while pages wait for it
STALE_SECONDS = 60.0  # after that the lock of a move belongs to a program that was killed

Result = TypeVar("Result")
Work: TypeAlias = Callable[[sqlite3.Connection], Any]


class Store:
    """The progress file at `path`, or a copy of it in memory where the file cannot be used (`problem` then says why).

    Safe to share between threads and to open in several processes at once. No method raises because of the file: a
    write that another program delays, or that the disk refuses, is seen at once and done again until the file takes it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._trouble: str | None = None  # what this process has met; what was found in the file is kept there
        self.in_memory = False
        self._lock = threading.RLock()
        self._waiting: list[Work] = []  # what the file has not got yet, in order
        self._ahead: sqlite3.Connection | None = None  # the file as it will be, while another program holds it
        self._timer: threading.Timer | None = None
        self._file: tuple[int, int] | None = None
        self._tried = 0.0
        self._closed = False
        self._db = self._open()
        _open_stores.add(self)

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
            self._forget_dead_move()
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
            if not self._waiting:
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
        if self._ahead is not None:
            db, self._ahead = self._ahead, None  # it has all that waits already
        else:
            db = _memory()
            progressfile.migrate(db)
            self._take_in(db)
        self.in_memory = True
        self._trouble = self._cannot_save(error)
        return db

    def _cannot_save(self, error: Exception) -> str:
        return (
            f"Your progress cannot be saved in {self.path.parent} ({progressfile.reason(error)}). The course works, "
            "but what you do now is forgotten when it is closed, unless the folder can be written again before that."
        )

    def _moving(self) -> Path:
        return self.path.with_name(self.path.name + ".moving")

    def _forget_dead_move(self) -> None:
        """Take away the lock of a move whose program was killed."""
        try:
            if time.time() - self._moving().stat().st_mtime > STALE_SECONDS:
                self._moving().unlink()
        except OSError:
            pass

    def _move_aside(self) -> None:
        with progressfile.only_one(self._moving()):
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

    def _run(self, work: Callable[[sqlite3.Connection], Result], default: Result, *, write: bool, wait: bool) -> Result:
        """Do `work` in one transaction; whatever happens to the file, answer, tell and go on.

        What cannot be written now is done in memory and waits for the file, unless `wait` is False.
        """
        with self._lock:
            if self._waiting and write:
                self._try_again()
            if not self.in_memory and self._file != self._identity():  # deleted, or replaced by another process
                self._db.close()
                self._db = self._open()
            for _ in range(2):
                if self._stands_in():
                    return self._in_memory(work, default, write=write, wait=wait)
                try:
                    return self._do(self._db, work, write)
                except (sqlite3.ProgrammingError, sqlite3.IntegrityError):
                    raise  # our mistake, not the file's
                except sqlite3.DatabaseError as error:
                    if progressfile.is_busy(error):
                        if not write or not wait:
                            return default
                        self._look_ahead()
                    else:
                        self._db.close()
                        damaged = progressfile.is_damage(error)
                        self._db = self._open() if damaged else self._open_in_memory(error)
            return self._in_memory(work, default, write=write, wait=wait) if self._stands_in() else default

    @staticmethod
    def _do(db: sqlite3.Connection, work: Callable[[sqlite3.Connection], Result], write: bool) -> Result:
        with progressfile.transaction(db, write):
            result = work(db)
            if write:
                db.execute("UPDATE meta SET value = value + 1 WHERE key = 'version'")
        return result

    def _stands_in(self) -> bool:
        return self.in_memory or self._ahead is not None

    def _in_memory(
        self, work: Callable[[sqlite3.Connection], Result], default: Result, *, write: bool, wait: bool
    ) -> Result:
        """Do `work` in the copy that stands in for the file, and remember a change for the file itself."""
        if write and not wait:
            return default
        result = self._do(self._ahead or self._db, work, write)
        if write:
            self._waiting.append(work)
            self._retry_later()
        return result

    def _look_ahead(self) -> None:
        """Begin a copy in memory, in which steps are seen that the file cannot take while another program holds it."""
        ahead = _memory()
        try:
            self._db.backup(ahead)  # readers are let in, as a rule
        except sqlite3.Error:
            ahead.close()
            ahead = _memory()
            progressfile.migrate(ahead)
            self._take_in(ahead)
        self._ahead = ahead
        self._trouble = (
            "Another program is holding the file that keeps your progress. Your last steps are remembered and will be "
            "saved as soon as it lets go."
        )

    def _take_in(self, db: sqlite3.Connection) -> None:
        """Copy what can be read of the file, so that it is shown even if it cannot be written."""
        try:
            if self.path.is_file():
                with progressfile.copy_of(self.path) as other:
                    progressfile.merge(db, other)
        except (OSError, sqlite3.Error):
            pass

    # ---- what waits ------------------------------------------------------------

    def _retry_later(self) -> None:
        if self._timer is None and not self._closed:
            self._timer = threading.Timer(RETRY_SECONDS, _retry, (weakref.ref(self),))
            self._timer.daemon = True
            self._timer.start()

    def _look_again(self) -> None:
        """Write what waits, if the file can be written now, and come back if not."""
        with self._lock:
            self._timer = None
            if self._waiting and not self._closed:
                self._try_again()
                if self._waiting:
                    self._retry_later()

    def _try_again(self, patience: float = PATIENCE) -> None:
        """Write what waits into the file, where it can be written now."""
        if not self.in_memory and self._file != self._identity():
            self._db.close()
            self._db = self._open()
        if self.in_memory:
            self._back_to_the_file(patience)
            return
        progressfile.wait(self._db, patience)
        try:
            self._catch_up(self._db)
        except sqlite3.DatabaseError as error:
            if progressfile.is_damage(error):
                self._db.close()
                self._db = self._open()
            elif not progressfile.is_busy(error):
                self._trouble = self._cannot_save(error)
        finally:
            progressfile.wait(self._db, progressfile.BUSY_SECONDS)

    def _back_to_the_file(self, patience: float) -> None:
        """Leave the copy in memory for the file, if that can be opened and written again."""
        self._tried = time.monotonic()
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh = not self.path.exists()
            private.make_file(self.path)
            db = progressfile.connect(self.path, patience)
        except (OSError, sqlite3.Error):
            return
        try:
            self._catch_up(db, self._db if fresh else None)
        except sqlite3.Error:
            db.close()
            return
        self._db.close()
        self._db, self._file, self.in_memory, self._trouble = db, self._identity(), False, None

    def _catch_up(self, db: sqlite3.Connection, memory: sqlite3.Connection | None = None) -> None:
        """Do in the file what waits, or bring all that `memory` holds into one that has just been made."""
        with progressfile.transaction(db, write=True):
            if memory is not None:
                progressfile.merge(db, memory)
                choices = memory.execute("SELECT key, value FROM meta WHERE key LIKE 'setting:%'").fetchall()
                db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", choices)
            else:
                for late in self._waiting:
                    late(db)
            db.execute("UPDATE meta SET value = value + ? WHERE key = 'version'", (len(self._waiting) or 1,))
        self._waiting.clear()
        if self._ahead is not None:
            self._ahead.close()
            self._ahead, self._trouble = None, None

    def save(self) -> None:
        """Write now what still waits for the file, if it can be written; no step is taken back if not."""
        with self._lock:
            if self._waiting and not self._closed:
                self._try_again(progressfile.BUSY_SECONDS)

    def write(self, work: Callable[[sqlite3.Connection], Result], default: Result) -> Result:
        """Do `work` in one transaction that changes the file; where that has to wait, in memory until then.

        It may be done more than once, so it brings its times along.
        """
        return self._run(work, default, write=True, wait=True)

    def read(self, work: Callable[[sqlite3.Connection], Result], default: Result) -> Result:
        """Do `work`, several questions of one moment, in one transaction; `default` where the file cannot be read."""
        return self._run(work, default, write=False, wait=True)

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query; none where the file cannot be read now."""
        return self.read(lambda db: db.execute(sql, values).fetchall(), [])

    # ---- the whole ------------------------------------------------------------

    def version(self) -> int:
        """A number that grows with every change, from any process: cheap to poll."""
        rows = self.rows("SELECT value FROM meta WHERE key = 'version'")
        return int(rows[0][0]) if rows else 0

    def export(self, path: str | os.PathLike[str]) -> Path:
        """Write everything, archived tries included, to one new file that `import_` reads; refuses to overwrite.

        The file is there wholly or not at all. Raises FileExistsError or OSError, with a sentence.
        """
        target = Path(path)
        if os.path.lexists(target):
            raise FileExistsError(f"{target} exists already; choose another name, nothing was written")
        try:
            with tempfile.TemporaryDirectory(prefix=".dlstudy-", dir=target.parent) as folder:
                whole = Path(folder) / "export"
                self._copy_to(whole)
                os.rename(whole, target)
        except FileNotFoundError as error:
            raise OSError(f"{target} cannot be written: there is no folder {target.parent}") from error
        except (OSError, sqlite3.Error) as error:
            raise OSError(
                f"{target} cannot be written ({progressfile.reason(error)}); nothing was left there"
            ) from error
        return target

    def _copy_to(self, target: Path) -> None:
        with self._lock:
            copy = sqlite3.connect(target)
            try:
                (self._ahead or self._db).backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")  # one file, no -wal beside it
            finally:
                copy.close()

    def import_(self, path: str | os.PathLike[str], say: Callable[[str], None] = lambda sentence: None) -> int:
        """Add what an exported file holds to what is here, twice without harm; returns how many entries were new.

        Entries that this course cannot have written are left out, and `say` gets a sentence about them. Raises
        FileNotFoundError or ValueError, with nothing changed, for a file that is not a progress export, and OSError
        when the progress file itself cannot be written now.
        """
        source = Path(path)
        if not source.is_file():
            raise FileNotFoundError(f"there is no file {source}")
        size = source.stat().st_size
        if size > progressrules.LARGEST_FILE:
            raise ValueError(
                f"{source} holds {words.size(size)}, and a progress file of this course at most "
                f"{words.size(progressrules.LARGEST_FILE)}; nothing was changed"
            )
        try:
            with progressfile.copy_of(source) as other:
                if reason := progressfile.foreign(other):
                    raise ValueError(f"{source} {reason}. Nothing was changed")
                new = self._take_over(other)
                if left_out := progressfile.refused(other):
                    say(left_out)
        except sqlite3.DatabaseError as error:
            raise ValueError(f"{source} cannot be read ({error}). Nothing was changed") from error
        return new

    def _take_over(self, other: sqlite3.Connection) -> int:
        if self.in_memory:
            self.save()
        if self.in_memory:
            raise OSError(self.problem or "the progress file cannot be written")
        # It cannot wait for the file as other writes do: the copy is gone by then.
        new = self._run(lambda db: progressfile.merge(db, other), -1, write=True, wait=False)
        if new < 0:
            raise OSError("Another program is holding your progress file; nothing was imported. Try again.")
        return new

    def close(self) -> None:
        """Write what still waits and close the file; the object cannot be used afterwards."""
        with self._lock:
            if self._closed:
                return
            try:
                if self._waiting:
                    self._try_again(progressfile.BUSY_SECONDS)
            except sqlite3.Error:
                pass
            self._closed = True
            _open_stores.discard(self)
            if self._timer is not None:
                self._timer.cancel()
            for db in (self._db, self._ahead):
                if db is not None:
                    db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_db"):
            self.close()


_open_stores: weakref.WeakSet[Store] = weakref.WeakSet()


@atexit.register
def _save_all() -> None:
    """A program that ends, by Ctrl-C too, does not take with it what waits."""
    for store in list(_open_stores):
        store.save()


def _retry(store: weakref.ref[Store]) -> None:
    if (found := store()) is not None:
        found._look_again()


def _memory() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
