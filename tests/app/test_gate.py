"""The gate before marimo: what a request reaches, walked over every route with every method and odd form of address."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import pytest
from starlette.routing import Mount, Route, WebSocketRoute

from dlstudy.app import guard
from dlstudy.app.middleware import CourseMiddleware
from dlstudy.app.site import Site
from tests.app import gates
from tests.app.gates import LESSON

ORIGIN = "http://127.0.0.1:2718"


class Behind:
    """The gate, and a marimo behind it that writes down what reaches its middleware and what reaches its routes."""

    def __init__(self) -> None:
        self.middleware = CourseMiddleware(self._routes)
        self.stack: list[str] = []
        self.routes: list[str] = []
        self.scopes: list[dict[str, Any]] = []
        self.logged_in = True
        app = SimpleNamespace(middleware_stack=self._stack)
        self.middleware._stand_in_front({"type": "lifespan", "app": app})
        self.gate = app.middleware_stack

    async def _stack(self, scope: Any, receive: Any, send: Any) -> None:
        self.stack.append(scope["path"])
        self.scopes.append(scope)
        scope["auth"] = SimpleNamespace(scopes=["edit"] * self.logged_in)
        await self.middleware(scope, receive, send)

    async def _routes(self, scope: Any, receive: Any, send: Any) -> None:
        self.routes.append(scope["path"])
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b'{"files": []}'})

    async def ask(self, method: str, raw: str, query: str = "", **headers: str) -> int:
        """Send one request whose path is written as `raw`; return its status, for a websocket 101 where it may open."""
        self.stack.clear()
        self.routes.clear()
        sent = {"host": "127.0.0.1:2718"} | {name.replace("_", "-"): value for name, value in headers.items()}
        scope = {"type": "http", "method": method, "path": unquote(raw), "raw_path": raw.encode(), "app": object()}
        scope |= {"query_string": query.encode("latin-1"), "server": ("127.0.0.1", 2718), "session": {}}
        scope |= {"headers": [(name.encode(), value.encode("latin-1")) for name, value in sent.items()]}
        if method == "WEBSOCKET":
            scope["type"] = "websocket"
        said: list[Any] = []
        waiting = iter([True])

        async def receive() -> dict[str, Any]:
            if not next(waiting, False):
                await asyncio.Event().wait()  # the client stays, and says no more
            return {"type": "http.request", "body": b"{}", "more_body": False}

        async def send(message: Any) -> None:
            said.append(message)

        await self.gate(scope, receive, send)
        if method == "WEBSOCKET":
            return 403 if said else 101
        return int(said[0]["status"])


@pytest.fixture
def behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Behind:
    learner = tmp_path / "learner"
    learner.mkdir()
    (learner / LESSON).write_text("# A page", encoding="utf-8")
    monkeypatch.setenv("DLSTUDY_LEARNER", str(learner))
    monkeypatch.setenv(guard.SWITCH, "1")
    monkeypatch.setenv(guard.ORIGINS, f'["{ORIGIN}"]')
    monkeypatch.setattr("dlstudy.app.open_pages.OpenPages.watch", lambda pages, server: None)
    monkeypatch.setattr("dlstudy.course.engine.is_token", lambda server, word: False)
    monkeypatch.setattr("dlstudy.course.engine.open_pages", lambda server: [])
    return Behind()


def run(work: Any) -> Any:
    """Run a coroutine: in a thread, for a browser test that went before has left its event loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


# ---- the table is whole ---------------------------------------------------------------------------------------------


def marimos() -> Any:
    from marimo._server.main import create_starlette_app

    return create_starlette_app(base_url="", lsp_servers=[])


def routes_of(routes: Any, above: str = "") -> Iterator[tuple[str, str]]:
    for route in routes:
        if isinstance(route, Mount) and route.routes:
            yield from routes_of(route.routes, above + route.path)
        elif isinstance(route, Mount):
            yield "GET", above + route.path
        elif isinstance(route, WebSocketRoute):
            yield "WEBSOCKET", above + route.path
        else:
            assert isinstance(route, Route), route
            yield from ((method, above + route.path) for method in route.methods or () if method != "HEAD")


def test_the_table_has_every_route_of_marimo_once() -> None:
    """An update of marimo that brings a route, or takes one away, fails here: the table says who may use it."""
    lists = (gates.OPEN, gates.REFUSED, gates.IN_PART, gates.ANSWERED_BY_US)
    counted = Counter(route for each in lists for route in each)
    assert set(routes_of(marimos().routes)) == set(counted)
    assert set(counted.values()) == {1}


def test_nothing_else_stands_around_marimos_routes() -> None:
    assert [each.cls.__name__ for each in marimos().user_middleware] == gates.MIDDLEWARE


def test_the_table_has_every_route_of_ours() -> None:
    site = Site()
    assert set(routes_of(site.public)) == gates.PUBLIC
    assert set(routes_of(site.routes)) == gates.OWN
    assert [route.path for route in site.routes[-2:]] == ["/{name:path}"] * 2, "what takes any name is asked last"


