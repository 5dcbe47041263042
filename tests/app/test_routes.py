"""The course's own routes as data: which there are, what needs no login, and that nothing else comes through."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dlstudy.app import files, guard, routing
from dlstudy.app.middleware import CourseMiddleware
from tests.app.gates import OWN


class Course:
    """The middleware before a marimo that writes down what reaches it."""

    def __init__(self) -> None:
        self.reached: list[tuple[str, str]] = []
        self.middleware = CourseMiddleware(self.engine)

    async def engine(self, scope: Any, receive: Any, send: Any) -> None:
        self.reached.append((scope["method"], scope["path"]))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    def ask(
        self, method: str, path: str, *, body: bytes = b"{}", logged_in: bool = True, query: str = ""
    ) -> tuple[int, Any]:
        """Send a request; return its status and what came, as JSON where it is that."""
        scope = {"type": "http", "method": method, "path": path, "query_string": query.encode("utf-8")}
        scope |= {"app": object(), "server": ("127.0.0.1", 2718), "session": {}}
        scope |= {"headers": [(b"host", b"127.0.0.1:2718")], "auth": SimpleNamespace(scopes=["edit"] * logged_in)}
        said: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            said.append(message)

        # In a thread: a browser test that went before in this process has left its event loop in this one.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, self.middleware(scope, receive, send)).result()
        text = b"".join(message.get("body", b"") for message in said)
        return said[0]["status"], json.loads(text) if text.startswith(b"{") else text


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    monkeypatch.setenv("DLSTUDY_LEARNER", str(tmp_path / "learner"))
    monkeypatch.setenv(guard.SWITCH, "1")
    monkeypatch.setenv(guard.ORIGINS, json.dumps(guard.allowed_origins("127.0.0.1", 2718)))
    monkeypatch.setattr("dlstudy.app.open_pages.OpenPages.watch", lambda pages, server: None)
    return Course()


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.parametrize(
    "path",
    ["/api/course/none", "/api/course/", "/api/course/reset/", "/api/course/reset\n", "/api/progress/x", "/search/x",
     "/merge/x", "//", "/\n"],
)  # fmt: skip
def test_an_unknown_path_is_refused_before_marimo_sees_it(course: Course, method: str, path: str) -> None:
    status, _ = course.ask(method, path)
    assert status == 403
    assert course.reached == []


@pytest.mark.parametrize(("method", "path"), sorted(OWN))
def test_another_method_does_not_fit_and_without_a_login_nothing_does(course: Course, method: str, path: str) -> None:
    path = path.replace("{name:path}", "Glossary.md")
    other = {"GET": "PUT", "PUT": "GET"}[method]
    assert course.ask(other, path)[0] == 403
    assert course.ask(method, path, logged_in=False)[0] in (303, 401)
    assert course.reached == []


@pytest.mark.parametrize("body", [b"{", b"[]", b"3", b"\xff", b'"text"'])
@pytest.mark.parametrize("path", sorted(path for method, path in OWN if method == "PUT"))
def test_what_is_no_json_object_is_refused_everywhere(course: Course, path: str, body: bytes) -> None:
    assert course.ask("PUT", path, body=body) == (400, {"detail": "Expected a JSON object."})


DEEP = b'{"sides": ' * 100_000
ODD = {
    "deep": DEEP,
    "deep list": b'{"a": ' + b"[" * 100_000,
    "a whole deep one": b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "list": b'{"%s": ["b"]}',
    "list in object": b'{"%s": {"a": ["b"]}}',
    "object in object": b'{"%s": {"a": {"b": "c"}}}',
    "number in object": b'{"%s": {"a": 1}}',
    "half a pair": b'{"%s": "\\ud800"}',
    "half a pair in object": b'{"%s": {"\\udfff": "a"}}',
    "half a pair as name": b'{"\\ud800": "%s"}',
    "not a number": b'{"%s": NaN}',
    "infinite": b'{"%s": 1e999}',
    "many digits": b'{"%s": ' + b"9" * 10_000 + b"}",
    "large": b'{"%s": "' + b"a" * routing.LARGEST + b'"}',
}
FIELDS = (
    "lesson",
    "file",
    "page",
    "exercise",
    "seconds",
    "hours",
    "sides",
    "stamp",
    "id",
    "text",
    "question",
    "option",
)


@pytest.mark.parametrize("odd", ODD)
def test_odd_json_gets_a_sentence_from_every_route_and_reaches_nobody(course: Course, odd: str) -> None:
    paths = sorted(path for method, path in OWN if method == "PUT")
    for path, field in product(paths, FIELDS if b"%s" in ODD[odd] else FIELDS[:1]):
        status, said = course.ask("PUT", path, body=ODD[odd].replace(b"%s", field.encode()))
        assert status == 400, (path, field, said)
        assert said["detail"].startswith("Expected "), (path, field, said)
        assert len(said["detail"]) < 250
    assert course.reached == []


WORDS = ("", "%00", "%ff", "%ed%a0%80", "a" * 5000, "..%2f..%2fx", "%0d%0aX:y", "__new__s", "é", "1", "[]")


@pytest.mark.parametrize("path", ["/", "/search", "/merge", "/api/course/search", "/api/course/notes", "/auth/login",
                                  "/api/course/enter", "/api/course/hello"])  # fmt: skip
def test_odd_questions_get_an_answer(course: Course, path: str) -> None:
    for name, word in product(("file", "q", "page", "next", "code", "nonce", "place"), WORDS):
        status, _ = course.ask("GET", path, query=f"{name}={word}")
        assert status in (200, 303, 404), (name, word, status)


def test_what_a_page_needs_of_marimo_comes_through(course: Course) -> None:
    for method, path in (("GET", "/assets/index.js"), ("POST", "/api/kernel/run"), ("GET", "/logo.png")):
        assert course.ask(method, path)[0] == 200
    assert course.reached == [("GET", "/assets/index.js"), ("POST", "/api/kernel/run"), ("GET", "/logo.png")]


def test_every_file_for_browsers_has_a_name_of_its_own() -> None:
    names = [path.name for folder in files.FOLDERS for path in folder.iterdir() if path.suffix in files.KINDS]
    assert len(names) == len(set(names))
    assert not set(names) & set(files.SHARED)
