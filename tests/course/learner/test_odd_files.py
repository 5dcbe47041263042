"""A progress file of somebody else's making, or with a flipped bit, costs at most its own odd rows, never a page."""

import random
import shutil
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest

from dlstudy.app.home import page
from dlstudy.app.state import State
from dlstudy.course import doctor
from dlstudy.course.content import catalogue, paths, search
from dlstudy.course.learner import notes, progressfile, progressrules, review
from dlstudy.course.learner.progress import Progress

AT = "2026-11-28T10:00:00.000000+00:00"


@pytest.fixture
def learner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(paths.LEARNER_VARIABLE, str(tmp_path / "learner"))
    paths.progress_file().parent.mkdir(parents=True)
    (tmp_path / "learner" / "01_Tensors_and_Autograd.md").write_text("# page\n")
    return tmp_path / "learner"


@pytest.fixture
def export(tmp_path: Path) -> Path:
    with Progress(tmp_path / "other.sqlite") as other:
        fill(other)
        return other.export(tmp_path / "export")


def fill(progress: Progress) -> None:
    for text in ("a", "b"):
        progress.record_attempt("01/flat-index", passed=text == "b", source=text * 300, verdict="failed", hint_id="h")
    progress.open_hint("01/flat-index", 1)
    progress.open_solution("01/flat-index", gave_up=False)
    progress.record_quiz("01", "copy-or-view", "view", True)
    progress.record_prediction("01", "adds", "b")
    progress.start_again("01/flat-index")
    progress.add_time("01", 90)
    notes.save(progress, "01_Tensors_and_Autograd.md", "strides", "Strides", "words of mine")


@cache
def library() -> search.Library:
    return search.Library()


@cache
def lessons() -> catalogue.Catalogue:
    return catalogue.load()


def course_of(progress: Progress) -> State:
    """A server's course with this progress; what is slow to read and the same for all is read once."""
    course = State()
    course._progress, course.library, course.catalogue = progress, library(), lessons()
    return course


def use_everything(progress: Progress) -> None:
    """Do what the home page, the command line and a page do with a progress file."""
    course = course_of(progress)
    page.render(course, progress.snapshot())
    review.items(progress, course.catalogue)
    course.library.search("words", course.notes.index())
    for note in notes.all_notes(progress):
        notes.notes_on(progress, note.page)
    progress.exercise("01/flat-index")
    progress.attempts("01/flat-index", archived=True)
    progress.quiz_answer("01", "copy-or-view")
    progress.visit("02")


ODD = {
    "bytes where a text is expected": "UPDATE notes SET title = x'ff00'",
    "a year that cannot be moved": "UPDATE attempts SET at = '9999-12-31T23:59:59.000000+00:00'",
    "the first year": "UPDATE quiz SET at = '0001-01-01T00:00:00.000000+00:00', correct = 0",
    "no time at all": "UPDATE hints SET at = 'soon'",
    "seconds without end": "UPDATE visits SET seconds = 9e999",
    "seconds in words": "UPDATE visits SET seconds = 'many'",
    "a visit in bytes": "UPDATE visits SET last = x'00ff'",
    "a long page": f"UPDATE notes SET page = '{'x' * 5000}.md'",
    "a number of hints": "UPDATE hints SET n = 10 << 60",
    "a try that is neither right nor wrong": "UPDATE attempts SET passed = 7",
    "an answer of five million letters": "UPDATE attempts SET source = printf('%.*c', 5000000, 'x')",
    "a day in words": "UPDATE days SET day = 'Monday'",
    "an identifier in bytes": "UPDATE attempts SET exercise = x'00'",
    "archived some day": "UPDATE predictions SET archived = 5",
}


@pytest.mark.parametrize("statement", ODD.values(), ids=ODD)
def test_an_import_leaves_odd_rows_out_and_says_so(learner: Path, export: Path, statement: str) -> None:
    change(export, lambda db: db.execute(statement))
    said: list[str] = []
    with Progress(paths.progress_file()) as progress:
        new = progress.import_(export, said.append)
        assert new > 5, "the other rows are taken"
        assert len(said) == 1
        assert said[0].startswith("Left out")
        use_everything(progress)
        assert progressfile.fault(paths.progress_file()) is None


