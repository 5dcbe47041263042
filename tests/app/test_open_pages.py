"""Open pages: what counts as use, when an idle one is closed, and that its text is saved first."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dlstudy.app import open_pages
from dlstudy.app.routing import BadRequest, CourseRequest
from dlstudy.course import engine
from dlstudy.course.content import catalogue
from dlstudy.course.engine import OpenPage, Saving
from dlstudy.course.learner.progress import Progress

HOUR = 3600.0


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """In a thread: a browser test that went before in this process has left its event loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


class Server:
    """Stands for the page engine: pages that are open, and what was done to them, in order."""

    def __init__(self) -> None:
        self.open = {"s1": "01_A.md", "s2": "Glossary.md"}
        self.running: set[str] = set()
        self.done: list[tuple[str, str]] = []
        self.save_fails = False


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    def pages(server: Server) -> list[OpenPage]:
        return [OpenPage(key, Path("/x") / file, 1, key in server.running, True) for key, file in server.open.items()]

    def save(server: Server, session: str) -> Saving:
        server.done.append(("save", session))
        return Saving("failed", "No space left on device.") if server.save_fails else Saving("saved")

    def close(server: Server, session: str) -> bool:
        server.done.append(("close", session))
        return server.open.pop(session, None) is not None

    monkeypatch.setattr(engine, "open_pages", pages)
    monkeypatch.setattr(engine, "save_page", save)
    monkeypatch.setattr(engine, "close_page", close)
    return Server()


@pytest.fixture
def looked_after(tmp_path: Path):
    clock = SimpleNamespace(now=1000.0)
    with Progress(tmp_path / "progress.sqlite") as progress:
        course = SimpleNamespace(
            base="",
            progress=progress,
            catalogue=catalogue.load(),
            has_page=lambda file: file.endswith(".md"),
            closed=set(),
        )
        made = open_pages.OpenPages(course, clock=lambda: clock.now)  # type: ignore[arg-type]
        made.clock = clock  # type: ignore[attr-defined]
        yield made


def asking(looked_after, server: Server, fields: dict[str, Any]) -> CourseRequest:
    """A request to a server, with these fields."""
    scope = {"type": "http", "app": server, "headers": []}
    request = CourseRequest(scope, None, looked_after.course, None)  # type: ignore[arg-type]
    request.fields = fields
    return request


def idle(looked_after, server: Server) -> list[str]:
    return run(looked_after.close_idle(server))


def test_a_page_that_nobody_uses_is_saved_and_closed_after_the_limit(looked_after, server: Server) -> None:
    assert idle(looked_after, server) == [], "what is seen for the first time is in use"
    looked_after.clock.now += 4 * HOUR - 1
    assert idle(looked_after, server) == []
    looked_after.touch("s2")
    looked_after.clock.now += 2
    assert idle(looked_after, server) == ["01_A.md"]
    assert server.done == [("save", "s1"), ("close", "s1")]
    looked_after.clock.now += 4 * HOUR
    assert idle(looked_after, server) == ["Glossary.md"]


def test_a_page_in_use_by_its_file_or_by_what_runs_stays(looked_after, server: Server) -> None:
    idle(looked_after, server)
    server.running.add("s1")
    for _ in range(5):
        looked_after.clock.now += 3 * HOUR
        looked_after.touch("Glossary.md")
        assert idle(looked_after, server) == []
    server.running.clear()
    looked_after.clock.now += 3.9 * HOUR
    assert idle(looked_after, server) == [], "the pause begins when the run ends"
    looked_after.clock.now += 0.2 * HOUR
    assert idle(looked_after, server) == ["01_A.md", "Glossary.md"]


def test_the_limit_is_the_learners(looked_after, server: Server) -> None:
    idle(looked_after, server)
    run(looked_after.idle(asking(looked_after, server, {"hours": "never"})))
    looked_after.clock.now += 1000 * HOUR
    assert idle(looked_after, server) == []
    run(looked_after.idle(asking(looked_after, server, {"hours": "1"})))
    assert idle(looked_after, server) == ["01_A.md", "Glossary.md"]
    for hours in ("0", "", None, "a day"):
        with pytest.raises(BadRequest, match="Expected one of"):
            run(looked_after.idle(asking(looked_after, server, {"hours": hours})))
    looked_after.course.progress.choose(open_pages.SETTING, "nonsense")
    assert looked_after.limit == 4 * HOUR


def test_closing_names_the_page_and_saves_first(looked_after, server: Server) -> None:
    assert run(looked_after.close(asking(looked_after, server, {"file": "01_A.md"}))) == {"closed": 1}
    assert server.done == [("save", "s1"), ("close", "s1")]
    assert looked_after.course.closed == {"01_A.md"}
    assert run(looked_after.close(asking(looked_after, server, {"file": "01_A.md"}))) == {"closed": 0}
    with pytest.raises(BadRequest, match="no page"):
        run(looked_after.close(asking(looked_after, server, {"file": "../secrets"})))


def test_a_page_whose_text_cannot_be_saved_stays_open(looked_after, server: Server) -> None:
    server.save_fails = True
    with pytest.raises(BadRequest, match=r"01_A.md stays open, since it could not be saved. No space left on device."):
        run(looked_after.close(asking(looked_after, server, {"file": "01_A.md"})))
    idle(looked_after, server)
    looked_after.clock.now += 5 * HOUR
    assert idle(looked_after, server) == []
    assert set(server.open) == {"s1", "s2"}
    assert looked_after.course.closed == set()


def test_what_a_process_holds_grows_with_what_it_holds() -> None:
    """A child that takes 200 MB is counted, and libraries that everybody shares are not counted again and again."""
    code = "import sys; held = bytearray(200_000_000); print('ready', flush=True); sys.stdin.read()"
    before = open_pages._memory(os.getpid())
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        with_child, alone = open_pages._memory(os.getpid()), open_pages._memory(child.pid)
        assert child.stdin is not None
        child.stdin.close()
    assert before is not None
    assert with_child is not None
    assert alone is not None
    assert 200e6 < alone < 300e6
    assert with_child - before > 190e6


def test_a_gone_process_has_no_memory() -> None:
    assert open_pages._memory(None) is None
    assert open_pages._memory(2**22 - 7) is None
