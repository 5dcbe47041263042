"""Ways in that are shut, tried on the real server: kernels by a link, the process list, files that others can read."""

from __future__ import annotations

import contextlib
import html
import http.client
import os
import re
import stat
import subprocess
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from dlstudy.app import server
from tests.app import gates
from tests.app.conftest import Course
from tests.app.gates import LESSON
from tests.app.test_server import socket_url
from tests.leash import until
from tests.served import free_port

# ---- nobody starts a kernel but a page ------------------------------------------------------------------------------


def kernels(course: Course) -> int:
    """How many kernels the server has: processes, for marimo's list of pages does not know all of them."""
    assert course.process is not None
    family = psutil.Process(course.process.pid).children()
    return sum("multiprocessing.spawn" in " ".join(one.cmdline()) for one in family if one.status() != "zombie")


def page_open(course: Course, session: str, **query: str) -> Any:
    return connect(socket_url(course, session_id=session, **query), origin=course.base, proxy=None)


PATHS = ("/sse", "/ws", "/ws_sync", "/SSE", "//sse", "/sse/", "/", f"/{LESSON}", "/lsp/pylsp/")


def test_nothing_starts_a_kernel_but_a_pages_own_websocket(new_course: Callable[..., Course]) -> None:
    """As a hostile page would try with the learner's cookie; each kernel is a process of 40 MB."""
    course = new_course().start()
    learner = course.learner
    (learner / "sub").mkdir()
    names = ("sub/in.md", ".hidden.md", ".dlstudy/b.md", "own.py", "__new__s_1", "__new__", "linked.md")
    for name in names[:4]:
        (learner / name).write_text((learner / LESSON).read_text(encoding="utf-8"), encoding="utf-8")
    if os.name == "posix":
        (learner / "linked.md").symlink_to(learner / LESSON)
    tried = 0
    with course.client(logged_in=False) as client:
        assert client.get(f"/?access_token={course.token}").status_code == 303
        ways = product(
            (LESSON, "sub/in.md", "__new__s_1"), PATHS, ("same-site", "cross-site", "none"), ("document", "image")
        )
        for file, path, site, dest in ways:
            mode = "navigate" if dest == "document" else "no-cors"
            asked = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest}
            found = client.get(path, params={"session_id": "s_x", "file": file}, headers=asked)
            assert found.status_code < 500
            tried += 1
        cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    assert cookie
    for file in names:
        with pytest.raises(InvalidStatus), page_open(course, "s_x", file=file):
            pass
    for origin in (None, "null", "http://127.0.0.1:1", "http://evil.example"):
        url = socket_url(course, access_token="")
        headers = {"Cookie": cookie}
        with pytest.raises(InvalidStatus), connect(url, origin=origin, proxy=None, additional_headers=headers):
            pass
    assert tried > 150
    assert kernels(course) == 0
    with contextlib.ExitStack() as tabs:
        for number in range(4):  # one page has one kernel, however many tabs ask for it
            tab = tabs.enter_context(page_open(course, f"s_{number}"))
            tab.recv(timeout=20)
        assert kernels(course) == 1
    course.stop()


# ---- the browser that is opened -------------------------------------------------------------------------------------

BROWSER = """#!/bin/sh
{ echo "$@"; tr '\\\\0' ' ' < /proc/$$/cmdline; echo; } >> "$HOME/seen"
case "$1" in file://*) cp -p "${1#file://}" "$HOME/page";; esac
"""


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs Linux's list of processes")
def test_a_browser_is_opened_with_nothing_that_lets_another_user_in(new_course: Callable[..., Course]) -> None:
    course = new_course()
    course.home.mkdir()
    script = course.home / "browser.sh"
    script.write_text(BROWSER, encoding="utf-8")
    script.chmod(0o755)
    course.browser = f"{script} %s"
    for round_ in range(2):  # as it starts, and for a course that runs already
        if round_ == 0:
            course.start("--port", str(free_port()), "01#strides")
        else:
            (course.home / "page").unlink()
            again = course.command("01#strides")
            subprocess.run(again, env=course.environment(), capture_output=True, timeout=60, check=True)
        until((course.home / "page").exists, "the browser has been opened")
        page = course.home / "page"
        seen = (course.home / "seen").read_text(encoding="utf-8")
        assert course.token not in seen
        assert "code=" not in seen
        assert stat.S_IMODE(page.stat().st_mode) == 0o600
        (target,) = set(re.findall(r'(http://[^"]+)"', page.read_text(encoding="utf-8")))
        assert course.token not in target
        address = html.unescape(target)
        with httpx.Client(trust_env=False) as browser, httpx.Client(trust_env=False) as other:
            entered = browser.get(address)
            assert f'content="0;url=/?file={LESSON}#strides"' in entered.text
            assert browser.get(f"{course.base}/api/progress").status_code == 200
            assert browser.get(address).status_code == 303, "who is in already is led on, as by a link"
            refused = other.get(address)
            assert (refused.status_code, "once" in refused.text) == (403, True)
            assert other.get(f"{course.base}/api/progress").status_code == 401
        assert list(course.learner.glob("open-the-course*")) == [], "the file is gone with the code"
    course.stop()


class Relay(BaseHTTPRequestHandler):
    """A program on the port of last time that passes every question on to the course, and its answers back."""

    port = 0
    seen: list[str] = []  # noqa: RUF012 - read by the test

    def do_GET(self) -> None:
        self.seen.append(self.path + str(self.headers))
        there = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        there.request("GET", self.path, headers={"Host": f"127.0.0.1:{self.port}"})
        answer = there.getresponse()
        self.send_response(answer.status)
        self.end_headers()
        self.wfile.write(answer.read())
        there.close()

    def log_message(self, *arguments: object) -> None:
        pass


