"""The save of a page, from the page engine's manager to the disk, ended and failed at each of its steps.

Each try is a process of its own, forked where everything is imported: it may be killed like a server.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import stat
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import pytest

from dlstudy.app import saving
from dlstudy.course import engine
from dlstudy.course.content import paths
from dlstudy.course.learner import atomic, folder
from tests.app.conftest import CONTENT
from tests.app.visits import LESSON

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")

OLD = (CONTENT / "lessons" / LESSON).read_text(encoding="utf-8")
ANSWER = "return 3 * x  # what was typed"
NEW = engine.saved_text(OLD.replace("    ...", f"    {ANSWER}"), LESSON)
OURS = {module.__file__ for module in (saving, engine, atomic, folder)}


def manager(file: Path) -> Any:
    """The page engine's own, as a session of an open page has it."""
    from marimo._session.notebook.file_manager import AppFileManager

    return AppFileManager(file)


def save(made: Any, file: Path, text: str = ANSWER) -> None:
    """Save the page as the route of the autosave does."""
    from marimo._server.models.models import SaveNotebookRequest

    cells = list(made.app.cell_manager.cell_data())
    made.save(
        SaveNotebookRequest(
            cell_ids=[cell.cell_id for cell in cells],
            codes=[f"def scale(x):\n    {text}" if cell.name == "exercise_scale" else cell.code for cell in cells],
            names=[cell.name for cell in cells],
            configs=[cell.config for cell in cells],
            filename=str(file),
        )
    )


def at_step(number: int, act: Callable[[], None], files: set[str | None]) -> None:
    """Do something before the line that comes as this `number` of those that run in `files`."""
    left = number

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal left
        code = frame.f_code
        if event == "line" and (code.co_filename in files or code.co_name in ("write_text", "copyfile")):
            left -= 1
            if left == 0:
                act()
        return trace

    sys.settrace(trace)


def forked(work: Callable[[], None]) -> int:
    """Do something in a process of its own; return its exit code, or the negative number of what ended it."""
    child = os.fork()
    if not child:
        try:
            work()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def fresh(file: Path) -> None:
    """A page as it is before the day's first change."""
    shutil.rmtree(paths.state_folder(file.parent), ignore_errors=True)
    file.write_text(OLD, encoding="utf-8")


def leftovers(file: Path) -> list[str]:
    return [path.name for path in file.parent.iterdir() if path.name != LESSON and path.name != ".dlstudy"]


def kills(file: Path) -> None:
    """Kill a save before each of its lines: the page is the old or the new one, and what is left over goes."""
    found: list[str] = []
    code = -int(signal.SIGKILL)
    while code:
        fresh(file)
        code = forked(partial(_killed_at, file, len(found) + 1))
        assert code in (0, -signal.SIGKILL)
        found.append(file.read_text(encoding="utf-8"))
        assert found[-1] in (OLD, NEW), f"killed at step {len(found)}: {len(found[-1])} characters"
        for backup in file.parent.glob(".dlstudy/backups/*/*.md"):
            assert backup.read_text(encoding="utf-8") == OLD, f"a half backup, killed at step {len(found)}"
        atomic.sweep(file.parent)
        assert leftovers(file) == []
    assert found[-1] == NEW
    assert OLD in found
    assert NEW in found[:-1]
    print(f"killed at {len(found) - 1} steps")


def _killed_at(file: Path, step: int) -> None:
    from marimo._session.notebook import file_manager, storage

    made = manager(file)
    at_step(step, lambda: os.kill(os.getpid(), signal.SIGKILL), {*OURS, file_manager.__file__, storage.__file__})
    save(made, file)


def faults(file: Path) -> None:
    """Let each line of the writer fail as on a full disk: saved is said of nothing but the new text on the disk."""
    told = step = 0
    while True:
        fresh(file)
        step += 1
        code = forked(partial(_full_at, file, step))
        assert code in (SAVED, TOLD, NO_SUCH_STEP), f"step {step}"
        atomic.sweep(file.parent)
        assert leftovers(file) == []
        told += code == TOLD
        if code == NO_SUCH_STEP:
            break
    assert told > 10
    print(f"failed at {step - 1} steps, {told} of them were told")


SAVED, TOLD, NO_SUCH_STEP = 0, 10, 11


def _full_at(file: Path, step: int) -> None:
    from marimo._utils.http import HTTPException

    reached = failed = False

    def full() -> NoReturn:
        nonlocal reached
        reached = True
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    made, words = manager(file), ""
    at_step(step, full, {saving.__file__, atomic.__file__, folder.__file__})
    try:
        save(made, file)
    except HTTPException as error:
        failed, words = True, str(error.detail)
    sys.settrace(None)
    assert words == ("No space left on device." if failed else "")
    assert file.read_text(encoding="utf-8") in ((OLD, NEW) if failed else (NEW,))
    assert engine.last_saving(file) == engine.Saving("failed" if failed else "saved", words)
    save(made, file)  # once there is room again
    assert file.read_text(encoding="utf-8") == NEW
    os._exit(TOLD if failed else SAVED if reached else NO_SUCH_STEP)


