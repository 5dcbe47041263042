"""The part of HTTP that a download needs: https only, also after a redirection, and errors sorted by what helps."""

import errno
import functools
import http.client
import re
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from dlstudy.data.remote import Network

_HOSTS_HERE = ("127.0.0.1", "localhost", "::1")


class NextServer(Exception):
    """This server will not give the file, however often it is asked."""


class TryAgain(Exception):
    """The transfer broke; another try may bring the rest, or, where the part here is of no use, all of it."""

    def __init__(self, reason: str, wait: float | None = None, *, anew: bool = False) -> None:
        super().__init__(reason)
        self.wait, self.anew = 0.0 if anew else wait, anew


def refuse_odd(url: str, network: Network) -> None:
    """Raise ValueError for every address but https, and http to this machine where that is allowed."""
    place = urlsplit(url)
    here = network.loopback and place.scheme == "http" and place.hostname in _HOSTS_HERE
    if not here and (place.scheme != "https" or not place.hostname):
        raise ValueError(f"expected an https address; got {url}")


class HttpsOnly(urllib.request.HTTPRedirectHandler):
    """Follow redirections to https only, and keep what Hugging Face's site says of a file before it sends us on."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.sha256: str | None = None

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        """Return the request for `newurl`, as urllib asks for it; NextServer if that is not https."""
        try:
            refuse_odd(newurl, self.network)
        except ValueError as error:
            raise NextServer(f"sends us on to {newurl}, which is not https") from error
        stated = (headers.get("X-Linked-Etag") or "").strip('"')
        if re.fullmatch(r"[0-9a-f]{64}", stated):
            self.sha256 = stated
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def opener(network: Network, redirects: HttpsOnly) -> urllib.request.OpenerDirector:
    """Return what opens addresses: unlike urllib's own it has no handler for files, ftp and data."""
    made = urllib.request.OpenerDirector()
    handlers: list[urllib.request.BaseHandler] = [
        urllib.request.ProxyHandler(),
        urllib.request.HTTPSHandler(context=_certificates()),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        redirects,
    ]
    if network.loopback:
        handlers.append(urllib.request.HTTPHandler())
    for handler in handlers:
        made.add_handler(handler)
    return made


@functools.cache
def _certificates() -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not context.get_ca_certs() and not ssl.get_default_verify_paths().capath:
        with suppress(ImportError):  # python.org's Python on macOS has no certificates of its own
            import certifi

            context.load_verify_locations(certifi.where())
    return context


_NO_NETWORK = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN)


@contextmanager
def network_errors() -> Iterator[None]:
    """Sort what the network says into "try again" and "not from this server"."""
    try:
        yield
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:
            raise TryAgain("has another version than the part that is here", anew=True) from error
        if error.code in (408, 425, 429) or error.code >= 500:
            after = error.headers.get("Retry-After", "")
            wait = min(float(after), 30.0) if after.isdecimal() else None
            raise TryAgain(f"answers {error.code} {error.reason}", wait) from error
        if 300 <= error.code < 400:
            raise NextServer("sends us on to no https address") from error
        raise NextServer(f"answers {error.code} {error.reason}") from error
    except (urllib.error.URLError, OSError, http.client.HTTPException) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise NextServer(
                f"shows a certificate that this machine does not trust ({reason.verify_message}); behind a company's "
                "proxy, set SSL_CERT_FILE to its certificate"
            ) from error
        if isinstance(reason, socket.gaierror):
            raise NextServer("is not known here: there seems to be no network") from error
        if isinstance(reason, OSError) and reason.errno in _NO_NETWORK:
            raise NextServer("cannot be reached: there seems to be no network") from error
        if isinstance(reason, TimeoutError):
            raise TryAgain("does not answer") from error
        if isinstance(reason, ConnectionRefusedError):
            raise TryAgain("refuses the connection") from error
        raise TryAgain(f"broke off ({reason or type(reason).__name__})") from error
