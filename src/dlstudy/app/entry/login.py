"""Who comes in: the login form, the code that works once, and the launcher's question who is there."""

from __future__ import annotations

import os
from contextlib import suppress
from html import escape
from urllib.parse import parse_qs, quote

from starlette.responses import JSONResponse, RedirectResponse, Response

from dlstudy.app import guard, layout, marimo_api
from dlstudy.app.entry import browser
from dlstudy.app.routing import Answer, BadRequest, CourseRequest, get, post, put
from dlstudy.app.state import State
from dlstudy.course import engine

_WRONG = (
    "That is not the token of this course. It is the long word after <code>access_token=</code> in the address that "
    "the launcher printed."
)
_USED = (
    "This address lets one browser in, once, and it has been used or is too old. Open the address that the launcher "
    "printed, or start it once more. If it was not you who used it, somebody else on this computer did: end the course."
)


async def show(request: CourseRequest) -> Response:
    """Send our own login form, or lead on who is logged in already."""
    if marimo_api.logged_in(request.scope):
        return RedirectResponse(f"{request.course.base}/", 303)
    return layout.send(form(request.course, request.asked("next")))


async def log_in(request: CourseRequest) -> Response:
    """Judge the token of the form, and lead to the page that was asked for."""
    target = request.asked("next")
    try:
        said = parse_qs((await request.bounded_body()).decode("utf-8", "replace")).get("password", [""])[0]
    except BadRequest:
        said = ""
    if not engine.is_token(request.app, said):
        return layout.send(form(request.course, target, _WRONG), 403)
    engine.log_in(request.app, request.session)
    return RedirectResponse(target if _is_ours(target) else f"{request.course.base}/", 302)


async def enter(request: CourseRequest) -> Response:
    """Let the browser in that brings a code, and lead it to a lesson or home."""
    course, code, place = request.course, request.asked("code"), request.asked("place")
    file = request.asked("file")
    target = f"{course.base}/"
    if course.has_page(file):
        target += f"?file={quote(file)}" + (f"#{quote(place)}" if place else "")
    if request.method != "GET" or not course.codes.redeem(code):
        if marimo_api.logged_in(request.scope):
            return RedirectResponse(target, 303)
        return layout.send(form(course, "", _USED), 403, keep=False)
    engine.log_in(request.app, request.session)
    with suppress(OSError):  # a file that a program still reads, on Windows: the next start removes it
        browser.page_of(code, course.learner).unlink()
    # A page that leads on, and no redirection, which would still count as a link of the file the browser came from.
    # Without a right code there is only the redirection: a link of another site could else open a lesson by this way.
    body = f'<div class="note"><p>Opening the course ... <a href="{escape(target)}">It is here.</a></p></div>'
    return layout.send(layout.small(course, "The course", body, target), keep=False)


async def new_code(request: CourseRequest) -> Answer:
    """Make a code for the launcher, which shows the token for it."""
    return {"code": request.course.codes.issue()}


def _is_ours(target: str) -> bool:
    """Tell whether `target` is an address of the course: a path, and not another site's in disguise."""
    return target.startswith("/") and target[1:2] not in ("/", "\\") and target.isprintable()


def form(course: State, target: str, problem: str = "") -> str:
    """Return the page with the login form, which leads to `target`; `problem` says in HTML why it is shown again."""
    note = f'<p class="wrong" role="alert">{problem}</p>' if problem else ""
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
    """Prove to the launcher that this server knows the learner's secret, and listens where the launcher asked."""
    _, port = request.scope["server"]
    secret = os.environ.get("MARIMO_SESSION_SECRET", "")
    return JSONResponse({"course": guard.hello(request.asked("nonce"), secret, port)})


public_routes = [
    get("/api/course/hello", hello),
    get(browser.ENTRY, enter),
    get(marimo_api.LOGIN, show),
    post(marimo_api.LOGIN, log_in),
]
routes = [put("/api/course/code", new_code)]