@pytest.mark.parametrize("statement", ODD.values(), ids=ODD)
def test_odd_rows_that_are_here_already_cost_no_page(learner: Path, export: Path, statement: str) -> None:
    shutil.copyfile(export, paths.progress_file())
    change(paths.progress_file(), lambda db: db.execute(statement))
    assert [finding.level for finding in doctor.look_at_progress()] == ["bad"]
    with Progress(paths.progress_file()) as progress:
        use_everything(progress)
        assert "damaged" in str(progress.problem)
        assert not progress.in_memory
        kept = sum(len(progress.rows(f"SELECT 1 FROM {table}")) for table in progressfile.COLUMNS)
        assert kept > 3, "what is sound is carried over"


SCHEMAS = {
    "a view": "CREATE VIEW more AS SELECT 1",
    "a trigger": "CREATE TRIGGER t AFTER INSERT ON notes BEGIN DELETE FROM attempts; END",
    "a table of its own": "CREATE TABLE more (x)",
    "a virtual table": "CREATE VIRTUAL TABLE more USING fts5(x)",
    "a view without end for a table": "DROP TABLE days; CREATE VIEW days AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL "
    "SELECT x FROM n) SELECT '2026-11-28' AS day, '01' AS lesson, x AS seconds FROM n",
    "a table of the same name with other rules": "DROP TABLE days; CREATE TABLE days (day, lesson, seconds)",
    "a table less": "DROP TABLE days",
}


@pytest.mark.parametrize("statement", SCHEMAS.values(), ids=SCHEMAS)
def test_a_file_with_another_schema_is_refused_whole(learner: Path, export: Path, statement: str) -> None:
    change(export, lambda db: db.executescript(statement))
    with Progress(paths.progress_file()) as progress:
        version = progress.version()
        with pytest.raises(ValueError, match="Nothing was changed"):
            progress.import_(export)
        assert progress.version() == version


def test_a_huge_file_is_refused_before_it_is_copied(learner: Path, tmp_path: Path, monkeypatch) -> None:
    huge = tmp_path / "huge"
    with huge.open("wb") as file:
        file.truncate(20 << 30)  # takes no room: it is a hole
    monkeypatch.setattr(shutil, "copyfile", lambda *names: pytest.fail("it was copied"))
    with Progress(paths.progress_file()) as progress, pytest.raises(ValueError, match="holds 21"):
        progress.import_(huge)


def test_a_note_of_another_place_is_no_link(learner: Path, export: Path) -> None:
    change(export, lambda db: db.execute("UPDATE notes SET page = '/evil.example/x'"))
    with Progress(paths.progress_file()) as progress:
        progress.import_(export)
        course = course_of(progress)
        assert [hit for hit in course.library.search("words", course.notes.index()) if hit.entry.kind == "note"] == []
        assert "evil" not in page.render(course, progress.snapshot())


def test_whatever_is_written_is_sound(learner: Path) -> None:
    """What the course writes from any input keeps to the rules: else it would move its own file aside."""
    with Progress(paths.progress_file()) as progress:
        for text in ("", "\0", "\ud800", "漢" * 3_000_000):
            progress.record_attempt("01/a", passed=True, source=text, verdict="passed", hint_id=text, seconds=1e300)
            progress.record_attempt("01/a", passed=False, source=text, verdict=text, seconds=float("nan"))
            progress.record_quiz("01", "q", text, True)
            progress.record_prediction("01", "p", text)
            notes.save(progress, text, text, text, text[: notes.LONGEST])
        for _ in range(3):
            progress.add_time("01", 1e300)
        progress.reset()
        assert progressfile.fault(paths.progress_file()) is None
        assert {table for table, rule in progressrules.RULES.items() if progress.rows(f"SELECT 1 FROM {table}")} >= {
            "attempts", "quiz", "predictions", "notes", "visits", "days"
        }  # fmt: skip


@pytest.fixture
def whole(learner: Path) -> bytes:
    with Progress(paths.progress_file()) as progress:
        fill(progress)
    return paths.progress_file().read_bytes()


