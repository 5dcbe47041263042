"""What a route of the course's own is: the request that its handler gets, and what becomes of its answer.

Each resource's file has its list of `routes`; `Site` puts them together. A handler that returns None leaves the request
to the next route that fits, and in the end to marimo.
"""

from __future__ import annotations

import json
import math
import re
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

LARGEST = 1_000_000
"""Bytes of a request that count; the longest note has 20,000 characters."""


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

    async def bounded_body(self) -> bytes:
        """Return what was sent; BadRequest as soon as it is too much, without waiting for the rest."""
        body = bytearray()
        async for piece in self.stream():
            body += piece
            if len(body) > LARGEST:
                raise BadRequest(f"Expected at most {LARGEST:,} bytes; got more.")
        return bytes(body)

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


def post(path: str, handler: Handler) -> Route:
    """Return the route of a form that is sent."""
    return Route(path, handler, methods=["POST"])


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


async def _fields(request: CourseRequest) -> dict[str, Any]:
    """Return the JSON object that was sent, its values of the kinds that pages send; BadRequest for all else.

    The one place that does it for every route: a handler finds nothing deep, large or odd in its fields.
    """
    try:
        fields = json.loads(await request.bounded_body() or b"{}")
    except (ValueError, RecursionError):  # not JSON, not UTF-8, a number of thousands of digits; nested too deep
        fields = None
    if not isinstance(fields, dict):
        raise BadRequest("Expected a JSON object.")
    for name, value in fields.items():
        if not (_is_text(name) and (_is_single(value) or _is_choices(value))):
            raise BadRequest(
                f"Expected a text, a number, true, false, null or an object of texts in {ascii(name)[:50]}; "
                f"got {ascii(value)[:50]}."
            )
    return fields


def _is_single(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, int) or _is_text(value)


def _is_text(value: object) -> bool:
    """Tell whether it is text that can be written: half of a surrogate pair, which JSON can say, is no character."""
    return isinstance(value, str) and not re.search("[\ud800-\udfff]", value)


def _is_choices(value: object) -> bool:
    return isinstance(value, dict) and all(_is_text(word) for pair in value.items() for word in pair)


async def answer(routes: Sequence[Route], path: str, request: CourseRequest) -> Response | None:
    """Return what the first route says that has an answer to `path`, an address below the base."""
    for handler, parameters in _fitting(routes, path, request.method):
        request.scope["path_params"] = parameters
        found = await handler(request)
        if found is not None:
            return found
    return None


def fits(routes: Sequence[Route], path: str, method: str) -> bool:
    """Tell whether one of the routes takes this method at `path`, an address below the base."""
    return any(True for _ in _fitting(routes, path, method))


def _fitting(routes: Sequence[Route], path: str, method: str) -> Iterator[tuple[Handler, dict[str, str]]]:
    for route in routes:
        # The whole of it: `Route.matches` would let a path through that ends with a newline.
        found = route.path_regex.fullmatch(path)
        if found and method in (route.methods or ()):
            yield route.endpoint, found.groupdict()
