"""The learner's progress survives whatever happens to its file."""

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
import time

import pytest

from dlstudy.course.checking.verdict import Verdict
from dlstudy.course.learner import progress as module
from dlstudy.course.learner import progressfile, progressstore
from dlstudy.course.learner.progress import Progress, Standing

SLUG = "01/flat-index"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "learner" / ".dlstudy" / "progress.sqlite"


@pytest.fixture
def progress(path):
    with Progress(path) as progress:
        yield progress


def fill(progress, tries=3):
    for n in range(tries):
        progress.record_attempt(SLUG, passed=n == tries - 1, source=f"answer {n}", verdict="failed", hint_id=f"h{n}")
    progress.open_hint(SLUG, 1)
    progress.open_hint(SLUG, 2)
    progress.open_solution(SLUG, gave_up=True)
    progress.record_quiz("01", "copy-or-view", "copy", False)
    progress.record_quiz("01", "copy-or-view", "view", True)
    progress.record_prediction("01", "adds-or-replaces", "adds")
    progress.add_time("01", 12.5)


WHOLE = {
    "exercises": {"flat-index": {"attempts": 3, "passed": True, "hints": 2, "solution": True, "gave_up": True}},
    "quiz": {"copy-or-view": {"option": "view", "correct": True}},
    "predictions": {"adds-or-replaces": "adds"},
}


def lesson(progress, number="01"):
    found = dict(progress.snapshot()["lessons"].get(number, {}))
    return {key: found.get(key) for key in WHOLE}


def test_everything_recorded_comes_back_after_reopening(progress, path):
    fill(progress)
    progress.close()
    with Progress(path) as again:
        assert lesson(again) == WHOLE
        assert again.snapshot()["lessons"]["01"]["seconds"] == 12.5
        assert again.snapshot()["last"] == "01"
        assert [a.source for a in again.attempts(SLUG)] == ["answer 0", "answer 1", "answer 2"]
        assert again.attempts(SLUG)[1].hint_id == "h1"
        assert again.exercise(SLUG).hints == 2
        assert again.exercise(SLUG).solution_opened
        assert again.quiz_answer("01", "copy-or-view") == "view"
        assert again.prediction("01", "adds-or-replaces") == "adds"
        assert again.problem is None


def test_a_fresh_file_knows_nothing(progress):
    assert progress.snapshot() == {"version": 1, "last": None, "problem": None, "lessons": {}}
    assert not progress.exercise(SLUG).passed
    assert progress.exercise(SLUG).hints == 0
    assert progress.quiz_answer("01", "x") is None
    assert progress.prediction("01", "x") is None


def test_repeated_check_of_the_same_text_is_one_attempt(progress):
    assert progress.record_attempt(SLUG, passed=False, source="a", verdict="failed")
    assert not progress.record_attempt(SLUG, passed=False, source="a", verdict="failed")
    assert progress.record_attempt(SLUG, passed=False, source="b", verdict="failed")
    assert progress.record_attempt(SLUG, passed=False, source="a", verdict="failed")
    assert len(progress.attempts(SLUG)) == 3


def test_a_pass_and_a_right_answer_are_never_lost_by_trying_again(progress):
    progress.record_attempt(SLUG, passed=True, source="right", verdict="passed")
    progress.record_attempt(SLUG, passed=False, source="wrong", verdict="failed")
    progress.record_quiz("01", "q", "right", True)
    progress.record_quiz("01", "q", "wrong", False)
    assert progress.exercise(SLUG).passed
    assert lesson(progress)["exercises"]["flat-index"]["passed"]
    assert lesson(progress)["quiz"]["q"] == {"option": "wrong", "correct": True}


@pytest.mark.parametrize(
    ("verdict", "honest"), [("not-yet", False), ("failed", True), ("error", True), ("timeout", True), ("crashed", True)]
)
def test_only_a_real_try_counts_as_honest(progress, verdict, honest):
    progress.record_attempt(SLUG, passed=False, source="x", verdict=verdict)
    assert progress.exercise(SLUG).tried is honest


