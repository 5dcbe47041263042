"""What the course's server lets in and sends out: hosts, origins, routes and the content security policy.

Pure decisions on plain values, so that every one of them can be tested without a server.
"""

import base64
import hashlib
import hmac
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.types import Scope

from dlstudy.app import marimo_api
from dlstudy.course.content import paths

SWITCH = "DLSTUDY_SERVER"
ORIGINS = "DLSTUDY_ORIGINS"
BASE = "DLSTUDY_BASE_URL"
TOKEN = "access_token"
"""The field of an address that holds the token."""

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


def refusal(headers: Mapping[str, str], origins: Sequence[str], *, socket: bool = False) -> str | None:
    """Return a sentence for a request whose Host or Origin is not ours, or None.

    Every page that runs in the same browser can send requests to this machine's ports; a name that its owner points
    at 127.0.0.1 is caught by Host, a page of another site by Origin, or by Sec-Fetch-Site where no Origin is sent.
    Another port of this machine is another origin, but the same site: it gets our cookie, so it is named here too.
    A websocket (`socket`) comes from a page and says from which: every browser sends its Origin.
    """
    hosts = {urlsplit(origin).netloc for origin in origins}
    host = headers.get("host", "")
    if host not in hosts:
        return f"This address is not one of the course's ({host or 'no Host'}). Open the one that the launcher printed."
    origin = headers.get("origin")
    if origin is None and socket:
        return "Only a page of the course may use this part of it."
    if origin is not None and origin not in origins:
        return f"A page of another site ({origin}) may not use the course."
    if foreign(headers) and not _is_followed_link(headers):
        return "A page of another site may not use the course."
    return None


def foreign(headers: Mapping[str, str]) -> bool:
    """Tell whether the browser says that a page of another site, or of another port, is behind a request."""
    return headers.get("sec-fetch-site") in ("cross-site", "same-site")


def _is_followed_link(headers: Mapping[str, str]) -> bool:
    """Tell whether a request is for a page in a tab of its own, not in a frame, a picture or a script's hands."""
    return headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest", "document") == "document"


def allowed_route(method: str, path: str) -> bool:
    """Tell whether a page of the course needs this route of the page engine; `path` is without the base address."""
    if method in ("GET", "HEAD"):
        return marimo_api.GET_ROUTES.fullmatch(path) is not None
    return method == "POST" and path in marimo_api.POST_ROUTES


def allowed_socket(path: str) -> bool:
    """Tell whether a page of the course needs this websocket; the terminal and language servers are not among them."""
    return path in marimo_api.SOCKETS


def without_odd_tokens(scope: Scope) -> Scope:
    """Return a request without tokens that are not plain ASCII: those are wrong, and marimo fails on comparing them.

    The course's token is ASCII, so what is taken out could have let nobody in.
    """
    kept = [pair for pair in scope["headers"] if pair[0].lower() != b"authorization" or _is_plain(pair[1])]
    query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    if len(kept) == len(scope["headers"]) and all(value.isascii() for name, value in query if name == TOKEN):
        return scope
    plain = [(name, value) for name, value in query if name != TOKEN or value.isascii()]
    return {**scope, "headers": kept, "query_string": urlencode(plain).encode("ascii")}


def _is_plain(authorization: bytes) -> bool:
    """Tell whether an Authorization header holds ASCII only, also where it is packed in base64."""
    scheme, _, word = authorization.partition(b" ")
    if scheme.lower() == b"basic":
        try:
            word = base64.b64decode(word)
        except ValueError:
            return False
    return authorization.isascii() and word.isascii()


def is_page_name(name: str) -> bool:
    """Tell whether `name` is a plain Markdown file name: no folder, no parent, no hidden file, nothing new."""
    return paths.is_page_name(name)


def lesson_policy(origins: Sequence[str]) -> str:
    """Return the content security policy of a lesson's page; not every browser counts a websocket as 'self'."""
    sockets = " ".join(origin.replace("http", "ws", 1) for origin in origins)
    return LESSON_POLICY.format(sockets=sockets)


def hello(nonce: str, secret: str, port: int) -> str:
    """Return what only a server that knows the learner's session secret and listens on `port` can answer to `nonce`.

    With the port in it, a program on another one cannot pass the question on to the course and the answer back.
    """
    return older_hello(f"{port} {nonce}", secret)


def older_hello(nonce: str, secret: str) -> str:
    """Return what a server answered before the port was in it: a sign that one runs, and no reason to trust it."""
    key = hashlib.sha256(b"dlstudy hello " + secret.encode()).digest()
    return hmac.new(key, nonce.encode("utf-8", "replace"), hashlib.sha256).hexdigest()
