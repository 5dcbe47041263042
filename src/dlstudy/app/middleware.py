"""The middleware around the page engine: inactive unless the course's own launcher started the server."""

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send


class CourseMiddleware:
    """Passes everything through."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


middleware = Middleware(CourseMiddleware)