def test_a_check_is_a_try_unless_nothing_was_begun(progress):
    assert not progress.record_check(SLUG, Verdict("not-yet", "It is the stub."), "stub")
    assert progress.exercise(SLUG) == Standing()
    assert progress.record_check(SLUG, Verdict("failed", "No.", hint_id="off-by-one", seconds=0.5), "x")
    (kept,) = progress.attempts(SLUG)
    assert (kept.passed, kept.verdict, kept.source, kept.hint_id, kept.seconds) == (
        False, "failed", "x", "off-by-one", 0.5,
    )  # fmt: skip
    assert progress.record_check(SLUG, Verdict("passed", "Yes."), "y")
    assert progress.exercise(SLUG) == Standing(attempts=2, passed=True, tried=True)


@pytest.mark.parametrize(
    ("done", "free"),
    [
        (lambda progress: None, False),
        (lambda progress: progress.open_hint(SLUG, 3), False),
        (lambda progress: progress.record_attempt(SLUG, passed=False, source="x", verdict="not-yet"), False),
        (lambda progress: progress.record_attempt(SLUG, passed=False, source="x", verdict="error"), True),
        (lambda progress: progress.record_attempt(SLUG, passed=True, source="x", verdict="passed"), True),
        (lambda progress: progress.open_solution(SLUG, True), True),
        (lambda progress: progress.record_attempt("01/other", passed=False, source="x", verdict="failed"), False),
    ],
)
def test_when_the_solution_may_be_seen(progress, done, free):
    done(progress)
    assert progress.exercise(SLUG).may_see_solution is free
    progress.reset("01")
    assert not progress.exercise(SLUG).may_see_solution


def test_version_grows_with_every_change_and_is_seen_by_another_connection(progress, path):
    with Progress(path) as other:
        before = other.version()
        progress.visit("02")
        assert other.version() > before
        before = other.version()
        assert other.version() == before


def test_reset_of_one_exercise_leaves_the_rest_and_keeps_the_history(progress):
    fill(progress)
    progress.record_attempt("01/strides", passed=True, source="s", verdict="passed")
    progress.reset("01", "flat-index")
    found = lesson(progress)
    assert list(found["exercises"]) == ["strides"]
    assert found["quiz"] == WHOLE["quiz"]
    assert progress.exercise(SLUG).hints == 0
    assert not progress.exercise(SLUG).solution_opened
    assert not progress.exercise(SLUG).tried
    assert progress.attempts(SLUG) == []
    assert [a.source for a in progress.attempts(SLUG, archived=True)] == ["answer 0", "answer 1", "answer 2"]
    progress.open_hint(SLUG, 1)  # and it can be done again
    assert progress.exercise(SLUG).hints == 1


def test_reset_of_a_lesson_spares_other_lessons_whose_number_begins_alike(progress):
    fill(progress)
    progress.record_attempt("011/x", passed=True, source="s", verdict="passed")
    progress.record_quiz("011", "q", "a", True)
    progress.reset("01")
    assert lesson(progress) == {"exercises": {}, "quiz": {}, "predictions": {}}
    assert lesson(progress, "011")["exercises"]["x"]["passed"]
    assert lesson(progress, "011")["quiz"]["q"]["correct"]
    assert len(progress.attempts(SLUG, archived=True)) == 3
    progress.reset()
    assert lesson(progress, "011")["quiz"] in ({}, None)


def test_export_and_import_carry_everything_once(progress, path, tmp_path):
    fill(progress)
    progress.reset("01", "flat-index")
    fill(progress, 2)
    file = progress.export(tmp_path / "mine.dlstudy")
    assert [p.name for p in tmp_path.glob("mine*")] == ["mine.dlstudy"]
    with Progress(tmp_path / "new" / "progress.sqlite") as new:
        new.record_attempt("01/own", passed=True, source="own", verdict="passed")
        count = new.import_(file)
        assert count > 10
        assert new.import_(file) == 0
        assert len(new.attempts(SLUG)) == 2
        assert len(new.attempts(SLUG, archived=True)) == 5
        assert new.exercise("01/own").passed
        assert new.snapshot()["lessons"]["01"]["seconds"] == 25.0
    with pytest.raises(FileExistsError, match="nothing was written"):
        progress.export(file)


