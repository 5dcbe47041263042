"""Who comes in: the login form, marimo's judgement of a token, and the launcher's question who is there."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from html import escape
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dlstudy.app import guard, layout, marimo_api
from dlstudy.app.routing import CourseRequest, get
from dlstudy.app.state import State


async def login(course: State, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Show our own login form; marimo judges the token."""
    request = Request(scope)
    target = request.query_params.get("next", "")
    if request.method == "GET" and not marimo_api.logged_in(scope):
        await layout.send(form(course, target, wrong=False))(scope, receive, send)
        return
    if request.method != "POST":
        await RedirectResponse(f"{course.base}/", 303)(scope, receive, send)
        return
    # marimo refuses an absolute `next` of another site; "\\" and "//" are refused here as well.
    if target and (not target.startswith("/") or target[1:2] in ("/", "\\")):
        scope = {**scope, "query_string": b""}

    async def refuse() -> None:
        await layout.send(form(course, target, wrong=True), 403)(scope, receive, send)

    await app(scope, receive, _Judgement(send, refuse))


class _Judgement:
    """Passes on what marimo says to a token; its own form, the answer to a wrong one, gives way to `refuse`."""

    def __init__(self, send: Send, refuse: Callable[[], Awaitable[None]]) -> None:
        self._send, self._refuse = send, refuse
        self._wrong = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200:
            self._wrong = True
        elif not self._wrong:
            await self._send(message)
        elif not message.get("more_body"):
            await self._refuse()


def form(course: State, target: str, *, wrong: bool) -> str:
    """Return the page with the login form, which leads to `target`."""
    note = (
        '<p class="wrong" role="alert">That is not the token of this course. It is the long word after '
        "<code>access_token=</code> in the address that the launcher printed.</p>"
        if wrong
        else ""
    )
    action = f"{course.base}{marimo_api.LOGIN}" + (f"?next={quote(target, safe='')}" if target else "")
    body = (
        f'<form method="post" action="{escape(action)}"><h1>Deep Learning Study Guide</h1>'
        "<p>This course belongs to whoever started it on this computer. Open the address that <code>make study</code> "
        "or <code>dlstudy open</code> printed, or paste its token here.</p>"
        f'{note}<label for="password">Token</label>'
        '<input id="password" name="password" type="password" autocomplete="current-password" required autofocus>'
        '<button type="submit">Open the course</button></form>'
    )
    return layout.small(course, "Log in", body)


async def hello(request: CourseRequest) -> Response:
    """Prove to the launcher that this server knows the learner's secret."""
    return JSONResponse({"course": guard.hello(request.asked("nonce"), os.environ.get("MARIMO_SESSION_SECRET", ""))})


public_routes = [get("/api/course/hello", hello)]
