"""What is said to be saved is saved: by itself as soon as the file can be written, and at the end of the program."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dlstudy.course.learner import notes, progressfile, progressstore
from dlstudy.course.learner.progress import Progress


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(progressfile, "BUSY_SECONDS", 0.05)
    monkeypatch.setattr(progressstore, "RETRY_SECONDS", 3600.0)  # the timer is called by hand
    return tmp_path / "progress.sqlite"


@pytest.fixture
def progress(path: Path) -> Iterator[Progress]:
    with Progress(path) as kept:
        yield kept


@pytest.fixture(params=["IMMEDIATE", "EXCLUSIVE"])
def holder(path: Path, progress: Progress, request: pytest.FixtureRequest) -> Iterator[sqlite3.Connection]:
    """Another program in the middle of a change of its own."""
    db = sqlite3.connect(path, isolation_level=None, timeout=0)
    db.execute(f"BEGIN {request.param}")
    yield db
    db.close()


def everything(progress: Progress) -> dict[str, list[tuple[object, ...]]]:
    tables = (progressfile.COLUMNS | progressfile.KEPT).items()
    return {table: sorted(progress.rows(f"SELECT {', '.join(names)} FROM {table}"), key=str) for table, names in tables}


def do_something_of_each(progress: Progress) -> str:
    key = notes.save(progress, "01_A.md", "x", "X", "words")
    notes.save(progress, "01_A.md", "x", "X", "other words", key)
    assert progress.record_attempt("01/a", passed=False, source="a", verdict="failed") is True
    progress.open_hint("01/a", 1)
    progress.open_solution("01/a", gave_up=False)
    progress.record_quiz("01", "q", "a", True)
    progress.record_prediction("01", "p", "b")
    progress.choose("idle-hours", "12")
    progress.add_time("01", 30)
    progress.start_again("01/a")
    return key


def test_steps_are_seen_while_they_wait_and_are_the_same_in_the_file(
    progress: Progress, holder: sqlite3.Connection, path: Path
) -> None:
    do_something_of_each(progress)
    seen = everything(progress)
    assert all(seen[table] for table in seen), seen
    assert [note.text for note in notes.all_notes(progress)] == ["other words"]
    assert progress.setting("idle-hours") == "12"
    assert "as soon as it lets go" in str(progress.problem)
    holder.execute("ROLLBACK")
    progress._look_again()
    assert progress.problem is None
    with Progress(path) as other:
        assert everything(other) == seen == everything(progress)
        assert other.setting("idle-hours") == "12"


def test_a_reset_that_waits_is_done_to_what_is_in_the_file(progress: Progress, path: Path) -> None:
    progress.record_attempt("01/a", passed=True, source="a", verdict="passed")
    db = sqlite3.connect(path, isolation_level=None, timeout=0)
    db.execute("BEGIN IMMEDIATE")
    progress.reset("01")
    assert not progress.exercise("01/a").passed
    db.execute("ROLLBACK")
    db.close()
    progress.save()
    with Progress(path) as other:
        assert not other.exercise("01/a").passed
        assert len(other.attempts("01/a", archived=True)) == 1


def test_the_timer_writes_without_another_step(
    progress: Progress, holder: sqlite3.Connection, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progressstore, "RETRY_SECONDS", 0.01)
    notes.save(progress, "01_A.md", "x", "X", "words")
    holder.execute("ROLLBACK")
    while (timer := progress._timer) is not None:
        timer.join()
    with Progress(path) as other:
        assert [note.text for note in notes.all_notes(other)] == ["words"]


def test_closing_writes_what_waits(path: Path) -> None:
    progress = Progress(path)
    holder = sqlite3.connect(path, isolation_level=None, timeout=0)
    holder.execute("BEGIN IMMEDIATE")
    notes.save(progress, "01_A.md", "x", "X", "words")
    holder.execute("ROLLBACK")
    holder.close()
    progress.close()
    progress.close()  # twice does no harm
    with Progress(path) as other:
        assert [note.text for note in notes.all_notes(other)] == ["words"]


@pytest.mark.parametrize("end", ["pass", "raise KeyboardInterrupt", "sys.exit(3)"])
def test_the_end_of_a_program_writes_what_waits(path: Path, end: str) -> None:
    code = f"""
import sqlite3, sys
from dlstudy.course.learner import notes, progressfile
from dlstudy.course.learner.progress import Progress
progressfile.BUSY_SECONDS = 0.05
progress = Progress(sys.argv[1])
holder = sqlite3.connect(sys.argv[1], isolation_level=None)
holder.execute("BEGIN IMMEDIATE")
notes.save(progress, "01_A.md", "x", "X", "words")
holder.execute("ROLLBACK")
keep = [progress, holder]
{end}
"""
    subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, timeout=60)
    with Progress(path) as other:
        assert [note.text for note in notes.all_notes(other)] == ["words"]


def test_a_disk_that_is_full_for_a_while_loses_no_step(progress: Progress, path: Path) -> None:
    progress.record_attempt("01/before", passed=True, source="b", verdict="passed")
    pages = progress.rows("PRAGMA page_count")[0][0]
    progress._db.execute(f"PRAGMA max_page_count = {pages}")  # SQLite answers as on a full disk
    big = "x" * 50_000
    assert progress.record_attempt("01/a", passed=True, source=big, verdict="passed")
    assert "cannot be saved" in str(progress.problem)
    assert progress.exercise("01/a").passed
    assert progress.exercise("01/before").passed
    progress.choose("idle-hours", "1")  # there is room again for a new connection
    assert progress.problem is None
    with Progress(path) as other:
        assert other.attempts("01/a")[0].source == big
        assert other.setting("idle-hours") == "1"
        assert len(other.attempts("01/before")) == 1


def test_an_export_holds_what_waits_too(progress: Progress, holder: sqlite3.Connection, tmp_path: Path) -> None:
    do_something_of_each(progress)
    seen = everything(progress)
    file = progress.export(tmp_path / "export")
    with Progress(tmp_path / "other.sqlite") as other:
        assert other.import_(file) > 5
        assert everything(other) == seen


def test_a_disk_without_shared_memory_gets_a_rollback_journal(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Progress(path) as progress:
        progress.record_attempt("01/a", passed=True, source="a", verdict="passed")
        assert progress.rows("PRAGMA journal_mode") == [("wal",)]

    def no_shared_memory(db: sqlite3.Connection) -> None:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHMMAP
        raise error

    monkeypatch.setattr(progressfile, "_log_ahead", no_shared_memory)
    with Progress(path) as progress:
        assert progress.problem is None
        assert progress.rows("PRAGMA journal_mode") == [("delete",)]
        assert progress.exercise("01/a").passed
        progress.record_attempt("01/b", passed=True, source="b", verdict="passed")
        with Progress(path) as other:  # the lock of the change was let go
            assert other.exercise("01/b").passed
            other.visit("02")
        assert progress.snapshot()["last"] == "02"


def test_the_lock_of_a_killed_move_does_not_stay(path: Path) -> None:
    lock = path.with_name(path.name + ".moving")
    lock.touch()
    os.utime(lock, (0, 0))
    with Progress(path):
        assert not lock.exists()