def test_import_of_anything_else_is_refused_and_changes_nothing(progress, tmp_path):
    fill(progress)
    version = progress.version()
    text, other, newer = tmp_path / "a.txt", tmp_path / "b.sqlite", tmp_path / "c.sqlite"
    text.write_text("not a database, only words " * 300)
    for file, statement in ((other, "CREATE TABLE attempts (x)"), (newer, "PRAGMA user_version = 999")):
        if file is newer:
            progress.export(newer)
        db = sqlite3.connect(file)
        db.execute(statement)
        db.commit()
        db.close()
    for file, words in ((text, "not a progress file"), (other, "not a progress file"), (newer, "newer version")):
        with pytest.raises(ValueError, match=words):
            progress.import_(file)
    with pytest.raises(FileNotFoundError):
        progress.import_(tmp_path / "none")
    assert progress.version() == version


WRITER = """
import sys
from dlstudy.course.learner.progress import Progress, Standing
progress = Progress(sys.argv[1])
name = sys.argv[2]
n = 0
while n < int(sys.argv[3]):
    progress.record_attempt(f"01/{name}", passed=False, source=f"{n} " + "x" * 3000, verdict="failed")
    print(n, flush=True)
    n += 1
"""


def start_writer(path, name, count=10**9):
    command = [sys.executable, "-c", WRITER, str(path), name, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("seed", range(3))
def test_killed_in_the_middle_of_writing_loses_nothing_that_was_recorded(path, seed):
    with start_writer(path, "killed") as process:
        assert process.stdout.readline() == "0\n"
        time.sleep(random.Random(seed).uniform(0.02, 0.2))
        process.kill()  # SIGKILL; TerminateProcess on Windows
        told = process.stdout.read().split()
    last = int(told[-1]) if told else 0
    with Progress(path) as progress:
        assert progress.problem is None
        sources = [a.source.split()[0] for a in progress.attempts("01/killed")]
    # One more than was told is possible: killed between the commit and the print.
    assert len(sources) in (last + 1, last + 2)
    assert sources == [str(n) for n in range(len(sources))]


def test_two_processes_and_this_one_write_at_once(progress, path):
    writers = [start_writer(path, name, 60) for name in ("a", "b")]
    for n in range(60):
        progress.record_attempt("01/here", passed=False, source=str(n), verdict="failed")
    for writer in writers:
        writer.communicate(timeout=60)
    assert [len(progress.attempts(f"01/{name}")) for name in ("a", "b", "here")] == [60, 60, 60]
    assert progress.problem is None


def test_two_processes_create_the_file_at_once(path):
    writers = [start_writer(path, f"w{n}", 5) for n in range(4)]
    for writer in writers:
        writer.communicate(timeout=60)
    with Progress(path) as progress:
        assert [len(progress.attempts(f"01/w{n}")) for n in range(4)] == [5] * 4


def test_threads_share_one_object(progress):
    def work(name):
        for n in range(40):
            progress.record_attempt(f"01/{name}", passed=False, source=str(n), verdict="failed")
            progress.snapshot()

    threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(progress.attempts(f"01/{name}")) for name in "abc"] == [40] * 3


def aside(path):
    return [p for p in path.parent.glob("*.damaged-*") if p.suffix == ".sqlite"]


def test_a_file_of_rubbish_is_moved_aside_and_told(path):
    path.parent.mkdir(parents=True)
    (path.parent / "manifest.json").write_text("{}")
    rubbish = random.Random(0).randbytes(5000)
    path.write_bytes(rubbish)
    with Progress(path) as progress:
        (kept,) = aside(path)
        assert kept.read_bytes() == rubbish
        assert kept.name in progress.problem
        assert "untouched" in progress.problem
        fill(progress)
    with Progress(path) as again:
        assert lesson(again) == WHOLE
        assert kept.name in again.snapshot()["problem"]  # whoever opens it next tells the learner as well
        with Progress(path) as page:  # in another process, as a rule
            again.dismiss()
            assert again.problem is None
            assert page.problem is None
    with Progress(path) as once_more:
        assert once_more.problem is None
    assert (path.parent / "manifest.json").read_text() == "{}"


