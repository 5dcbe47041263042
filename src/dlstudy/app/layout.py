"""What every page of ours shares: its head, how it is sent, and the small page that says "no such page"."""

from __future__ import annotations

from html import escape

from starlette.responses import HTMLResponse

from dlstudy.app import files, guard
from dlstudy.app.state import State


def head(course: State, title: str, styles: tuple[str, ...], scripts: tuple[str, ...] = ()) -> str:
    """Return the `<head>` of a page of ours; `theme.js` runs before anything is painted."""
    links = "".join(
        f'<link rel="stylesheet" href="{files.address(course.base, name)}">'
        for name in ("tokens.css", "type.css", *styles)
    )
    late = "".join(f'<script src="{files.address(course.base, name)}" type="module"></script>' for name in scripts)
    return (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title>"
        f'<link rel="icon" href="{files.address(course.base, "mark.svg")}" type="image/svg+xml">'
        f'<script src="{files.address(course.base, "theme.js")}"></script>{links}{late}'
    )


def send(html: str, status: int = 200, *, keep: bool = True) -> HTMLResponse:
    """Return a page of ours with its content security policy; unless `keep`, no browser keeps a copy of it."""
    headers = {"Content-Security-Policy": guard.HOME_POLICY} | ({} if keep else {"Cache-Control": "no-store"})
    return HTMLResponse(html, status, headers=headers)


def small(course: State, title: str, body: str, leads_to: str = "") -> str:
    """Return a page of a few lines; where it leads to another address, the browser goes there at once."""
    onward = f'<meta http-equiv="refresh" content="0;url={escape(leads_to)}">' if leads_to else ""
    return (
        f'<!doctype html><html lang="en"><head>{head(course, title, ("small.css",))}{onward}</head>'
        f"<body><main>{body}</main></body></html>"
    )


def led_here(course: State, address: str, title: str) -> HTMLResponse:
    """Return the page for a link of another site to a lesson, which asks before anything of the lesson runs."""
    body = (
        f'<div class="note"><h1>{escape(title)}</h1><p>A page of another site led here. A lesson runs code as soon as '
        f'it is open, so it opens only when you say so.</p><p><a href="{escape(address)}">Open the lesson</a> or go '
        f'<a href="{course.base}/">to the course</a>.</p></div>'
    )
    return send(small(course, title, body), keep=False)


def no_such_page(course: State, *, keep: bool = True) -> HTMLResponse:
    """Return the page for an address that leads nowhere."""
    body = (
        '<div class="note"><h1>There is no such page</h1><p>The lesson may not be written yet, or its name may have '
        f'changed.</p><p><a href="{course.base}/">Back to the course</a></p></div>'
    )
    return send(small(course, "No such page", body), 404, keep=keep)