def test_a_program_that_passes_the_launchers_question_on_is_not_shown_the_token(course: Course) -> None:
    Relay.port = int(course.base.rsplit(":", 1)[1])
    relay = ThreadingHTTPServer(("127.0.0.1", 0), Relay)
    threading.Thread(target=relay.serve_forever, daemon=True).start()
    try:
        keys = server.load_secrets(course.learner)
        assert server._already_running(Relay.port, keys, "") == Relay.port, "the course itself is known"
        assert server._already_running(relay.server_address[1], keys, "") is None
        assert len(Relay.seen) == 1
        assert keys.token not in "".join(Relay.seen)
    finally:
        relay.shutdown()
        relay.server_close()


def test_a_course_that_runs_since_before_its_update_is_named(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers in the old way, and is shown nothing; a second server beside it would overwrite its pages."""
    keys, port = server.load_secrets(course.learner), int(course.base.rsplit(":", 1)[1])
    monkeypatch.setattr(server.guard, "hello", lambda *_: "")
    monkeypatch.setattr(server.guard, "older_hello", lambda nonce, secret: _asked(port, nonce))
    with pytest.raises(server.CannotStart, match=f"before its update, on port {port}"):
        server._already_running(port, keys, "")


def _asked(port: int, nonce: str) -> str:
    return str(httpx.get(f"http://127.0.0.1:{port}/api/course/hello?nonce={nonce}", trust_env=False).json()["course"])


# ---- what others can read -------------------------------------------------------------------------------------------


def others_may_read(folder: Path) -> list[Path]:
    """What in a folder, itself included, has rights for others than its owner; links have none of their own."""
    everything = [path for path in (folder, *folder.rglob("*")) if not path.is_symlink()]
    return [path for path in everything if path.stat().st_mode & 0o077]


@pytest.mark.skipif(os.name != "posix", reason="rights as POSIX knows them")
def test_what_the_course_keeps_is_its_owners_from_the_next_start_on(new_course: Callable[..., Course]) -> None:
    course = new_course()
    state = course.learner / ".dlstudy"
    course.choose_port()
    old = [state / name for name in ("token", "backups/01_Tensors/1.md", "progress.sqlite", "cache/experiments/a.json")]
    for path in old:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("", encoding="utf-8")
        path.chmod(0o644)
        path.parent.chmod(0o755)
    outside = course.home / "outside"
    outside.write_text("", encoding="utf-8")
    outside.chmod(0o644)
    (state / "link").symlink_to(outside)
    course.start()
    assert others_may_read(state) == []
    with course.client() as client:
        client.put("/api/course/note", json={"page": LESSON, "text": "mine"}).raise_for_status()
        client.put("/api/course/reset", json={"lesson": "01"}).raise_for_status()
    made = [*state.glob("progress.sqlite*"), *(state / "backups").rglob("*.md")]
    assert len(made) >= 4, "with what SQLite makes beside the file, and the new backup"
    assert set(others_may_read(state)).isdisjoint(made)
    assert stat.S_IMODE(state.stat().st_mode) == 0o700, "which alone keeps everybody out of all that is in it"
    course.stop()
    assert stat.S_IMODE(outside.stat().st_mode) == 0o644, "what a link leads to is left alone"


# ---- every route of the real server ---------------------------------------------------------------------------------


def ask(wire: http.client.HTTPConnection, method: str, path: str, token: str) -> tuple[int, str]:
    """Send a request as it is written; return its status, 0 for none, and where the answer leads."""
    for _ in range(2):  # after what it does not take for HTTP, the server closes the connection
        try:
            wire.putrequest(method, path, skip_accept_encoding=True)
            if token:
                wire.putheader("Authorization", f"Bearer {token}".encode("latin-1"))
            wire.putheader("Content-Length", "0")
            wire.endheaders()
            answer = wire.getresponse()
            answer.read()
        except (http.client.HTTPException, OSError):
            wire.close()
        else:
            return answer.status, answer.headers.get("Location") or ""
    return 0, ""


@pytest.mark.slow
def test_no_route_of_the_real_server_fails_in_any_form_or_starts_a_kernel(new_course: Callable[..., Course]) -> None:
    """With and without a login, each path with each method, and in odd forms, written to the wire as they are."""
    course = new_course().start()
    port = int(course.base.rsplit(":", 1)[1])
    every = gates.OPEN | gates.REFUSED | gates.IN_PART | gates.OWN | gates.PUBLIC
    methods = [method for method in gates.METHODS if method != "CONNECT"]  # the server's own HTTP refuses that one
    forms = [(path, method) for path in gates.paths(every, "WEBSOCKET") for method in methods]
    forms += [(form, "GET") for path in gates.paths(every) for form in gates.odd_forms(path)]
    failed, tried = [], 0
    # A virtual file that no kernel holds breaks off inside marimo: only who is logged in sees that.
    forms = [(path, method) for path, method in forms if not path.startswith("/@file")]
    public = {gates.example(route) for _, route in gates.PUBLIC}
    for token in ("", course.token, "caf\xe9"):
        wire = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        for path, method in forms:
            status, location = ask(wire, method, path, token)
            tried += 1
            if not 200 <= status < 500 or "evil" in location:
                failed.append((method, path[:80], status, location))
            if token != course.token:
                assert status != 200 or path in public, (method, path)
        wire.close()
    assert failed == []
    assert tried > 10_000
    assert kernels(course) == 0
    with course.client() as client:
        assert client.get("/api/progress").status_code == 200, "the server lives on"
    course.stop()