def test_what_can_be_read_of_a_damaged_file_is_carried_over(path):
    with Progress(path) as progress:
        fill(progress)
        for n in range(400):
            progress.record_attempt("01/long", passed=False, source=f"{n} " + "y" * 2000, verdict="failed")
    data = bytearray(path.read_bytes())
    assert len(data) > 500_000
    middle = 4096 * (len(data) // 4096 // 2)
    data[middle : middle + 3 * 4096] = random.Random(1).randbytes(3 * 4096)
    path.write_bytes(data)
    with Progress(path) as progress:
        assert len(aside(path)) == 1
        assert "could still be read" in progress.problem
        assert lesson(progress)["quiz"] == WHOLE["quiz"]
        assert lesson(progress)["exercises"]["flat-index"] == WHOLE["exercises"]["flat-index"]
        assert 50 < len(progress.attempts("01/long")) < 400


@pytest.mark.parametrize("size", [0, 1, 100, 4096, 9000])
def test_a_truncated_file_never_stops_the_course(path, size):
    with Progress(path) as progress:
        fill(progress, 30)
    with open(path, "r+b") as file:
        file.truncate(size)
    with Progress(path) as progress:
        progress.record_attempt("01/new", passed=True, source="n", verdict="passed")
        assert progress.exercise("01/new").passed
        assert not progress.in_memory
    assert len(aside(path)) == (1 if size > 1 else 0)  # SQLite itself starts over from an empty file


def test_a_file_that_breaks_while_open_is_replaced_and_the_step_is_kept(progress, path):
    fill(progress)
    # From another process, so that SQLite's locks in this one are left alone; the journal goes the same way.
    code = "import sys; open(sys.argv[1], 'wb').write(b'broken ' * 3000)"
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    subprocess.run([sys.executable, "-c", code, str(path) + "-wal"], check=True)
    with Progress(path) as other:  # a second page finds the damage first
        assert "damaged" in other.problem
        progress.record_attempt("01/after", passed=True, source="a", verdict="passed")
        assert progress.exercise("01/after").passed
        assert other.exercise("01/after").passed
    assert not progress.in_memory
    assert len(aside(path)) == 1


def test_four_processes_find_the_damage_at_once_and_move_it_once(path):
    path.parent.mkdir(parents=True)
    path.write_bytes(b"rubbish " * 1000)
    writers = [start_writer(path, f"w{n}", 5) for n in range(4)]
    for writer in writers:
        writer.communicate(timeout=60)
    assert len(aside(path)) == 1
    with Progress(path) as progress:
        assert [len(progress.attempts(f"01/w{n}")) for n in range(4)] == [5] * 4


def test_a_process_that_comes_second_does_not_move_the_fresh_file_aside(progress, path):
    fill(progress)
    progress._move_aside()  # it saw the damage before the first process had replaced the file
    assert aside(path) == []
    assert lesson(progress) == WHOLE


READ_ONLY = """
import os, sys
folder, uid = sys.argv[1], int(sys.argv[2])
from dlstudy.course.learner.progress import Progress, Standing
if uid:
    os.setgid(uid); os.setuid(uid)
progress = Progress(os.path.join(folder, "progress.sqlite"))
assert progress.in_memory and "cannot be saved" in progress.problem, progress.problem
assert progress.exercise("01/old").passed, "what is there must be shown"
progress.record_attempt("01/new", passed=True, source="x", verdict="passed")
assert progress.exercise("01/new").passed and progress.snapshot()["lessons"]["01"]["exercises"]["new"]["passed"]
print("ok")
"""


@pytest.mark.skipif(os.name == "nt", reason="folder rights work differently; the branch is the same")
def test_a_read_only_folder_is_told_and_the_course_runs_in_memory(path):
    with Progress(path) as progress:
        progress.record_attempt("01/old", passed=True, source="o", verdict="passed")
    folder = path.parent
    root = os.getuid() == 0  # root may write everywhere, so the child becomes somebody else
    opened = []
    for parent in [folder, *folder.parents]:
        if root and parent.stat().st_uid == 0 and not parent.stat().st_mode & 0o001:
            opened.append((parent, parent.stat().st_mode))
            parent.chmod(parent.stat().st_mode | 0o055)
    path.chmod(0o444)
    folder.chmod(0o555)
    try:
        command = [sys.executable, "-c", READ_ONLY, str(folder), "65534" if root else "0"]
        result = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert result.stdout == "ok\n", result.stderr
    finally:
        folder.chmod(0o755)
        path.chmod(0o644)
        for parent, mode in opened:
            parent.chmod(mode)
    with Progress(path) as progress:
        assert not progress.exercise("01/new").passed
        assert progress.problem is None


def test_memory_is_written_to_the_file_as_soon_as_that_is_possible(tmp_path, monkeypatch):
    blocked = tmp_path / "learner"
    blocked.write_text("a file where the folder should be")
    with Progress(blocked / "progress.sqlite") as progress:
        assert progress.in_memory
        assert "cannot be saved" in progress.problem
        progress.record_attempt("01/a", passed=True, source="a", verdict="passed")
        blocked.unlink()
        monkeypatch.setattr(progressstore, "RETRY_SECONDS", 0.0)
        progress.record_attempt("01/b", passed=True, source="b", verdict="passed")
        assert not progress.in_memory
        assert progress.problem is None
        with Progress(blocked / "progress.sqlite") as other:
            assert other.exercise("01/a").passed
            assert other.exercise("01/b").passed


def test_a_deleted_folder_does_not_stop_the_course(progress, path):
    fill(progress)
    if os.name == "nt":
        pytest.skip("an open file cannot be deleted on Windows")
    shutil.rmtree(path.parent)
    progress.record_attempt("01/new", passed=True, source="n", verdict="passed")
    with Progress(path) as other:
        assert other.exercise("01/new").passed


def test_a_locked_file_delays_the_step_and_loses_nothing(progress, path, monkeypatch):
    progress._db.execute("PRAGMA busy_timeout = 50")
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    progress.record_attempt("01/a", passed=True, source="a", verdict="passed")
    assert "holding" in progress.problem
    holder.execute("ROLLBACK")
    holder.close()
    progress.visit("01")
    assert progress.problem is None
    assert progress.exercise("01/a").passed


def test_an_older_schema_is_migrated_without_loss(path, monkeypatch):
    with Progress(path) as progress:
        fill(progress)
    added = "ALTER TABLE attempts ADD COLUMN mood TEXT"
    monkeypatch.setattr(progressfile, "MIGRATIONS", (*progressfile.MIGRATIONS, added))
    with Progress(path) as progress:
        assert lesson(progress) == WHOLE
        assert progress.rows("SELECT mood FROM attempts LIMIT 1") == [(None,)]
    monkeypatch.undo()
    with Progress(path) as old_program:  # a newer file in an older course: shown, not touched
        assert old_program.in_memory
        assert "newer version" in old_program.problem
        assert lesson(old_program) == WHOLE


def test_a_file_of_the_first_version_gets_the_new_tables(path, monkeypatch):
    monkeypatch.setattr(progressfile, "MIGRATIONS", progressfile.MIGRATIONS[:1])
    path.parent.mkdir(parents=True)
    db = progressfile.connect(path)
    db.execute("INSERT INTO quiz (lesson, question, option, correct, at) VALUES ('01', 'q', 'a', 1, '2026-01-01')")
    db.close()
    old = path.with_name("old.sqlite")
    shutil.copyfile(path, old)
    monkeypatch.undo()
    with Progress(path) as progress:
        assert lesson(progress)["quiz"]["q"]["correct"]
        progress.start_again(SLUG)
        progress.add_time("01", 5)
        assert progress.problem is None
    with Progress(path.with_name("fresh.sqlite")) as fresh:
        assert fresh.import_(old) == 1, "an export of an older course"
        assert lesson(fresh)["quiz"]["q"]["correct"]


def test_after_a_new_start_the_same_text_is_a_new_try(progress):
    assert progress.record_attempt(SLUG, passed=True, source="a", verdict="passed")
    progress.start_again(SLUG)
    assert progress.record_attempt(SLUG, passed=True, source="a", verdict="passed")
    assert not progress.record_attempt(SLUG, passed=True, source="a", verdict="passed")
    progress.reset("01", "flat-index")
    assert progress.rows("SELECT archived IS NULL FROM starts") == [(0,)]


def test_time_is_kept_by_the_day_and_merged_without_counting_twice(progress, tmp_path):
    today = module.date.today()
    progress.add_time("01", 60)
    progress.add_time("02", 30)
    progress.write(lambda db: db.execute("INSERT INTO days VALUES ('2020-01-01', '01', 500)") and None, None)
    assert progress.seconds_since(today) == 90
    assert progress.seconds_since(module.date(2019, 12, 31)) == 590
    file = progress.export(tmp_path / "copy")
    with Progress(tmp_path / "other.sqlite") as other:
        other.add_time("01", 20)
        other.import_(file)
        other.import_(file)
        assert other.seconds_since(today) == 90


def test_an_import_that_cannot_be_written_says_so_and_leaves_nothing_behind(progress, path, tmp_path):
    with Progress(tmp_path / "source.sqlite") as source:
        source.record_attempt("01/a", passed=True, source="a", verdict="passed")
        file = source.export(tmp_path / "export")
    progress._db.execute("PRAGMA busy_timeout = 50")
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(OSError, match="nothing was imported"):
        progress.import_(file)
    holder.execute("ROLLBACK")
    holder.close()
    assert progress.problem is None
    progress.visit("01")
    assert not progress.exercise("01/a").passed
    assert progress.import_(file) == 1
    assert progress.exercise("01/a").passed


def test_an_import_into_memory_is_refused(tmp_path, progress):
    fill(progress)
    file = progress.export(tmp_path / "export")
    (tmp_path / "blocked").write_text("a file where the folder should be")
    with (
        Progress(tmp_path / "blocked" / "progress.sqlite") as blocked,
        pytest.raises(OSError, match="cannot be saved"),
    ):
        blocked.import_(file)


def test_a_choice_is_kept_and_is_not_taken_over_from_a_file(progress, tmp_path):
    assert progress.setting("idle") is None
    progress.choose("idle", "4")
    progress.choose("idle", "12")
    assert progress.setting("idle") == "12"
    file = progress.export(tmp_path / "export")
    with Progress(tmp_path / "other.sqlite") as other:
        other.import_(file)
        assert other.setting("idle") is None


def test_text_of_any_kind_is_kept_word_for_word(progress):
    for text in ("", "é 漢 🎉 \x00 '\"; DROP TABLE attempts;", "\r\n\t", "x" * 200_000):
        progress.record_attempt("01/t", passed=False, source=text, verdict="failed")
        assert progress.attempts("01/t")[-1].source == text
    progress.record_attempt("01/t", passed=False, source="half \ud800", verdict="failed")
    assert progress.attempts("01/t")[-1].source == "half ?"


def test_nonsense_is_refused_with_a_sentence(progress):
    with pytest.raises(ValueError, match="seconds >= 0"):
        progress.add_time("01", -1)
    with pytest.raises(ValueError, match="expected a lesson"):
        progress.reset(exercise="flat-index")


def test_nothing_heavy_is_imported():
    heavy = "[name for name in ('numpy', 'torch', 'marimo') if name in sys.modules]"
    code = f"import sys, dlstudy.course.learner.progress; print({heavy})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