@pytest.mark.parametrize("part", range(4))
def test_a_flipped_bit_is_moved_aside_salvaged_or_harmless(learner: Path, whole: bytes, part: int) -> None:
    """250 of the bits of a progress file in each part, half of them where the schema and the head of pages are."""
    chance = random.Random(part)
    file, used = paths.progress_file(), {1 << bit for bit in range(8)}
    heads = [start + offset for start in range(0, len(whole), 4096) for offset in range(64) if any(whole[start:])]
    moved = harmless = 0
    for step in range(250):
        for old in file.parent.glob("progress*"):
            old.unlink()
        data = bytearray(whole)
        place = chance.choice(heads) if step % 2 else chance.randrange(len(data))
        data[place] ^= chance.choice(sorted(used))
        file.write_bytes(data)
        findings = doctor.look_at_progress()
        with Progress(file) as progress:
            use_everything(progress)
            aside = list(file.parent.glob("*.damaged-*.sqlite"))
            told = str(progress.problem)
        assert bool(aside) == ("was damaged" in told), (place, told)
        if aside:
            moved += 1
            assert aside[0].read_bytes() == data, "it is kept as it was"
            assert findings[0].level == "bad", (place, findings)
        else:
            harmless += 1
    assert moved > 25
    assert harmless > 25


def test_a_message_that_is_no_text_is_damage(learner: Path, whole: bytes) -> None:
    """SQLite names the broken entry of the schema in its message, with the bytes that are in the file."""
    data = bytearray(whole)
    at = data.index(b"CREATE TABLE attempts")
    data[at + 13 : at + 21] = b"\xff" * 8
    paths.progress_file().write_bytes(data)
    assert doctor.look_at_progress()[0].level == "bad"
    with Progress(paths.progress_file()) as progress:
        assert "was damaged" in str(progress.problem)


def change(file: Path, work: Callable[[sqlite3.Connection], object]) -> None:
    db = sqlite3.connect(file, isolation_level=None)
    work(db)
    db.execute("PRAGMA journal_mode = DELETE")
    db.close()


# ---- clocks ---------------------------------------------------------------------------------------------------------


class Clock:
    """A clock that a test sets, for all that the progress file is told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from dlstudy.course.learner import progress as module

        self.ahead = timedelta()
        for place in (module, notes):
            monkeypatch.setattr(place, "now", self.now)

    def now(self) -> str:
        return (datetime.now(UTC) + self.ahead).isoformat(timespec="microseconds")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.mark.parametrize("ahead", [timedelta(hours=2), timedelta(days=1), timedelta(days=3650)], ids=str)
def test_a_clock_that_was_ahead_hides_nothing(learner: Path, clock: Clock, ahead: timedelta) -> None:
    with Progress(paths.progress_file()) as progress:
        clock.ahead = ahead
        changed = notes.save(progress, "01_A.md", "x", "X", "first words")
        gone = notes.save(progress, "01_A.md", "x", "X", "to be removed")
        progress.visit("02")
        progress.record_attempt("01/flat-index", passed=False, source="a", verdict="failed")
        clock.ahead = timedelta()
        notes.save(progress, "01_A.md", "x", "X", "new words", changed)
        notes.remove(progress, gone)
        assert [note.text for note in notes.all_notes(progress)] == ["new words"]
        notes.restore(progress, gone)
        assert {note.text for note in notes.all_notes(progress)} == {"new words", "to be removed"}
        progress.visit("01")
        assert progress.snapshot()["last"] == "01"
        (item,) = [item for item in review.items(progress, lessons()) if item.name == "flat-index"]
        assert item.due <= datetime.now().date() + ahead + timedelta(1)
        if ahead > timedelta(days=2):
            assert review.due([item]), "a failure of the year 2036 is no reason to wait for that year"
            progress.record_attempt("01/flat-index", passed=True, source="b", verdict="passed")
            (item,) = [item for item in review.items(progress, lessons()) if item.name == "flat-index"]
            assert item.step == 1
            assert not review.due([item])


def test_a_new_start_of_an_exercise_counts_whatever_the_clock_says(learner: Path, clock: Clock) -> None:
    with Progress(paths.progress_file()) as progress:

        def again() -> bool:
            return progress.record_attempt("01/a", passed=True, source="a", verdict="passed")

        clock.ahead = timedelta(days=300)
        assert (again(), again()) == (True, False)
        clock.ahead = timedelta()
        progress.start_again("01/a")
        assert (again(), again(), again()) == (True, False, False), "it was written once more, and once only"


def test_an_import_from_a_computer_that_is_ahead_does_not_decide_where_to_go_on(
    learner: Path, tmp_path: Path, clock: Clock
) -> None:
    with Progress(tmp_path / "other.sqlite") as other:
        clock.ahead = timedelta(days=30)
        other.visit("09")
        file = other.export(tmp_path / "ahead")
    clock.ahead = timedelta()
    with Progress(paths.progress_file()) as progress:
        progress.visit("02")
        progress.import_(file)
        assert progress.snapshot()["last"] == "02"
