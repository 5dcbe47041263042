"""What a route of the course's own is: the request that its handler gets, and what becomes of its answer.

Each resource's file has its list of `routes`; `Site` puts them together. A handler that returns None leaves the request
to the next route that fits, and in the end to marimo.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, TypeAlias, TypeVar
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope

from dlstudy.app.marimo_api import Marimo, Refused
from dlstudy.app.state import State
from dlstudy.course.content.catalogue import Lesson, UnknownLesson
from dlstudy.course.content.lessonfile import LessonError
from dlstudy.course.learner.progress import Progress

Result = TypeVar("Result")


class BadRequest(ValueError):
    """What a page asked for cannot be done; the message is shown to the learner."""


class CourseRequest(Request):
    """A request to one of the course's own routes: `course` is what its handler works on, `fields` the JSON sent."""

    def __init__(self, scope: Scope, receive: Receive, course: State, engine: ASGIApp) -> None:
        super().__init__(dict(scope), receive)
        self.course = course
        self.marimo = Marimo(engine, scope, course.base)
        self.fields: dict[str, Any] = {}

    async def kept(self, work: Callable[[Progress], Result]) -> Result:
        """Do `work` with the learner's progress in a thread: the file may be slow, or held by another program."""
        return await run_in_threadpool(lambda: work(self.course.progress))

    def asked(self, name: str) -> str:
        """Return the first value of a field of the address's query; "" where it has none."""
        return parse_qs(self.scope["query_string"].decode("latin-1")).get(name, [""])[0]

    def lesson(self) -> Lesson:
        """Return the lesson that the fields name."""
        try:
            return self.course.catalogue.find(str(self.fields.get("lesson", "")))
        except UnknownLesson as error:
            raise BadRequest(str(error)) from error

    def page(self, field: str = "file") -> str:
        """Return the file name of the learner's page that the fields name."""
        file = str(self.fields.get(field, ""))
        if not self.course.has_page(file):
            raise BadRequest(f"There is no page {file!r}.")
        return file


Handler: TypeAlias = Callable[[CourseRequest], Awaitable[Response | None]]
Answer: TypeAlias = dict[str, Any]
"""What is sent back as JSON."""


def get(path: str, handler: Handler) -> Route:
    """Return the route of something to look at."""
    return Route(path, handler, methods=["GET"])


def put(path: str, work: Callable[[CourseRequest], Awaitable[Answer]]) -> Route:
    """Return the route of something to do: JSON comes in, JSON goes out, or a sentence why it cannot be done."""

    async def handler(request: CourseRequest) -> Response:
        try:
            request.fields = await _fields(request)
            return JSONResponse(await work(request))
        except (BadRequest, Refused, LessonError, FileNotFoundError) as error:
            return JSONResponse({"detail": str(error)}, 400)
        except OSError as error:
            return JSONResponse({"detail": f"This could not be written: {error.strerror or error}"}, 500)

    return Route(path, handler, methods=["PUT"])


async def _fields(request: Request) -> dict[str, Any]:
    try:
        fields = json.loads(await request.body() or b"{}")
    except (json.JSONDecodeError, UnicodeDecodeError):
        fields = None
    if not isinstance(fields, dict):
        raise BadRequest("Expected a JSON object.")
    return fields


async def answer(routes: Sequence[Route], path: str, request: CourseRequest) -> Response | None:
    """Return what the first route says that has an answer to `path`, an address below the base."""
    for handler, parameters in _fitting(routes, path, request.method):
        request.scope["path_params"] = parameters
        found = await handler(request)
        if found is not None:
            return found
    return None


def _fitting(routes: Sequence[Route], path: str, method: str) -> Iterator[tuple[Handler, dict[str, str]]]:
    for route in routes:
        # The whole of it: `Route.matches` would let a path through that ends with a newline.
        found = route.path_regex.fullmatch(path)
        if found and method in (route.methods or ()):
            yield route.endpoint, found.groupdict()
