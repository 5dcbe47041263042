"""A notebook served by the page engine alone, and views of it in a real browser: what the tests of figures need."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def served(notebook: str) -> Iterator[str]:
    """Serve the text of a notebook by the page engine, in a folder outside /tmp; the address while it lasts."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    cache.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="dlstudy-figures-", dir=cache))
    (folder / "page.py").write_text(notebook)
    (folder / "pyproject.toml").write_text("[tool.marimo.runtime]\nauto_instantiate = true\n"
                                           '[tool.marimo.display]\ntheme = "system"\n')  # fmt: skip
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "marimo", "edit", "page.py", "--headless", "--no-token", "--skip-update-check",
               "--host", "127.0.0.1", "--port", str(port)]  # fmt: skip
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1).read()
                break
            except OSError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def views(browser: Any, address: str, *ready: str) -> Iterator[Callable[..., Any]]:
    """Open the served page in a width and theme, until all of `ready` (selectors) are there.

    At the end no request may have left the machine, and no script may have failed.
    """
    opened: list[Any] = []
    strangers: list[str] = []
    errors: list[str] = []
    own = (address, address.replace("http", "ws", 1), "data:", "blob:")

    def open_(width: int = 1100, height: int = 1400, **options: Any) -> Any:
        page = browser.new_page(viewport={"width": width, "height": height}, **options)
        page.on("request", lambda request: None if request.url.startswith(own) else strangers.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address)
        for selector in ready:
            page.wait_for_selector(selector, timeout=60_000)
        opened.append(page)
        return page

    yield open_
    for page in opened:
        page.close()
    assert strangers == []
    assert errors == []
