"""Start the course: the page engine in this process, on a free port of this machine, with our pages around it."""

import json
import logging
import os
import runpy
import secrets
import signal
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from dlstudy.app import guard
from dlstudy.app.entry import browser
from dlstudy.app.entry.renewal import forget_shown_token
from dlstudy.course import engine
from dlstudy.course.content import paths
from dlstudy.course.learner import folder as learners
from dlstudy.course.learner import private
from dlstudy.course.learner.atomic import write

FIRST_PORT = 2718
START_SECONDS = 60.0
_OLDER = "an older version of the course answered"


class CannotStart(RuntimeError):
    """The course cannot start; the message says why and what to do."""


@dataclass(frozen=True)
class Secrets:
    """What lets a browser in: `token` is in the address that is opened, `session` signs the browser's cookie."""

    token: str
    session: str


def serve(
    learner: Path | None = None,
    *,
    port: int | None = None,
    open_browser: bool = True,
    lesson: str | None = None,
    place: str = "",
    host: str = "127.0.0.1",
    base_url: str = "",
    allow_origins: Sequence[str] = (),
    say: Callable[[str], None] = print,
) -> int:
    """Prepare the learner's folder and serve the course until Ctrl-C; return the exit code.

    Args:
        learner: the learner's folder, `$DLSTUDY_LEARNER` or `~/dlstudy-learner` if None.
        port: the port to use; None takes the one of last time if it is free, else 2718, else any free one.
        open_browser: open the address in the browser once the server answers.
        lesson: file name of the lesson to open instead of the home page.
        place: an anchor on that page, "strides".
        host: the address to listen on; anything but this machine's own needs `allow_origins`.
        base_url: path under which a proxy such as JupyterHub serves the course, "/user/ada/course".
        allow_origins: further origins that browsers reach the course from, "https://hub.example.org".
        say: receives each line for the learner.

    Raises NotALearnerFolder: the folder cannot be used. Raises CannotStart: the port is taken, the engine is missing,
    or something else than the course answers.
    """
    folder = (learner or paths.learner_folder()).expanduser().absolute()
    base_url = "/" + base_url.strip("/") if base_url.strip("/") else ""
    learners.make(folder)
    with only_server(folder) as alone:
        # Asked before anything is updated: an open page would save its old text over the new one.
        keys, running = _find_running(folder, base_url, wait=not alone)
        if keys and running:
            target = address(running, keys, base_url, lesson, place)
            say(f"The course is already running: {target}")
            if port not in (None, running):
                say(f"A folder has one server, so port {port} was not used. To use it, end that one first.")
            if open_browser:
                _open_browser(folder, running, keys, base_url, lesson, place, say)
            return 0
        if not alone:
            raise CannotStart(
                f"Another start of the course holds {folder}, and does not answer. End it (close its terminal, or "
                "restart the machine) and start again."
            )
        forget_shown_token(folder)
        keys = load_secrets(folder)
        return _serve_alone(folder, keys, host, port, open_browser, lesson, place, base_url, allow_origins, say)


def _serve_alone(
    folder: Path,
    keys: Secrets,
    host: str,
    port: int | None,
    open_browser: bool,
    lesson: str | None,
    place: str,
    base_url: str,
    allow_origins: Sequence[str],
    say: Callable[[str], None],
) -> int:
    """Hand out the lessons and serve them until Ctrl-C: nobody else serves this folder."""
    report(learners.prepare(folder), folder, say)
    port = choose_port(host, port, _remembered_port(folder))
    _remember_port(folder, port)
    os.environ.update(environment(folder, keys, host, port, base_url, allow_origins))
    problems: list[str] = []
    browser.remove_old_pages(folder)
    watcher = threading.Thread(
        target=_announce, args=(folder, port, keys, base_url, lesson, place, open_browser, say, problems), daemon=True
    )
    watcher.start()
    code = _run_engine(folder, host, port, keys, base_url, allow_origins)
    if problems:
        raise CannotStart(problems[0])
    return code


def environment(
    folder: Path, keys: Secrets, host: str, port: int, base_url: str, allow_origins: Sequence[str]
) -> dict[str, str]:
    """Return the variables that the middleware and the kernels read."""
    return {
        paths.LEARNER_VARIABLE: str(folder),
        guard.SWITCH: "1",
        guard.ORIGINS: json.dumps(guard.allowed_origins(host, port, allow_origins)),
        guard.BASE: base_url,
        "MARIMO_SESSION_SECRET": keys.session,
        "MARIMO_RESTRICT_SHARING": "true",
    }


