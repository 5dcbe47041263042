"""Small pages and the pieces that every page of ours shares: head, fonts, login, "no such page"."""

from __future__ import annotations

import importlib.util
from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from dlstudy.app.site import Site


@cache
def fonts() -> dict[str, Path]:
    """Return the page engine's own font files under plain names, so that our pages and the lessons share their type.

    They are looked up by pattern; where an upgrade moved them, the system's fonts take over.
    """
    spec = importlib.util.find_spec("marimo")
    found: dict[str, Path] = {}
    if spec and spec.origin:
        assets = Path(spec.origin).parent / "_static" / "assets"
        for name, pattern in (
            ("lora.woff2", "Lora-VariableFont*.woff2"),
            ("ptsans.woff2", "PTSans-Regular*.woff2"),
            ("ptsans-bold.woff2", "PTSans-Bold*.woff2"),
            ("firamono.woff2", "FiraMono-Regular*.woff2"),
        ):
            for path in assets.glob(pattern):
                found[name] = path
    return found


def head(site: Site, title: str, styles: tuple[str, ...], scripts: tuple[str, ...] = ()) -> str:
    """Return the `<head>` of a page of ours; `theme.js` runs before anything is painted."""
    links = "".join(
        f'<link rel="stylesheet" href="{asset(site, name)}">' for name in ("tokens.css", "type.css", *styles)
    )
    late = "".join(f'<script src="{asset(site, name)}" defer></script>' for name in scripts)
    return (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title>"
        f'<link rel="icon" href="{asset(site, "mark.svg")}" type="image/svg+xml">'
        f'<script src="{asset(site, "theme.js")}"></script>{links}{late}'
    )


def asset(site: Site, name: str) -> str:
    """Return the address of a static file of ours."""
    return f"{site.base}/course/{name}?v={site.version}"


def login(site: Site, target: str, *, wrong: bool) -> str:
    """Return the login form."""
    note = (
        '<p class="wrong" role="alert">That is not the token of this course. It is the long word after '
        "<code>access_token=</code> in the address that the launcher printed.</p>"
        if wrong
        else ""
    )
    action = f"{site.base}/auth/login" + (f"?next={quote(target, safe='')}" if target else "")
    body = (
        f'<form method="post" action="{escape(action)}"><h1>Deep Learning Study Guide</h1>'
        "<p>This course belongs to whoever started it on this computer. Open the address that <code>make study</code> "
        "or <code>dlstudy open</code> printed, or paste its token here.</p>"
        f'{note}<label for="password">Token</label>'
        '<input id="password" name="password" type="password" autocomplete="current-password" required autofocus>'
        '<button type="submit">Open the course</button></form>'
    )
    return _page(site, "Log in", body)


def missing(site: Site) -> str:
    """Return the page for an address that leads nowhere."""
    body = (
        '<div class="note"><h1>There is no such page</h1><p>The lesson may not be written yet, or its name may have '
        f'changed.</p><p><a href="{site.base}/">Back to the course</a></p></div>'
    )
    return _page(site, "No such page", body)


def _page(site: Site, title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head>{head(site, title, ("small.css",))}</head>'
        f"<body><main>{body}</main></body></html>"
    )
