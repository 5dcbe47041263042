"""What the course's server lets in and sends out: hosts, origins, routes and the content security policy.

Pure decisions on plain values, so that every one of them can be tested without a server.
"""

import hashlib
import hmac
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import urlsplit

from dlstudy.app import marimo_api
from dlstudy.course.content import paths

SWITCH = "DLSTUDY_SERVER"
ORIGINS = "DLSTUDY_ORIGINS"
BASE = "DLSTUDY_BASE_URL"

# The page engine compiles widgets and charts in the page (eval, blob: and data: modules) and writes inline styles.
# What matters to a learner holds without exception: nothing is fetched from, or sent to, another machine.
LESSON_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval' blob: data:; "
    "style-src 'self' 'unsafe-inline' blob: data:; img-src 'self' data: blob:; font-src 'self' data:; "
    "media-src 'self' data: blob:; connect-src 'self' {sockets} data: blob:; worker-src 'self' blob: data:; "
    "frame-src 'self' data: blob:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
HOME_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "X-Frame-Options": "SAMEORIGIN"}


def allowed_origins(host: str, port: int, further: Iterable[str] = ()) -> list[str]:
    """Return the origins ("http://127.0.0.1:2718") that browsers may reach the course from."""
    names = dict.fromkeys(["127.0.0.1", "localhost", *([] if host in ("0.0.0.0", "::", "") else [host])])
    own = [f"http://{f'[{name}]' if ':' in name else name}:{port}" for name in names]
    return own + [origin.rstrip("/") for origin in further]


def origins_from_environment() -> list[str]:
    """Return the origins that the launcher wrote; none at all where it wrote nothing readable."""
    try:
        found = json.loads(os.environ.get(ORIGINS, "[]"))
    except ValueError:
        return []
    return [origin for origin in found if isinstance(origin, str)] if isinstance(found, list) else []


def refusal(headers: Mapping[str, str], origins: Sequence[str]) -> str | None:
    """Return a sentence for a request whose Host or Origin is not ours, or None.

    Every page that runs in the same browser can send requests to this machine's ports; a name that its owner points
    at 127.0.0.1 is caught by Host, a page of another site by Origin, or by Sec-Fetch-Site where no Origin is sent.
    """
    hosts = {urlsplit(origin).netloc for origin in origins}
    host = headers.get("host", "")
    if host not in hosts:
        return f"This address is not one of the course's ({host or 'no Host'}). Open the one that the launcher printed."
    origin = headers.get("origin")
    if origin is not None and origin not in origins:
        return f"A page of another site ({origin}) may not use the course."
    if headers.get("sec-fetch-site") == "cross-site" and headers.get("sec-fetch-mode") != "navigate":
        return "A page of another site may not use the course."
    return None


def allowed_route(method: str, path: str) -> bool:
    """Tell whether a page of the course needs this route of the page engine; `path` is without the base address."""
    if method in ("GET", "HEAD"):
        return marimo_api.GET_ROUTES.fullmatch(path) is not None
    return method == "POST" and path in marimo_api.POST_ROUTES


def allowed_socket(path: str) -> bool:
    """Tell whether a page of the course needs this websocket; the terminal and language servers are not among them."""
    return path in marimo_api.SOCKETS


def is_page_name(name: str) -> bool:
    """Tell whether `name` is a plain Markdown file name: no folder, no parent, no hidden file, nothing new."""
    return paths.is_page_name(name)


def lesson_policy(origins: Sequence[str]) -> str:
    """Return the content security policy of a lesson's page; not every browser counts a websocket as 'self'."""
    sockets = " ".join(origin.replace("http", "ws", 1) for origin in origins)
    return LESSON_POLICY.format(sockets=sockets)


def hello(nonce: str, secret: str) -> str:
    """Return what only a server that knows the learner's session secret can answer to `nonce`."""
    key = hashlib.sha256(b"dlstudy hello " + secret.encode()).digest()
    return hmac.new(key, nonce.encode(), hashlib.sha256).hexdigest()