def load_secrets(folder: Path) -> Secrets:
    """Read the learner's token and session secret, or make them; the file is readable by its owner only.

    They persist, so that a page that is open in the browser works again after the server was restarted.
    """
    path = paths.state_folder(folder) / "token"
    known = read_secrets(folder)
    if known is not None:
        path.chmod(0o600)
        return known
    keys = Secrets(secrets.token_urlsafe(32), secrets.token_hex(32))
    private.make_folder(path.parent)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({"token": keys.token, "session": keys.session}, file)
    return keys


def read_secrets(folder: Path) -> Secrets | None:
    """Return the learner's token and session secret; None where there are none, or none that can be read."""
    try:
        found = json.loads((paths.state_folder(folder) / "token").read_text(encoding="utf-8"))
        keys = Secrets(str(found["token"]), str(found["session"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return keys if len(keys.token) >= 32 and len(keys.session) >= 32 else None


def choose_port(host: str, wanted: int | None, remembered: int | None = None) -> int:
    """Return a port that is free now: the wanted one, else the one of last time, else 2718, else any.

    Raises CannotStart: the wanted port is taken.
    """
    if wanted is not None:
        if not 1 <= wanted <= 65535:
            raise CannotStart(f"Expected a port from 1 to 65535, got {wanted}.")
        if not _is_free(host, wanted):
            raise CannotStart(f"Port {wanted} is taken by another program. Leave --port out to have a free one found.")
        return wanted
    for port in (remembered, FIRST_PORT):
        if port and _is_free(host, port):
            return port
    # Not simply the next one up: two courses that start at the same moment would choose the same.
    with socket.socket(_family(host), socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def address(port: int, keys: Secrets, base_url: str = "", lesson: str | None = None, place: str = "") -> str:
    """Return the address that logs a browser in; the server takes the token out of it at once."""
    page = f"file={lesson}&" if lesson else ""
    anchor = f"#{quote(place)}" if lesson and place else ""
    return f"http://127.0.0.1:{port}{base_url}/?{page}access_token={keys.token}{anchor}"


def report(done: learners.HandOut, folder: Path, say: Callable[[str], None]) -> None:
    """Say what preparing the folder changed, in at most a few lines."""
    if done.new and not (done.unchanged or done.kept or done.replaced):
        say(f"Your work will be kept in {folder}")
    elif done.new:
        say(f"New lessons: {', '.join(done.new)}")
    if done.replaced:
        say(f"Updated (you had not changed them): {', '.join(done.replaced)}")
    for name, source in done.restored.items():
        say(f"{name} was empty, so it has been put back from {source}")
    for name in done.cut:
        say(f"{name} seems to end in the middle. The home page offers {learners.damaged(folder).get(name, '')} instead")
    for name in done.beside:
        say(f"A newer version of a lesson you have changed lies beside it: {name} (the home page puts them together)")


def _run_engine(folder: Path, host: str, port: int, keys: Secrets, base_url: str, allow_origins: Sequence[str]) -> int:
    """Run marimo's own command in this process: so its token, an argument, stands in no process list."""
    arguments = ["marimo", "--quiet", "--yes", "edit", str(folder), "--host", host, "--port", str(port), "--headless"]
    arguments += ["--skip-update-check", "--session-ttl", "3600", "--no-sandbox", "--token-password", keys.token]
    for origin in guard.allowed_origins(host, port, allow_origins):
        arguments += ["--allow-origins", origin]
    if base_url:
        arguments += ["--base-url", base_url]
    before, where = sys.argv, Path.cwd()
    sys.argv = arguments
    os.chdir(folder)
    # Ctrl-C cancels the server's own last wait, which it would report as if something had failed.
    quiet = logging.getLogger("uvicorn.error")
    quiet.addFilter(_is_news)
    try:
        from dlstudy.app.saving import write_page

        engine.without_language_servers()
        engine.save_safely(write_page)
        # alter_sys: the kernels are spawned and import their parent's main module again; marimo's is made for that.
        runpy.run_module("marimo", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except KeyboardInterrupt:
        return 0
    except ImportError as error:
        raise CannotStart(
            f"The page engine is not installed ({error}). Install the course again: pip install ."
        ) from error
    finally:
        quiet.removeFilter(_is_news)
        sys.argv = before
        os.chdir(where)
    return 0


def _is_news(record: logging.LogRecord) -> bool:
    return "asyncio.exceptions.CancelledError" not in record.getMessage()


def _announce(
    folder: Path,
    port: int,
    keys: Secrets,
    base_url: str,
    lesson: str | None,
    place: str,
    open_browser: bool,
    say: Callable[[str], None],
    problems: list[str],
) -> None:
    """Wait until the course itself answers, then show the address; end the server if something else answers."""
    deadline = time.monotonic() + START_SECONDS
    answer = "nothing answered"
    while answer == "nothing answered" and time.monotonic() < deadline:
        time.sleep(0.05)
        answer = _ask(port, keys, base_url)
    if answer == "ours":
        target = address(port, keys, base_url, lesson, place)
        say(f"The course is open at {target}")
        say("Press Ctrl-C here to end it; what you write is saved as you go.")
        if open_browser:
            _open_browser(folder, port, keys, base_url, lesson, place, say)
        return
    problems.append(
        f"The course did not start: {answer} on port {port}. Its pages are added to the page engine through the "
        "package's installed metadata, so most often the package was moved or half updated. Install it again "
        "(pip install --force-reinstall .) and run `dlstudy doctor`."
    )
    signal.raise_signal(signal.SIGINT)


def _open_browser(
    folder: Path,
    port: int,
    keys: Secrets,
    base_url: str,
    lesson: str | None,
    place: str,
    say: Callable[[str], None],
) -> None:
    """Open the course in the learner's browser with a code that works once; the token is for the terminal only."""
    root = f"http://127.0.0.1:{port}{base_url}"
    request = urllib.request.Request(f"{root}/api/course/code", method="PUT", headers=_bearer(keys))
    try:
        with _opener().open(request, timeout=5) as response:
            code = str(json.loads(response.read())["code"])
        opened = browser.open_at(browser.entry(root, code, lesson, place), code, folder)
    except (OSError, ValueError, KeyError, TypeError, webbrowser.Error):
        opened = False
    if not opened:
        say("No browser could be opened here. Open that address in yours.")


def _bearer(keys: Secrets) -> dict[str, str]:
    return {"Authorization": f"Bearer {keys.token}"}


def _opener() -> urllib.request.OpenerDirector:
    """Return what asks this very machine: no proxy stands between."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _ask(port: int, keys: Secrets, base_url: str) -> str:
    """Return "ours", "nothing answered", or in words what answered instead of the course.

    The token is shown only to a server that has proved that it knows this learner's secret and listens on this port.
    """
    root = f"http://127.0.0.1:{port}{base_url}/api"
    nonce = secrets.token_hex(16)
    opener = _opener()
    try:
        with opener.open(f"{root}/course/hello?nonce={nonce}", timeout=5) as response:
            said = json.loads(response.read()).get("course")
        if said != guard.hello(nonce, keys.session, port):
            return _OLDER if said == guard.older_hello(nonce, keys.session) else "the course of another folder answered"
        request = urllib.request.Request(f"{root}/progress", headers=_bearer(keys))
        with opener.open(request, timeout=5) as response:
            return "ours" if "lessons" in json.loads(response.read()) else "another program answered"
    except urllib.error.HTTPError as error:
        return f"a server without the course's pages answered ({error.code})"
    except (ValueError, AttributeError):
        return "another program answered"
    except OSError:
        return "nothing answered"


@contextmanager
def only_server(folder: Path) -> Iterator[bool]:
    """Take the folder for this server alone until the process ends, however it ends; False where another one has it."""
    from filelock import FileLock, Timeout

    lock = FileLock(paths.state_folder(folder) / "server.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        yield False
        return
    except (OSError, NotImplementedError):
        yield True  # a disk without locks: whether the remembered port answers has to do
        return
    try:
        yield True
    finally:
        lock.release()


def _find_running(folder: Path, base_url: str, *, wait: bool) -> tuple[Secrets | None, int | None]:
    """Return the secrets and the port of the server that this folder has already; with `wait`, one is just starting.

    Both are read again and again: whoever holds the folder may be writing them at this moment.
    """
    deadline = time.monotonic() + START_SECONDS
    while True:
        keys = read_secrets(folder)
        found = _already_running(_remembered_port(folder), keys, base_url) if keys else None
        if found or not wait or time.monotonic() > deadline:
            return keys, found
        time.sleep(0.1)


def _already_running(port: int | None, keys: Secrets, base_url: str) -> int | None:
    """Return the port on which the course of these keys' folder answers already: two servers must not share one.

    Raises CannotStart: it is one that was started before the course was updated.
    """
    if port is None or _is_free("127.0.0.1", port):
        return None
    answer = _ask(port, keys, base_url)
    if answer == _OLDER:
        raise CannotStart(
            f"The course is still running as it was before its update, on port {port}. End it with Ctrl-C where it "
            "runs, and start again."
        )
    return port if answer == "ours" else None


def _is_free(host: str, port: int) -> bool:
    with socket.socket(_family(host), socket.SOCK_STREAM) as probe:
        if os.name == "posix":  # on Windows the option would allow two servers on one port
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _port_file(folder: Path) -> Path:
    return paths.state_folder(folder) / "port"


def _remembered_port(folder: Path) -> int | None:
    try:
        port = int(_port_file(folder).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return port if 1024 <= port <= 65535 else None


def _remember_port(folder: Path, port: int) -> None:
    write(_port_file(folder), str(port))
