"""The course's own routes: home, progress, resets, time on page, static files and the dressing of lesson pages."""

import hashlib
import json
import mimetypes
import os
from collections.abc import Awaitable, Callable
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dlstudy.app import guard, layout
from dlstudy.app.desk import BadRequest, Desk
from dlstudy.app.home import machine
from dlstudy.app.home import page as home
from dlstudy.app.lesson import bar
from dlstudy.app.merge.view import MergeView
from dlstudy.app.open_pages import Kernels
from dlstudy.course.content import catalogue as catalogues
from dlstudy.course.content import paths
from dlstudy.course.content.lessonfile import LessonError
from dlstudy.course.learner import folder as learners
from dlstudy.course.learner.progress import Progress

FOLDERS = [Path(__file__).parent / name for name in ("static", "home", "lesson", "merge")]
"""Where what browsers fetch lies: a page's styles and scripts beside its Python."""
KINDS = {".css", ".js", ".svg"}
TOKENS = Path(__file__).parents[1] / "figures" / "static" / "tokens.css"
PICTURES = {".svg", ".png", ".jpg", ".jpeg", ".webp", ".gif"}
LONGEST_BEAT = 120.0  # seconds of one heartbeat that count; more would be a clock that jumped


class Site:
    """Answers the routes that are the course's own; `base` is the path under which a proxy serves it, or ""."""

    def __init__(self, base: str = "") -> None:
        self.base = base
        self.learner = paths.learner_folder()
        self.desk = Desk(self)
        self.kernels = Kernels(self)
        self.merge = MergeView(self)

    @cached_property
    def catalogue(self) -> catalogues.Catalogue:
        """The lessons as they ship."""
        return catalogues.load()

    @cached_property
    def progress(self) -> Progress:
        """The learner's progress."""
        return Progress(paths.progress_file(self.learner))

    @cached_property
    def version(self) -> str:
        """A short name of the static files' contents, put into their addresses so that browsers may keep them."""
        digest = hashlib.sha256()
        for path in sorted(_static_files().values()):
            digest.update(path.read_bytes())
        return digest.hexdigest()[:10]

    # ---- before the login --------------------------------------------------------

    async def public(self, path: str, method: str, query: dict[str, list[str]]) -> Response | None:
        """Answer what needs no login: style sheets, scripts, fonts, and the launcher's question who is there."""
        if method not in ("GET", "HEAD"):
            return None
        if path.startswith("/course/"):
            return self._static(path.removeprefix("/course/"), "v" in query)
        if path == "/api/course/hello":
            return JSONResponse(
                {"course": guard.hello(query.get("nonce", [""])[0], os.environ.get("MARIMO_SESSION_SECRET", ""))}
            )
        return None

    async def login(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Show our own login form; the page engine judges the token."""
        request = Request(scope)
        target = request.query_params.get("next", "")
        if request.method == "GET" and "edit" not in getattr(scope.get("auth"), "scopes", ()):
            await HTMLResponse(layout.login(self, target, wrong=False), headers=_policy())(scope, receive, send)
            return
        if request.method != "POST":
            await RedirectResponse(f"{self.base}/", 303)(scope, receive, send)
            return
        # The engine refuses an absolute `next` of another site; "\\" and "//" are refused here as well.
        if target and (not target.startswith("/") or target[1:2] in ("/", "\\")):
            scope = {**scope, "query_string": b""}

        async def judged(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 200:
                judged.failed = True  # type: ignore[attr-defined]
            elif getattr(judged, "failed", False):
                if not message.get("more_body"):
                    page = HTMLResponse(layout.login(self, target, wrong=True), 403, headers=_policy())
                    await page(scope, receive, send)
            else:
                await send(message)

        await app(scope, receive, judged)

    # ---- after it ----------------------------------------------------------------

    async def answer(
        self, path: str, method: str, query: dict[str, list[str]], scope: Scope, receive: Receive, app: ASGIApp
    ) -> Response | None:
        """Answer a route of the course's own, or return None for one of the page engine's."""
        if method in ("GET", "HEAD"):
            if path == "/" and "file" not in query:
                return await self._home()
            if path == "/api/progress":
                return await self._progress(Request(scope))
            if path == "/api/course/machine":
                return JSONResponse(await run_in_threadpool(machine.facts))
            if path == "/merge":
                return await self.merge.get(query.get("file", [""])[0])
            if path == "/api/course/pages":
                return JSONResponse(await self.kernels.pages(scope["app"]), headers={"Cache-Control": "no-store"})
            found = await self.desk.get(path, query)
            if found is not None:
                return found
            name = path.removeprefix("/")
            if guard.is_page_name(name):
                return (
                    RedirectResponse(f"{self.base}/?file={quote(name)}", 303)
                    if self.has_page(name)
                    else self.no_such_page()
                )
            return self._picture(name)
        routes: dict[str, Callable[[dict[str, Any], Callable[..., Awaitable[Any]]], Awaitable[Any]]] = {
            "/api/course/time": self._time,
            "/api/course/reset": self._reset,
            "/api/course/interrupt": self._interrupt,
            "/api/course/dismiss": self._dismiss,
            **self.desk.routes,
            **self.merge.routes,
        }
        if method != "PUT" or path not in routes | self.kernels.routes:
            return None
        try:
            wish = json.loads(await Request(scope, receive).body() or b"{}")
            if not isinstance(wish, dict):
                raise BadRequest("Expected a JSON object.")
            if path in self.kernels.routes:
                return JSONResponse(await self.kernels.routes[path](wish, scope["app"]))
            return JSONResponse(await routes[path](wish, _engine(app, scope)))
        except json.JSONDecodeError:
            return JSONResponse({"detail": "Expected a JSON object."}, 400)
        except (BadRequest, LessonError, FileNotFoundError) as error:
            return JSONResponse({"detail": str(error)}, 400)
        except OSError as error:
            return JSONResponse({"detail": f"This could not be written: {error.strerror or error}"}, 500)

    def has_page(self, file: str) -> bool:
        """Tell whether the learner's folder holds this page."""
        return guard.is_page_name(file) and (self.learner / file).is_file()

    def no_such_page(self) -> Response:
        """Return a page that says so and leads home."""
        return HTMLResponse(layout.missing(self), 404, headers=_policy())

    def dress(self, html: str, file: str) -> str:
        """Put the bar, its styles and its script into the page engine's page for `file`."""
        return bar.dress(self, html, file)

    async def _home(self) -> Response:
        snapshot = await run_in_threadpool(self.progress.snapshot)
        html = home.render(self, snapshot)
        return HTMLResponse(html, headers=_policy() | {"Cache-Control": "no-store"})

    async def _progress(self, request: Request) -> Response:
        """Send the snapshot and what is complete; 304 where nothing changed since the version the page has."""
        tag = f'"{os.getpid()}-{await run_in_threadpool(self.progress.version)}-{hash(self.progress.problem)}"'
        headers = {"ETag": tag, "Cache-Control": "no-cache, private"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        snapshot = await run_in_threadpool(self.progress.snapshot)
        lessons = [self.catalogue.overview, *self.catalogue.lessons]
        done = {lesson.id: catalogues.completion(lesson, snapshot) for lesson in lessons if lesson.written}
        return JSONResponse(snapshot | {"completion": done}, headers=headers)

    async def _time(self, wish: dict[str, Any], engine: Callable[..., Awaitable[Any]]) -> dict[str, Any]:
        lesson, seconds = self.lesson(wish), wish.get("seconds")
        if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 <= seconds <= 3600:
            raise BadRequest("Expected seconds from 0 to 3600.")
        await run_in_threadpool(self.progress.add_time, lesson.id, min(float(seconds), LONGEST_BEAT))
        return {"ok": True}

    async def _reset(self, wish: dict[str, Any], engine: Callable[..., Awaitable[Any]]) -> dict[str, Any]:
        """Put a lesson or one exercise's cell back, after the text as it is has been backed up."""
        lesson, exercise = self.lesson(wish), wish.get("exercise")
        if exercise is not None and exercise not in lesson.exercises:
            raise BadRequest(f"Lesson {lesson.id} has no exercise {exercise!r}.")
        if not lesson.written:
            raise BadRequest(f"Lesson {lesson.id} is not written yet.")
        # An open page would save its old text over the fresh one, so its session ends first.
        await self.end_sessions(engine, lesson.file)
        if exercise is None:
            kept = await run_in_threadpool(learners.reset_lesson, self.learner, lesson.file)
        else:
            cell = "exercise_" + exercise.replace("-", "_")
            kept = await run_in_threadpool(learners.reset_cell, self.learner, lesson.file, cell)
        if wish.get("progress"):
            await run_in_threadpool(self.progress.reset, lesson.id, exercise)
        return {"backup": kept.relative_to(self.learner).as_posix() if kept else None}

    async def _interrupt(self, wish: dict[str, Any], engine: Callable[..., Awaitable[Any]]) -> dict[str, Any]:
        file = str(wish.get("file", ""))
        if not self.has_page(file):
            raise BadRequest(f"There is no page {file!r}.")
        sessions = await _sessions(engine, file)
        for session in sessions:
            await engine("POST", "/api/kernel/interrupt", {}, session=session)
        return {"interrupted": len(sessions)}

    async def _dismiss(self, wish: dict[str, Any], engine: Callable[..., Awaitable[Any]]) -> dict[str, Any]:
        self.progress.dismiss()
        return {"ok": True}

    async def end_sessions(self, engine: Callable[..., Awaitable[Any]], file: str) -> None:
        """End what runs of a page, so that an open tab does not save its old text over a new one."""
        for session in await _sessions(engine, file):
            await engine("POST", "/api/home/shutdown_session", {"sessionId": session})

    def lesson(self, wish: dict[str, Any]) -> catalogues.Lesson:
        """Return the lesson that a wish names."""
        try:
            return self.catalogue.find(str(wish.get("lesson", "")))
        except catalogues.UnknownLesson as error:
            raise BadRequest(str(error)) from error

    def _static(self, name: str, versioned: bool) -> Response:
        known = _static_files() | layout.fonts()
        if name not in known:
            return Response("Not found.", 404)
        keep = "public, max-age=31536000, immutable" if versioned or name.endswith(".woff2") else "no-cache"
        return FileResponse(known[name], headers={"Cache-Control": keep})

    def _picture(self, name: str) -> Response | None:
        """Serve a picture that lies beside the lessons, so that a relative address works here as it does on GitHub."""
        lessons = paths.lessons_folder().resolve()
        path = (lessons / name).resolve()
        if path.suffix.lower() not in PICTURES or not path.is_relative_to(lessons) or not path.is_file():
            return None
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        sandbox = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox"}
        return FileResponse(path, media_type=kind, headers=sandbox)


def _static_files() -> dict[str, Path]:
    """Return the files that browsers may fetch by their names, which are unique over all folders."""
    own = {path.name: path for folder in FOLDERS for path in folder.iterdir() if path.suffix in KINDS}
    return own | {TOKENS.name: TOKENS}


def _policy() -> dict[str, str]:
    return {"Content-Security-Policy": guard.HOME_POLICY}


def _engine(app: ASGIApp, scope: Scope) -> Callable[..., Awaitable[Any]]:
    """Return a way to call the page engine's own routes from here, as the learner who is asking."""

    async def call(method: str, path: str, body: dict[str, Any], session: str = "") -> Any:
        payload = json.dumps(body).encode()
        prefix = scope["path"][: scope["path"].index("/api/course/")]
        headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
        headers += [(b"marimo-session-id", session.encode())] if session else []
        inner = {**scope, "method": method, "path": prefix + path, "raw_path": (prefix + path).encode()}
        inner |= {"query_string": b"", "headers": [*headers, (b"content-length", str(len(payload)).encode())]}
        parts: list[bytes] = []
        status = 500

        async def receive() -> Message:
            return {"type": "http.request", "body": payload, "more_body": False}

        async def send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            elif message["type"] == "http.response.body":
                parts.append(message.get("body", b""))

        await app(inner, receive, send)
        if status != 200:
            raise BadRequest(f"The page engine refused ({status}).")
        return json.loads(b"".join(parts) or b"null")

    return call


async def _sessions(engine: Callable[..., Awaitable[Any]], file: str) -> list[str]:
    """Return the ids of the sessions that have the page `file` open."""
    running = await engine("POST", "/api/home/running_notebooks", {})
    return [entry["sessionId"] for entry in running["files"] if Path(entry["path"]).name == file and entry["sessionId"]]