def test_marimo_knows_no_language_server_whose_port_it_would_ask() -> None:
    code = (
        "from dlstudy.course import engine; engine.without_language_servers()\n"
        "from marimo._config.manager import get_default_config_manager\n"
        "from marimo._server.lsp import CompositeLspServer\n"
        "servers = CompositeLspServer(get_default_config_manager(current_path=None), 3118).servers\n"
        "from marimo._server.main import create_starlette_app\n"
        "app = create_starlette_app(base_url='', lsp_servers=list(servers.values()))\n"
        "print(servers, 'ProxyMiddleware' in [each.cls.__name__ for each in app.user_middleware])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "{} False\n", done.stderr


# ---- the walk -------------------------------------------------------------------------------------------------------

ALL = gates.OPEN | gates.REFUSED | gates.IN_PART | gates.OWN | gates.PUBLIC


def reaches(method: str, path: str) -> bool:
    """Whether the table lets this method at this address of marimo's through to it, once logged in."""
    plain = "GET" if method == "HEAD" else method
    found = {example for verb, route in gates.OPEN for example in [gates.example(route)] if verb == plain}
    return path in found or (plain == "GET" and path in gates.ICONS)


def ours(method: str, path: str) -> bool:
    plain = "GET" if method == "HEAD" else method
    return any(verb == plain and gates.example(route) == path for verb, route in gates.OWN | gates.PUBLIC)


@pytest.mark.parametrize("logged_in", [True, False], ids=["logged in", "not logged in"])
def test_each_route_is_reached_by_its_methods_and_by_nobody_who_is_not_logged_in(
    behind: Behind, logged_in: bool
) -> None:
    public = {gates.example(path) for _, path in gates.PUBLIC}

    async def walk() -> int:
        behind.logged_in = logged_in
        tried = 0
        for path in {*gates.paths(ALL), *gates.ICONS}:
            for method in gates.METHODS:
                status = await behind.ask(method, path)
                where = f"{method} {path}: {status}"
                known = reaches(method, path) or ours(method, path)
                assert bool(behind.stack) == known, where
                assert bool(behind.routes) == (logged_in and reaches(method, path) and not ours(method, path)), where
                if not known:
                    assert status == 403, where
                elif not logged_in and path not in public:
                    assert status in (303, 401), where
                tried += 1
        return tried

    assert run(walk()) > 1200


def test_no_odd_form_of_an_address_reaches_marimo(behind: Behind) -> None:
    async def walk() -> int:
        tried = 0
        for path in {*gates.paths(ALL), *gates.ICONS}:
            for form in gates.odd_forms(path):
                for method in ("GET", "POST", "PUT"):
                    status = await behind.ask(method, form)
                    where = f"{method} {form[:100]!r}: {status}"
                    below_course = unquote(form).startswith("/course/") and method == "GET"
                    assert behind.routes == [], where
                    assert behind.stack == [] or below_course, where
                    assert status in (403, 404), where
                    tried += 1
        return tried

    assert run(walk()) > 10_000


@pytest.mark.parametrize(
    "file",
    ["", "none.md", "../x.md", "sub/in.md", "/etc/passwd", ".hidden.md", ".dlstudy/backups/b.md", "__new__s_1",
     "__new__", "own.py", "pyproject.toml", "linked.md", "folder/in.md", "folder.md", "%00", f"{LESSON}%00",
     f"./{LESSON}", f"{LESSON}/", LESSON.upper(), LESSON.lower(), f"{LESSON}&file=none.md", f"none.md&file={LESSON}",
     f"{LESSON}&file=", f"{LESSON}&file={LESSON}", f"%2e%2f{LESSON}", f"learner%2f{LESSON}", f"{LESSON}%20",
     f" {LESSON}", "%ff.md", "CON.md"],
)  # fmt: skip
def test_no_kernel_starts_for_what_is_no_page_of_the_folder(behind: Behind, file: str) -> None:
    learner = behind.middleware.site.course.learner
    for place in ("sub", ".dlstudy/backups", "elsewhere", "folder.md"):
        (learner / place).mkdir(parents=True)
    for name in ("sub/in.md", ".hidden.md", ".dlstudy/backups/b.md", "own.py", "elsewhere/in.md"):
        (learner / name).write_text("# Not a page", encoding="utf-8")
    (learner / "linked.md").symlink_to(learner / LESSON)
    (learner / "folder").symlink_to(learner / "elsewhere")
    query = f"session_id=s_1&file={file}" if file else "session_id=s_1"
    assert run(behind.ask("WEBSOCKET", "/ws", query, origin=ORIGIN)) == 403
    assert behind.stack == []
    assert run(behind.ask("WEBSOCKET", "/ws", f"file={LESSON}", origin=ORIGIN)) == 101, "and for a page it does"


def test_only_one_websocket_opens_and_only_for_our_own_origin(behind: Behind) -> None:
    query = f"session_id=s_1&file={LESSON}"

    async def walk() -> None:
        for path in gates.paths(ALL):
            for form in [path, *gates.odd_forms(path)]:
                expected = 101 if form == "/ws" else 403
                assert await behind.ask("WEBSOCKET", form, query, origin=ORIGIN) == expected, form
        for origin in ("http://evil.example", "null", "", "http://127.0.0.1:1", "http://localhost:2718.evil.example"):
            assert await behind.ask("WEBSOCKET", "/ws", query, origin=origin) == 403, origin
        assert await behind.ask("WEBSOCKET", "/ws", query) == 403, "no origin at all"
        assert await behind.ask("WEBSOCKET", "/ws", query, origin=ORIGIN, host="evil.example:2718") == 403

    run(walk())


# ---- who asks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize(
    ("mode", "dest"),
    [("no-cors", "image"), ("no-cors", "script"), ("cors", "empty"), ("navigate", "iframe"), ("navigate", "object"),
     ("navigate", "embed"), ("websocket", "websocket"), ("no-cors", "empty")],
)  # fmt: skip
def test_another_site_gets_nothing_in_a_picture_a_frame_or_a_script(
    behind: Behind, site: str, mode: str, dest: str
) -> None:
    """Another port of this machine is the same site: the browser sends our cookie along, and no Origin."""
    asked = {"sec_fetch_site": site, "sec_fetch_mode": mode, "sec_fetch_dest": dest}
    for path, query in (("/", ""), ("/", f"file={LESSON}"), ("/api/progress", ""), ("/course/home.css", "")):
        assert run(behind.ask("GET", path, query, **asked)) == 403
        assert behind.stack == []


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_link_of_another_site_to_a_lesson_is_asked_about_first(behind: Behind, site: str) -> None:
    link = {"sec_fetch_site": site, "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
    assert run(behind.ask("GET", "/", f"file={LESSON}", **link)) == 200
    assert behind.routes == [], "marimo's page, which starts a kernel, was not shown"
    for path, query in (("/api/course/enter", f"code=x&file={LESSON}"), ("/auth/login", f"next=/?file={LESSON}")):
        assert run(behind.ask("GET", path, query, **link)) == 303, "which for the browser is still that site's link"
        assert behind.routes == []
    own = link | {"sec_fetch_site": "same-origin"}
    for asked in (own, own | {"sec_fetch_site": "none"}, {}):
        run(behind.ask("GET", "/", f"file={LESSON}", **asked))
        assert behind.routes == ["/"]


@pytest.mark.parametrize(
    ("query", "authorization", "left"),
    [
        ("access_token=caf%C3%A9", None, ("", False)),
        ("access_token=%ff&file=a.md", None, ("file=a.md", False)),
        ("access_token=abc&file=a+b.md", None, ("access_token=abc&file=a+b.md", False)),
        ("", "Bearer caf\xe9", ("", False)),
        ("", "Bearer abc", ("", True)),
        ("", "Basic eDrDqQ==", ("", False)),  # x, and an e with an accent
        ("", "Basic eDp5", ("", True)),
        ("", "Basic a", ("", False)),
        ("", "Basic \xe9", ("", False)),
    ],
)
def test_a_token_that_is_not_ascii_never_reaches_marimo(
    behind: Behind, query: str, authorization: str | None, left: tuple[str, bool]
) -> None:
    """It compares tokens with a function that fails on other letters: an error for everybody, before any login."""
    headers = {"authorization": authorization} if authorization else {}
    run(behind.ask("GET", "/api/progress", query, **headers))
    (scope,) = behind.scopes
    kept = any(name == b"authorization" for name, _ in scope["headers"])
    assert (scope["query_string"].decode(), kept) == left


def test_no_answer_leads_to_another_site(behind: Behind) -> None:
    for raw in ("//evil.example/", "//evil.example", "/%2fevil.example/", "/%5cevil.example/", "///evil.example/a.md"):
        assert run(behind.ask("GET", raw, "access_token=x")) == 403
        assert behind.stack == []


def test_pages_speak_over_the_websocket_whatever_is_set_for_marimo_elsewhere(tmp_path: Path) -> None:
    """Its other way, "sse", is shut: a learner who has set it for notebooks of their own must not notice."""
    code = (
        "import sys; from pathlib import Path; from dlstudy.course.learner.folder import SETTINGS\n"
        "from marimo._config.manager import get_default_config_manager as manager\n"
        "def way(): return manager(current_path=str(Path.home() / 'learner')).get_config()['server']['transport']\n"
        "before = way(); (Path.home() / 'learner' / 'pyproject.toml').write_text(SETTINGS)\n"
        "print(before, way())"
    )
    (tmp_path / ".config" / "marimo").mkdir(parents=True)
    (tmp_path / "learner").mkdir()
    (tmp_path / ".config" / "marimo" / "marimo.toml").write_text('[server]\ntransport = "sse"\n', encoding="utf-8")
    own = {"HOME": str(tmp_path), "USERPROFILE": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / ".config")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **own})
    assert done.stdout == "sse websocket\n", done.stderr
