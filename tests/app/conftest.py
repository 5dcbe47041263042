"""A real course server in a throwaway folder outside /tmp (the page engine saves nothing there), and a real browser."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from playwright.sync_api import Browser

from tests.leash import new_folder, until
from tests.served import free_port

if TYPE_CHECKING:
    from tests.app.visits import Profile, Visit

CONTENT = Path(__file__).parent / "content"
"""A small course without torch, for what does not depend on the lessons' text."""


@pytest.fixture(scope="session")
def throwaway(leash: None) -> Iterator[Path]:
    """A folder outside /tmp that is gone afterwards; homes and learners' folders are made in it."""
    folder = new_folder("tests")
    yield folder
    shutil.rmtree(folder)


@dataclass
class Course:
    """One learner's course: `start` and `stop` the server as often as wanted, the folder stays."""

    home: Path
    content: Path | None
    process: subprocess.Popen[str] | None = None
    lines: list[str] = field(default_factory=list)
    address: str = ""
    browser: str = ""
    """The command that opens a browser; "" for none."""

    @property
    def learner(self) -> Path:
        return self.home / "dlstudy-learner"

    @property
    def base(self) -> str:
        return self.address.split("/?")[0]

    @property
    def token(self) -> str:
        return self.address.split("access_token=")[1]

    def environment(self) -> dict[str, str]:
        drop = ("DLSTUDY_", "MARIMO_", "XDG_", "PYTEST_")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(drop)}
        own = {"HOME": str(self.home), "USERPROFILE": str(self.home), "PYTHONUNBUFFERED": "1"}
        own |= {"BROWSER": self.browser} if self.browser else {}
        return inherited | own | ({"DLSTUDY_CONTENT": str(self.content)} if self.content else {})

    def choose_port(self) -> None:
        """As if there had been a last time: test runs beside each other must not all go for the first port."""
        state = self.learner / ".dlstudy"
        state.mkdir(parents=True, exist_ok=True)
        (state / "port").write_text(str(free_port()), encoding="ascii")

    def command(self, *arguments: str) -> list[str]:
        return [
            sys.executable,
            "-c",
            "from dlstudy.commands.cli import main; main()",
            "open",
            *([] if self.browser else ["--no-browser"]),
            *arguments,
        ]

    def start(self, *arguments: str) -> Course:
        self.home.mkdir(exist_ok=True)
        if not self.address and not arguments:
            self.choose_port()
        log = self.home / "server.log"
        with log.open("w") as output:
            self.process = subprocess.Popen(
                self.command(*arguments), stdout=output, stderr=subprocess.STDOUT, text=True, env=self.environment()
            )
        process, said = self.process, lambda: re.search(r"http://\S+access_token=\S+", log.read_text())
        until(lambda: said() or process.poll() is not None, "the server says where it is")
        found = said()
        assert found, f"the server did not start:\n{log.read_text()}"
        self.lines, self.address = log.read_text().splitlines(), found[0]
        return self

    def stop(self, wait: float = 20) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(wait)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
        return self.process.returncode

    def client(self, *, logged_in: bool = True) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.token}"} if logged_in else {}
        return httpx.Client(base_url=self.base, headers=headers, timeout=20, trust_env=False)


@pytest.fixture(scope="session")
def new_course(throwaway: Path) -> Iterator[Callable[..., Course]]:
    """Make a course of one's own; whatever is still running at the end is stopped."""
    made: list[Course] = []

    def make(content: Path | None = CONTENT) -> Course:
        made.append(Course(throwaway / f"home{len(made)}", content))
        return made[-1]

    yield make
    for course in made:
        if course.process is not None:
            course.stop()


@pytest.fixture(scope="module")
def course(new_course: Callable[..., Course]) -> Course:
    """A running course of the small lessons, shared by the tests of one file."""
    return new_course().start()


@pytest.fixture(scope="session")
def profiles(browser: Browser) -> Iterator[list[Profile]]:
    """The browser's profiles that no visit uses at the moment."""
    from tests.app.visits import Profile

    free = [Profile(browser)]
    yield free
    for profile in free:
        profile.context.close()


@pytest.fixture
def visit(course: Course, browser: Browser, profiles: list[Profile]) -> Iterator[Callable[..., Visit]]:
    """Make a learner at their browser; in the end no request may have left the machine.

    Learners who come one after the other use one profile, emptied in between; `alone` gives one that is thrown away.
    """
    from tests.app.visits import Profile, Visit

    visits: list[Visit] = []
    own: list[Profile] = []

    def make(of: Course = course, *, alone: bool = False, **look: Any) -> Visit:
        profile = Profile(browser) if alone or not profiles else profiles.pop()
        if alone:
            own.append(profile)
        visits.append(Visit(of, profile, **look))
        return visits[-1]

    yield make
    for each in visits:
        each.end()
        if each.profile in own:
            each.profile.context.close()
        else:
            profiles.append(each.profile)
    for each in visits:
        assert each.complaints.outside == [], "a request left the machine"
