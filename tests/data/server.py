"""A server on this machine that misbehaves as real ones do, for the tests of downloads."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ETAG = '"one"'


@dataclass
class Behaviour:
    """What the server does with one file; lists give one value a request, the last for all further ones."""

    content: bytes
    etag: str | None = ETAG
    ranges: bool = True
    """Whether Range is understood."""
    if_range: bool = True
    """Whether If-Range is understood, or the rest of another version is sent."""
    length: bool = True
    """Whether Content-Length is sent."""
    cuts: list[int | None] = field(default_factory=lambda: [None])
    """How many bytes of the body to send before the connection breaks; None: all."""
    statuses: list[int] = field(default_factory=lambda: [200])
    headers: dict[str, str] = field(default_factory=dict)
    redirect: str = ""
    stall: float = 0.0
    """Seconds of silence before the body."""
    trickle: float = 0.0
    """Seconds between single bytes."""
    before: Callable[[], None] = lambda: None


@dataclass
class Request:
    path: str
    range: str | None
    if_range: str | None
    sent: int = 0


class Server:
    def __init__(self) -> None:
        self.files: dict[str, Behaviour] = {}
        self.requests: list[Request] = []
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.http.daemon_threads = True

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.http.server_address[1]}"

    def serve(self, name: str, content: bytes, **facts: object) -> str:
        """Serve `content` under a name; return its address."""
        self.files[f"/{name}"] = Behaviour(content, **facts)  # type: ignore[arg-type]
        return f"{self.root}/{name}"

    @property
    def sent(self) -> int:
        return sum(request.sent for request in self.requests)

    def handler(server) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_HEAD(self) -> None:
                """What huggingface_hub asks first."""
                behaviour = server.files[self.path]
                self.send_response(200)
                self.headers_of(behaviour)
                self.send_header("ETag", str(behaviour.etag))
                self.send_header("Content-Length", str(len(behaviour.content)))
                self.end_headers()

            def do_GET(self) -> None:
                self.close_connection = True
                request = Request(self.path, self.headers.get("Range"), self.headers.get("If-Range"))
                server.requests.append(request)
                behaviour = server.files.get(self.path)
                if behaviour is None:
                    self.send_error(404)
                    return
                behaviour.before()
                if behaviour.redirect:
                    self.send_response(302)
                    self.send_header("Location", behaviour.redirect)
                    self.headers_of(behaviour)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                status = turn(behaviour.statuses)
                if status != 200:
                    self.send_response(status)
                    self.headers_of(behaviour)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                self.body(request, behaviour)

            def headers_of(self, behaviour: Behaviour) -> None:
                for name, value in behaviour.headers.items():
                    self.send_header(name, value)

            def body(self, request: Request, behaviour: Behaviour) -> None:
                content, start = behaviour.content, 0
                same = not request.if_range or request.if_range == behaviour.etag or not behaviour.if_range
                if request.range and behaviour.ranges and same:
                    match = re.fullmatch(r"bytes=(\d+)-", request.range)
                    assert match
                    start = int(match[1])
                    if start >= len(content):
                        self.send_response(416)
                        self.send_header("Content-Length", "0")
                        self.end_headers()
                        return
                    self.send_response(206)
                    self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
                else:
                    self.send_response(200)
                if behaviour.etag:
                    self.send_header("ETag", behaviour.etag)
                self.headers_of(behaviour)
                if behaviour.length:
                    self.send_header("Content-Length", str(len(content) - start))
                else:
                    self.send_header("Connection", "close")
                self.end_headers()
                time.sleep(behaviour.stall)
                cut = turn(behaviour.cuts)
                rest = content[start:] if cut is None else content[start : start + cut]
                try:
                    if behaviour.trickle:
                        for byte in rest:
                            self.wfile.write(bytes([byte]))
                            request.sent += 1
                            time.sleep(behaviour.trickle)
                    else:
                        self.wfile.write(rest)
                        request.sent += len(rest)
                except OSError:
                    pass

        return Handler


def turn(values: list[object]) -> object:
    return values.pop(0) if len(values) > 1 else values[0]


@contextmanager
def running() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.http.shutdown()
    server.http.server_close()
    thread.join()
