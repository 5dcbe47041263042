"""Notebooks served by the page engine, and views of them in a real browser: what the tests of figures need.

A worker has one engine and one tab for all its figures. Each notebook has one kernel, for as long as its tests take.
Between two tests its cells run again, so each begins with figures as new, without a new page or a new process.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from tests.leash import new_folder, until

SPREAD = ("--dist", "loadfile")
"""How pytest-xdist has to spread the browser tests: those of one file share an engine, a kernel and a page."""

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A page that a test answered itself (to add a policy) counts as a public one, which may not call this machine.
    "--disable-features=LocalNetworkAccessChecks",
    # The pages of one server share a process, and with it what was compiled of the engine's 10 MB of script.
    "--process-per-site",
]

RUN_ALL = "Control+Alt+r"
SETTINGS = """
[tool.marimo.runtime]
auto_instantiate = true

[tool.marimo.display]
theme = "system"

[tool.marimo.keymap.overrides]
"global.runAll" = "Ctrl-Alt-r"
"""
PATIENCE = 60_000  # ms; generous, since nothing here measures speed

STILL = """() => {
    const still = root => root.getAnimations().every(one => one.playState !== "running"
        || one.effect.getComputedTiming().activeDuration === Infinity)
        && [...root.querySelectorAll("*")].every(node => !node.shadowRoot || still(node.shadowRoot));
    return still(document);
}"""
"""Whether no part of the page is on its way from one look to another; what moves for ever does not count."""

MARK_OLD = """() => {
    const mark = root => root.querySelectorAll("*").forEach(node => {
        if (node.matches(".dls-fig, .card")) node.dataset.dlsOld = "";
        if (node.shadowRoot) mark(node.shadowRoot);
    });
    mark(document);
}"""
"""Mark every figure and card, in shadow roots too."""


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def engine(folder: Path, *options: str, environment: dict[str, str] | None = None) -> Iterator[str]:
    """Let the page engine serve a folder; its address, once it answers."""
    (folder / "pyproject.toml").write_text(SETTINGS, encoding="utf-8")
    port = free_port()
    command = [sys.executable, "-m", "marimo", "edit", str(folder), "--headless", "--no-token", "--skip-update-check",
               "--no-skew-protection", "--host", "127.0.0.1", "--port", str(port), *options]  # fmt: skip
    address, log = f"http://127.0.0.1:{port}", folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output)
    try:
        until(lambda: process.poll() is not None or answers(address + "/health"), "the page engine answers")
        assert process.poll() is None, log.read_text(encoding="utf-8")
        yield address
    finally:
        process.terminate()
        process.wait(20)


def answers(address: str) -> bool:
    """Whether somebody answers there already."""
    try:
        urllib.request.urlopen(address, timeout=1).read()
    except OSError:
        return False
    return True


@dataclass
class Complaints:
    """What went wrong in pages under test: addresses outside `own`, errors of scripts, refusals of the policy."""

    own: tuple[str, ...]
    outside: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, address: str) -> Complaints:
        """For pages that may call `address` and nobody else."""
        return cls((address, address.replace("http", "ws", 1), "data:", "blob:", "about:"))

    def watch(self, page: Any) -> None:
        """Listen to a page from now on."""
        page.on("request", lambda request: self.called(request.url))
        page.on("websocket", lambda socket: self.called(socket.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def called(self, url: str) -> None:
        """A page has asked for `url`."""
        if not url.startswith(self.own):
            self.outside.append(url)

    def assert_none(self) -> None:
        """No request has left the machine, and no script has failed."""
        outside, errors = list(self.outside), list(self.errors)
        self.outside.clear()
        self.errors.clear()
        assert outside == [], "a request left the machine"
        assert errors == [], "a script failed"


class Figures:
    """All notebooks with figures of a worker: one engine, one tab that goes from one notebook to the next."""

    def __init__(self, browser: Any, folder: Path, address: str) -> None:
        self.folder, self.address = folder, address
        self.complaints = Complaints.of(address)
        self.context = browser.new_context()
        self.page = self.context.new_page()
        self.complaints.watch(self.page)
        self.shown = ""  # the notebook in the tab; "" where there is none, or a test has failed on it

    def show(self, name: str, notebook: str, ready: tuple[str, ...]) -> Any:
        """The tab with this notebook, its figures as new, once all of `ready` (selectors) are there."""
        if self.shown == name:
            self.renew()
        else:
            self.open(name, notebook)
        for selector in ready:
            self.page.wait_for_selector(selector, timeout=PATIENCE)
        return self.page

    def open(self, name: str, notebook: str) -> None:
        """Go to a notebook that is not open yet; the kernels of the others end."""
        self.end_kernels()
        (self.folder / f"{name}.py").write_text(notebook, encoding="utf-8")
        self.page.goto(f"{self.address}/?file={name}.py")
        self.shown = name

    def renew(self) -> None:
        """Run all cells again, as if nobody had touched the page: no pointer over it, no focus, at its top."""
        self.page.mouse.up()
        self.page.mouse.move(0, 0)
        self.page.evaluate("() => { document.activeElement?.blur(); window.scrollTo(0, 0); }")
        self.page.evaluate(MARK_OLD)
        self.page.keyboard.press(RUN_ALL)
        self.page.locator("[data-dls-old]").first.wait_for(state="detached", timeout=PATIENCE)

    def look(self, width: int, height: int, color_scheme: str = "light", reduced_motion: str = "no-preference") -> None:
        """Give the tab a size, a theme, and a wish about motion."""
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.emulate_media(color_scheme=color_scheme, reduced_motion=reduced_motion)

    def end_kernels(self) -> None:
        """End every kernel of the engine; the tab leaves first, for it would ask for its own again."""
        self.page.goto("about:blank")
        with httpx.Client(base_url=self.address, trust_env=False, timeout=20) as client:
            for one in client.post("/api/home/running_notebooks", json={}).raise_for_status().json()["files"]:
                client.post("/api/home/shutdown_session", json={"sessionId": one["sessionId"]}).raise_for_status()


@contextmanager
def figures_of_a_worker(browser: Any) -> Iterator[Figures]:
    """The engine, while its folder and the browser last."""
    expect.set_options(timeout=PATIENCE)
    folder = new_folder("figures")
    try:
        with engine(folder) as address:
            made = Figures(browser, folder, address)
            yield made
            made.context.close()
    finally:
        shutil.rmtree(folder)


def figure_page(notebook: str, *ready: str) -> Any:
    """Make the fixture `open_page` of a test file: `open_page(width, height, color_scheme=…, reduced_motion=…)`.

    The page shows `notebook`, its figures as new, once all of `ready` (selectors) are there. In the end no request may
    have left the machine, and no script may have failed.
    """

    @pytest.fixture
    def open_page(figures: Figures, request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
        failures = request.session.testsfailed

        def opened(width: int = 1100, height: int = 1400, **look: str) -> Any:
            figures.look(width, height, **look)
            return figures.show(request.path.stem, notebook, ready)

        yield opened
        if request.session.testsfailed > failures:
            figures.shown = ""  # who knows what it has left in the page: the next test gets a new one
        figures.complaints.assert_none()

    return open_page


def at_rest(page: Any, look: str, times: int = 5, timeout: float = PATIENCE) -> None:
    """Wait until `look`, a function of the page's, has found the same a few times running: nothing moves any more."""
    looked = f"""() => {{
        const found = JSON.stringify(({look})());
        const same = window.dlsFound === found ? window.dlsSame + 1 : 0;
        [window.dlsFound, window.dlsSame] = [found, same];
        return same >= {times};
    }}"""
    page.wait_for_function(looked, polling=100, timeout=timeout)


def assert_accessible(page: Any) -> None:
    """The figures keep the accessibility rules; the page engine's own parts are not ours to judge."""
    from axe_playwright_python.sync_playwright import Axe

    page.wait_for_function(STILL)
    found = Axe().run(page, context={"include": [["marimo-anywidget"]]})
    ours = [(one["id"], [node["html"][:120] for node in one["nodes"][:3]]) for one in found.response["violations"]]
    assert ours == []


def assert_nothing_sticks_out(page: Any, *figures: str, parts: str = "> *") -> None:
    """No part of a figure reaches beyond its right edge."""
    for selector in figures:
        figure = page.locator(selector)
        outer = figure.bounding_box()
        for part in figure.locator(parts).all():
            box = part.bounding_box()
            if box:
                assert box["x"] + box["width"] <= outer["x"] + outer["width"] + 1, part
