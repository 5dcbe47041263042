"""Checking again after every save: what counts as a save, and that Ctrl-C ends it quietly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dlstudy.commands import answercheck
from dlstudy.course.content import paths
from dlstudy.course.learner.progress import Progress
from tests.commands.test_cli import content, dlstudy  # noqa: F401 - the fixture

HOME = (1, 10)


def looks(*seen: tuple[tuple[int, int] | None, ...]) -> int:
    """Count the saves that are noticed while the files look like this, one look after the other."""
    script = iter(seen)

    class Over(Exception):
        pass

    def look(paths: list[Path]) -> answercheck.Stamp:
        try:
            return next(script)
        except StopIteration:
            raise Over from None

    found = 0
    try:
        for _ in answercheck.saved([Path("a"), Path("b")], look=look, sleep=lambda seconds: None):
            found += 1
    except Over:
        pass
    return found


def test_a_save_counts_once_and_when_the_file_is_at_rest() -> None:
    before, half, after = (HOME, None), ((2, 0), None), ((3, 12), None)
    assert looks(before, before, before) == 0
    assert looks(before, half, after, after, after) == 1
    assert looks(before, half, after) == 0, "still being written"
    assert looks(before, after, after, before, before) == 2


def test_a_file_that_is_replaced_by_a_rename_is_one_save_and_a_deleted_one_is_none() -> None:
    before, away, after = (HOME, (5, 5)), (None, (5, 5)), ((2, 11), (5, 5))
    assert looks(before, away, away, away, before, before) == 0
    assert looks(before, away, away, after, after) == 1
    assert looks(before, (None, None), (None, None), (None, None)) == 0


def test_a_file_that_appears_counts() -> None:
    assert looks((None, None), (HOME, None), (HOME, None)) == 1


def test_each_new_text_is_checked_and_recorded_once(content: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    own = paths.answer_file(1, "double")
    texts = [
        "def double(x):\n    return x**2\n",
        "def double(x):\n    return x**2\n",
        "def double(x):\n    return x + x\n",
    ]

    def saves(places: list[Path]) -> Iterator[None]:
        assert own in places
        for text in texts:
            own.write_text(text, encoding="utf-8")
            yield
        own.write_bytes(b"\xff")
        yield
        raise KeyboardInterrupt

    monkeypatch.setattr(answercheck, "saved", saves)
    text = dlstudy("check", "01/double", "--watch").output
    assert text.index("Made a file") < text.index("Not done yet") < text.index("Is that not the square?")
    assert text.count("Is that not the square?") == 1, "the same text again is not checked again"
    assert "✓ Right." in text
    assert "not UTF-8" in text
    assert "Traceback" not in text
    with Progress(paths.progress_file()) as progress:
        assert [attempt.passed for attempt in progress.attempts("01/double")] == [False, True]


def test_one_exercise_is_watched_and_no_other_number(content: Path) -> None:  # noqa: F811
    assert "Which exercise of lesson 01? Name one: 01/double" in dlstudy("check", "01", "--watch", expect=2).output


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C reaches another process differently there")
def test_a_real_save_is_noticed_and_ctrl_c_ends_it_quietly(content: Path) -> None:  # noqa: F811
    # Under nohup, or behind an "&", these tests inherit that Ctrl-C is ignored; at a learner's terminal it is not.
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "sys.argv = ['dlstudy', 'check', '01/double', '--watch']\nfrom dlstudy.commands.cli import main\nmain()"
    )
    environment = {**os.environ, paths.CONTENT_VARIABLE: str(content), "PYTHONUNBUFFERED": "1"}
    log = content / "log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdout=out, stderr=subprocess.STDOUT, env=environment, start_new_session=True
        )
    try:
        _until(log, "Save the file")
        own = paths.answer_file(1, "double")
        neighbour = own.with_suffix(".tmp")
        neighbour.write_text("def double(x):\n    return x + x\n", encoding="utf-8")
        os.replace(neighbour, own)
        _until(log, "Right.")
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(20) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    assert "Traceback" not in log.read_text()
    assert "Aborted" not in log.read_text()


def _until(log: Path, words: str) -> None:
    deadline = time.monotonic() + 60
    while words not in log.read_text():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
