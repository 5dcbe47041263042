"""The course's own routes, put together: each page's folder and each resource's file brings its list."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope

from dlstudy.app import files, guard, progress_routes, routing, saving
from dlstudy.app.entry import login
from dlstudy.app.home import page as home
from dlstudy.app.home import review_routes, search_view
from dlstudy.app.lesson import bar_routes, links, note_routes
from dlstudy.app.merge import view as merge
from dlstudy.app.open_pages import OpenPages
from dlstudy.app.routing import CourseRequest
from dlstudy.app.state import State


class Site:
    """Answers the routes that are the course's own; `base` is the path under which a proxy serves it, or ""."""

    public: Sequence[Route] = [*login.public_routes, *files.public_routes]
    """What is answered before the login."""

    def __init__(self, base: str = "") -> None:
        self.course = State(base)
        self.open_pages = OpenPages(self.course)
        self.routes: Sequence[Route] = [
            *login.routes,
            *home.routes,
            *search_view.routes,
            *review_routes.routes,
            *progress_routes.routes,
            *saving.routes,
            *note_routes.routes,
            *bar_routes.routes,
            *self.open_pages.routes,
            *merge.routes,
            *links.routes,  # the last: they take any name
        ]

    def knows(self, method: str, path: str) -> bool:
        """Tell whether something of the course answers at `path` below the base; asked before marimo sees a request.

        What is neither a route of ours, nor a page's or a picture's address, nor one of the few parts of marimo that
        a page needs, reaches nothing of marimo, its proxies included.
        """
        ours = [*self.public, *(route for route in self.routes if route not in links.routes)]
        link = method in ("GET", "HEAD") and links.leads_somewhere(path.removeprefix("/"))
        return link or routing.fits(ours, path, method) or guard.allowed_route(method, path)

    async def answer(
        self, routes: Sequence[Route], path: str, scope: Scope, receive: Receive, engine: ASGIApp
    ) -> Response | None:
        """Answer one of the `routes`, at `path` below the base; None for what is none of them: that is marimo's."""
        return await routing.answer(routes, path, CourseRequest(scope, receive, self.course, engine))
