from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dlstudy.course.content import paths
from dlstudy.course.content.lessonfile import LessonError
from dlstudy.course.learner import folder as learners

FILE = "01_Tensors_and_Autograd.md"
FIRST = """---
title: One
marimo-version: 0.25.2
---

# One

```python {.marimo name="exercise_scale"}
def scale(x):
    ...
```

```python {.marimo name="rest"}
rest = 1
```
"""


@pytest.fixture
def folders(throwaway: Path, request: pytest.FixtureRequest) -> tuple[Path, Path]:
    root = throwaway / request.node.name.replace("[", "_").replace("]", "_")
    (root / "lessons").mkdir(parents=True)
    (root / "lessons" / FILE).write_text(FIRST, encoding="utf-8")
    return root / "learner", root / "lessons"


def test_a_new_learner_gets_every_lesson_and_settings_for_the_page_engine(folders: tuple[Path, Path]) -> None:
    learner, lessons = folders
    done = learners.prepare(learner, lessons)
    assert done.new == [FILE]
    assert (learner / FILE).read_text(encoding="utf-8") == FIRST
    import tomllib

    settings = tomllib.loads((learner / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["marimo"]
    assert settings["runtime"]["auto_instantiate"] is True
    assert settings["save"] == {"autosave": "after_delay", "autosave_delay": 1000, "format_on_save": False}
    assert settings["ai"]["enabled"] is False
    assert settings["completion"]["copilot"] is False


def test_a_second_start_changes_nothing(folders: tuple[Path, Path]) -> None:
    learner, lessons = folders
    learners.prepare(learner, lessons)
    before = {path: path.stat().st_mtime_ns for path in learner.glob("*.md")}
    assert learners.prepare(learner, lessons).unchanged == [FILE]
    assert {path: path.stat().st_mtime_ns for path in learner.glob("*.md")} == before


def test_an_untouched_copy_is_replaced_by_a_newer_lesson(folders: tuple[Path, Path]) -> None:
    learner, lessons = folders
    learners.prepare(learner, lessons)
    # What the page engine's autosave does to a page that nobody edited.
    saved = FIRST.replace("0.25.2", "0.25.9").rstrip("\n")
    (learner / FILE).write_text(saved, encoding="utf-8")
    newer = FIRST.replace("# One", "# One, better")
    (lessons / FILE).write_text(newer, encoding="utf-8")
    assert learners.prepare(learner, lessons).replaced == [FILE]
    assert (learner / FILE).read_text(encoding="utf-8") == newer
    assert not list(learner.glob("*.new.md"))


def test_an_edited_copy_is_kept_and_the_newer_lesson_is_put_beside_it_once(folders: tuple[Path, Path]) -> None:
    learner, lessons = folders
    learners.prepare(learner, lessons)
    mine = FIRST.replace("    ...", "    return 3 * x")
    (learner / FILE).write_text(mine, encoding="utf-8")
    newer = FIRST.replace("# One", "# One, better")
    (lessons / FILE).write_text(newer, encoding="utf-8")
    done = learners.prepare(learner, lessons)
    assert (done.kept, done.beside) == ([FILE], ["01_Tensors_and_Autograd.new.md"])
    assert (learner / FILE).read_text(encoding="utf-8") == mine
    assert (learner / done.beside[0]).read_text(encoding="utf-8") == newer
    (learner / done.beside[0]).unlink()
    again = learners.prepare(learner, lessons)
    assert (again.kept, again.beside) == ([FILE], []), "a new version that was deleted must not come back"
    assert (learner / FILE).read_text(encoding="utf-8") == mine


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"lessons": 3}', None])
def test_without_a_readable_manifest_every_difference_counts_as_the_learners(
    folders: tuple[Path, Path], damage: str | None
) -> None:
    learner, lessons = folders
    learners.prepare(learner, lessons)
    manifest = learner / ".dlstudy" / "manifest.json"
    mine = FIRST.replace("    ...", "    return 3 * x")
    (learner / FILE).write_text(mine, encoding="utf-8")
    if damage is None:
        manifest.unlink()
    else:
        manifest.write_text(damage, encoding="utf-8")
    assert learners.prepare(learner, lessons).kept == [FILE]
    assert (learner / FILE).read_text(encoding="utf-8") == mine
    assert FILE in json.loads(manifest.read_text(encoding="utf-8"))["lessons"]


def test_a_deleted_copy_comes_back(folders: tuple[Path, Path]) -> None:
    learner, lessons = folders
    learners.prepare(learner, lessons)
    (learner / FILE).unlink()
    assert learners.prepare(learner, lessons).new == [FILE]


def test_edited_settings_are_kept(folders: tuple[Path, Path]) -> None:
    learner, lessons = folders
    learners.prepare(learner, lessons)
    mine = (learner / "pyproject.toml").read_text(encoding="utf-8").replace("medium", "full")
    (learner / "pyproject.toml").write_text(mine, encoding="utf-8")
    learners.prepare(learner, lessons)
    assert (learner / "pyproject.toml").read_text(encoding="utf-8") == mine


def test_line_ends_and_the_version_line_do_not_count_but_everything_else_does() -> None:
    assert learners.content_hash(FIRST) == learners.content_hash(FIRST.replace("\n", "\r\n"))
    assert learners.content_hash(FIRST) == learners.content_hash(FIRST.replace("0.25.2", "0.26.0"))
    assert learners.content_hash(FIRST) != learners.content_hash(FIRST.replace("rest = 1", "rest = 2"))
    assert learners.content_hash(FIRST) != learners.content_hash(FIRST.replace("    ...", "   ..."))


@pytest.mark.parametrize("mark", [".git", "pyproject.toml"])
def test_another_project_is_refused_and_untouched(folders: tuple[Path, Path], mark: str) -> None:
    learner, lessons = folders
    learner.mkdir()
    (learner / mark).write_text("mine", encoding="utf-8")
    with pytest.raises(learners.NotALearnerFolder, match="another project"):
        learners.prepare(learner, lessons)
    assert [path.name for path in learner.iterdir()] == [mark]


def test_our_own_source_a_file_and_tmp_are_refused(folders: tuple[Path, Path]) -> None:
    learner, lessons = folders
    root = Path(__file__).resolve().parents[2]
    for inside in (root, root / "lessons", root / "new" / "folder"):
        with pytest.raises(learners.NotALearnerFolder, match="source"):
            learners.prepare(inside, lessons)
    learner.write_text("a file", encoding="utf-8")
    with pytest.raises(learners.NotALearnerFolder, match="found a file"):
        learners.prepare(learner, lessons)
    with pytest.raises(learners.NotALearnerFolder, match="home folder"):
        learners.prepare(Path.home(), lessons)
    with pytest.raises(learners.NotALearnerFolder, match="/tmp"):
        learners.prepare(Path("/tmp/dlstudy-learner"), lessons)
    assert not Path("/tmp/dlstudy-learner").exists()


@pytest.mark.skipif(os.name == "nt" or (hasattr(os, "geteuid") and os.geteuid() == 0), reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_named(folders: tuple[Path, Path]) -> None:
    learner, lessons = folders
    learner.parent.chmod(0o500)
    try:
        with pytest.raises(learners.NotALearnerFolder, match="Cannot write"):
            learners.prepare(learner, lessons)
    finally:
        learner.parent.chmod(0o700)


def test_resetting_a_lesson_keeps_the_old_text_and_takes_the_newer_lesson(folders: tuple[Path, Path]) -> None:
    learner, lessons = folders
    learners.prepare(learner, lessons)
    mine = FIRST.replace("    ...", "    return 3 * x")
    (learner / FILE).write_text(mine, encoding="utf-8")
    newer = FIRST.replace("# One", "# One, better")
    (lessons / FILE).write_text(newer, encoding="utf-8")
    learners.prepare(learner, lessons)
    assert learners.edited(learner, FILE)
    assert learners.new_version(learner, FILE)
    kept = learners.reset_lesson(learner, FILE, lessons)
    assert kept is not None
    assert kept.read_text(encoding="utf-8") == mine
    assert (learner / FILE).read_text(encoding="utf-8") == newer
    assert not learners.edited(learner, FILE)
    assert learners.new_version(learner, FILE) is None, "the copy beside is the lesson itself now"
    assert learners.prepare(learner, lessons).unchanged == [FILE]


def test_resetting_an_exercise_changes_its_cell_and_nothing_else(folders: tuple[Path, Path]) -> None:
    learner, lessons = folders
    learners.prepare(learner, lessons)
    mine = FIRST.replace("    ...", "    return 3 * x").replace("rest = 1", "rest = 'mine'")
    (learner / FILE).write_text(mine, encoding="utf-8")
    kept = learners.reset_cell(learner, FILE, "exercise_scale", lessons)
    assert kept.read_text(encoding="utf-8") == mine
    assert (learner / FILE).read_text(encoding="utf-8") == mine.replace("    return 3 * x", "    ...")
    assert learners.edited(learner, FILE)


def test_a_cell_that_does_not_exist_changes_nothing(folders: tuple[Path, Path]) -> None:
    learner, lessons = folders
    learners.prepare(learner, lessons)
    with pytest.raises(LessonError, match="exercise_other"):
        learners.reset_cell(learner, FILE, "exercise_other", lessons)
    with pytest.raises(FileNotFoundError):
        learners.reset_lesson(learner, "../" + FILE, lessons)
    assert (learner / FILE).read_text(encoding="utf-8") == FIRST
    assert not (learner / ".dlstudy" / "backups").exists()


def test_backups_of_one_second_do_not_overwrite_each_other(folders: tuple[Path, Path]) -> None:
    learner, lessons = folders
    learners.prepare(learner, lessons)
    texts = []
    for number in range(5):
        texts.append(FIRST.replace("rest = 1", f"rest = {number}"))
        (learner / FILE).write_text(texts[-1], encoding="utf-8")
        learners.backup(learner, FILE)
    kept = (learner / ".dlstudy" / "backups" / FILE.removesuffix(".md")).glob("*.md")
    assert sorted(path.read_text(encoding="utf-8") for path in kept) == sorted(texts)


# ---- pages that were damaged, and what killed writers leave ----------------------------------------------------------

CUT = FIRST[: FIRST.index("    ...")]


def test_a_backup_that_finds_no_room_is_not_the_backup_of_the_day(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    learner, lessons = folders
    learners.prepare(learner, lessons)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            learners.backup_of_the_day(learner, FILE)
    folder = learner / ".dlstudy" / "backups" / Path(FILE).stem
    assert list(folder.iterdir()) == []
    kept = learners.backup_of_the_day(learner, FILE)
    assert kept is not None
    assert kept.read_text(encoding="utf-8") == FIRST
    assert learners.backup_of_the_day(learner, FILE) is None
    assert kept.stat().st_mode & 0o077 == 0 or os.name != "posix"


def test_an_empty_page_comes_back_from_its_newest_whole_backup(folders: tuple[Path, Path]) -> None:
    learner, lessons = folders
    learners.prepare(learner, lessons)
    backups = learner / ".dlstudy" / "backups" / Path(FILE).stem
    backups.mkdir(parents=True)
    mine = FIRST.replace("    ...", "    return 3 * x")
    (backups / "2026-11-02_10-00-00.md").write_text(FIRST, encoding="utf-8")
    (backups / "2026-11-02_10-00-01_9.md").write_text("older", encoding="utf-8")
    (backups / "2026-11-02_10-00-01_10.md").write_text(mine, encoding="utf-8")
    (backups / "2026-11-03_10-00-00.md").write_text("", encoding="utf-8")
    (backups / "2026-11-04_10-00-00.md").write_text(CUT, encoding="utf-8")
    (learner / FILE).write_text(" \n", encoding="utf-8")
    assert learners.damaged(learner, lessons) == {FILE: "its backup of 2026-11-02, 10:00:01"}
    done = learners.prepare(learner, lessons)
    assert done.restored == {FILE: "its backup of 2026-11-02, 10:00:01"}
    assert (learner / FILE).read_text(encoding="utf-8") == mine
    assert learners.damaged(learner, lessons) == {}
    assert learners.prepare(learner, lessons).restored == {}


def test_an_empty_page_without_a_backup_is_handed_out_again(folders: tuple[Path, Path]) -> None:
    learner, lessons = folders
    learners.prepare(learner, lessons)
    (learner / FILE).write_text("", encoding="utf-8")
    assert learners.prepare(learner, lessons).restored == {FILE: "the lesson as it is handed out"}
    assert (learner / FILE).read_text(encoding="utf-8") == FIRST


def test_a_page_that_ends_in_the_middle_is_named_and_put_back_when_asked(folders: tuple[Path, Path]) -> None:
    learner, lessons = folders
    learners.prepare(learner, lessons)
    (learner / FILE).write_text(CUT, encoding="utf-8")
    done = learners.prepare(learner, lessons)
    assert (done.cut, done.restored) == ([FILE], {})
    assert (learner / FILE).read_text(encoding="utf-8") == CUT, "perhaps somebody meant it"
    assert learners.restore(learner, FILE, lessons) == "the lesson as it is handed out"
    assert (learner / FILE).read_text(encoding="utf-8") == FIRST
    (kept,) = (learner / ".dlstudy" / "backups" / Path(FILE).stem).iterdir()
    assert kept.read_text(encoding="utf-8") == CUT


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("", False),
        ("Prose.\n", False),
        ("```python\nx = 1\n```\n", False),
        ("```python\nx = 1\n", True),
        ("```python\nx = 1\n``", True),
        ("````md\n```python\nx = 1\n```\n````", False),
        ("````md\n```python\nx = 1\n```", True),
        ("---\ntitle: A\n", True),
        ("---\ntitle: A\n---\n", False),
    ],
)
def test_what_ends_in_the_middle(text: str, cut: bool) -> None:
    assert learners.is_cut(text) is cut


def test_no_lesson_of_the_course_counts_as_cut_until_its_last_fence_is_missing() -> None:
    for lesson in sorted(paths.lessons_folder().glob("*.md")):
        text = lesson.read_text(encoding="utf-8")
        assert not learners.is_cut(text), lesson.name
        end = text.rindex("\n```")
        assert learners.is_cut(text[:end]), lesson.name


def test_what_killed_writers_left_goes_and_what_living_ones_write_stays(folders: tuple[Path, Path]) -> None:
    learner, lessons = folders
    learners.prepare(learner, lessons)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left = [f".{FILE}.{dead.pid}-0badcafe.tmp", f".{FILE}.{dead.pid}.tmp"]
    kept = [f".{FILE}.{os.getpid()}-0badcafe.tmp", f".{FILE}.{os.getppid()}-0badcafe.tmp", "mine.tmp", ".mine.tmp"]
    for name in left + kept:
        (learner / name).write_text("half", encoding="utf-8")
        (learner / ".dlstudy" / name).write_text("half", encoding="utf-8")
    moving = [learner / ".dlstudy" / name for name in ("progress.sqlite.moving", "now.sqlite.moving")]
    for path in moving:
        path.touch()
    os.utime(moving[0], (0, 0))
    learners.prepare(learner, lessons)
    assert [path.exists() for path in moving] == [False, True]
    for folder in (learner, learner / ".dlstudy"):
        there = {path.name for path in folder.iterdir()}
        assert there.isdisjoint(left)
        assert there.issuperset(kept)


def test_writers_of_one_file_at_the_same_time_do_not_meet(folders: tuple[Path, Path]) -> None:
    learner, lessons = folders
    learners.prepare(learner, lessons)
    texts = [f"{number}\n" * 5000 for number in range(12)]
    with ThreadPoolExecutor(12) as threads:
        list(threads.map(lambda text: learners.write(learner / FILE, text), texts))
        list(threads.map(lambda _: learners.reset_lesson(learner, FILE, lessons), texts))
    assert (learner / FILE).read_text(encoding="utf-8") == FIRST
    backups = list((learner / ".dlstudy" / "backups" / Path(FILE).stem).iterdir())
    assert {path.read_text(encoding="utf-8") for path in backups} <= {*texts, FIRST}
    assert len(backups) == 12
    assert not list(learner.rglob("*.tmp"))


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "No space left on device. Make room on that disk."),
        (errno.EROFS, "Read-only file system. Choose another folder: set DLSTUDY_LEARNER to its path."),
    ],
)
def test_a_folder_where_nothing_can_be_written_is_a_sentence(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    learner, lessons = folders

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(learners.NotALearnerFolder, match=f"Cannot write in {learner}: {words}"):
        learners.prepare(learner, lessons)