def room(file: Path) -> None:
    """Let a disk have room for a part of the page only, as it fills and is emptied again."""
    for size in (0, 1, 100, len(OLD) // 2, len(OLD) - 1, len(OLD) + 10_000):
        fresh(file)
        assert forked(partial(_with_room, file, size)) == 0, size


def _with_room(file: Path, size: int) -> None:
    import resource

    most = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    longer = f"return 3 * x  # {'longer ' * 3000}"
    made = manager(file)
    save(made, file, "return 2 * x")
    good = file.read_text(encoding="utf-8")
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    for text in (longer, "return 4 * x" + longer):
        assert refused(made, file, text) == "File too large."
        assert file.read_text(encoding="utf-8") == good
        assert leftovers(file) == []
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    save(made, file, "return 2 * x")  # taken back to what was saved last
    assert file.read_text(encoding="utf-8") == good
    save(made, file)
    assert file.read_text(encoding="utf-8") == NEW


@pytest.mark.slow
@pytest.mark.parametrize("what", ["kills", "faults", "room"])
def test_a_save_that_is_ended_or_fails_at_any_step_leaves_a_whole_page_and_says_what_is_so(
    tmp_path: Path, what: str
) -> None:
    """In a process that has one thread, so that it can be forked."""
    code = (
        "import pathlib, sys; from tests.app import test_saving as t; from dlstudy.course import engine;"
        "engine.save_safely(t.saving.write_page); getattr(t, sys.argv[1])(pathlib.Path(sys.argv[2]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, what, str(tmp_path / LESSON)],
        env={**os.environ, paths.LEARNER_VARIABLE: str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""


# ---- what is not saved, and why -------------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A page whose saves go through the course."""
    from marimo._session.notebook.file_manager import AppFileManager
    from marimo._session.notebook.storage import FilesystemStorage

    for owner, name in ((AppFileManager, "_load_app"), (AppFileManager, "_save_file"), (FilesystemStorage, "write")):
        monkeypatch.setattr(owner, name, getattr(owner, name))  # put back afterwards
    monkeypatch.setenv(paths.LEARNER_VARIABLE, str(tmp_path))
    engine.save_safely(saving.write_page)
    (tmp_path / LESSON).write_text(OLD, encoding="utf-8")
    return tmp_path / LESSON


def body(file: Path) -> str:
    """What stands below the first lines: of a file that is no more, the page engine cannot take those over."""
    return file.read_text(encoding="utf-8").split("\n---\n", 1)[1]


BODY = NEW.split("\n---\n", 1)[1]


def refused(made: Any, file: Path, text: str = ANSWER) -> str:
    from marimo._utils.http import HTTPException

    with pytest.raises(HTTPException) as error:
        save(made, file, text)
    return str(error.value.detail)


def test_a_page_that_another_program_changes_is_not_written_until_somebody_has_chosen(file: Path) -> None:
    made = manager(file)
    save(made, file)
    for theirs in (NEW + "\n\ntheirs", NEW[: len(NEW) // 2], ""):
        file.write_text(theirs, encoding="utf-8")
        for text in (ANSWER, "return 4 * x"):  # also where the text is that of the last save
            assert refused(made, file, text) == "Another program has changed this page's file."
            assert file.read_text(encoding="utf-8") == theirs
        assert engine.last_saving(file) == engine.Saving("changed", "Another program has changed this page's file.")
        made.dls_seen = theirs  # as `engine.take_over_file` does
        save(made, file)
        assert body(file) == BODY
        assert engine.last_saving(file) == engine.Saving("saved")


def test_a_page_that_was_changed_before_its_first_save_is_not_overwritten_either(file: Path) -> None:
    made = manager(file)
    file.write_text(OLD + "\n\ntheirs", encoding="utf-8")
    assert "changed" in refused(made, file)
    assert file.read_text(encoding="utf-8") == OLD + "\n\ntheirs"


def test_a_page_that_was_removed_is_written_again(file: Path) -> None:
    made = manager(file)
    save(made, file)
    file.unlink()
    save(made, file)
    assert body(file) == BODY


def test_what_cannot_be_written_is_said_in_the_systems_words(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = manager(file)

    def forbidden(*_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", forbidden)
        assert refused(made, file) == "Permission denied."
    assert engine.last_saving(file) == engine.Saving("failed", "Permission denied.")
    assert file.read_text(encoding="utf-8") == OLD
    assert leftovers(file) == []


def test_the_first_save_of_a_day_makes_a_backup_and_no_other_does(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = manager(file)
    for text in ("return 2 * x", "return 3 * x", ANSWER):
        save(made, file, text)
    (kept,) = file.parent.glob(".dlstudy/backups/*/*.md")
    assert kept.read_text(encoding="utf-8") == OLD
    kept.rename(kept.with_name("2020-01-01_10-00-00.md"))  # that was yesterday
    save(made, file, "return 5 * x")
    assert sorted(path.read_text(encoding="utf-8") for path in kept.parent.iterdir()) == sorted([OLD, NEW])


def test_mode_and_link_of_a_page_stay(file: Path) -> None:
    elsewhere = file.parent / "elsewhere"
    elsewhere.mkdir()
    target = elsewhere / LESSON
    file.rename(target)
    file.symlink_to(target)
    target.chmod(0o640)
    save(manager(file), file)
    assert file.is_symlink()
    assert target.read_text(encoding="utf-8") == NEW
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert [path.name for path in elsewhere.iterdir()] == [LESSON]
